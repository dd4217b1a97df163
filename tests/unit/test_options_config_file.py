"""Options from files: by hand in YAML or JSON, and from the record of a run."""

from __future__ import annotations

import json

import pytest

from cl2d.errors import InputFileError
from cl2d.options import ClassifyOptions, build_options, read_config


def written(tmp_path, text, name="run.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "classes: 16\nmax-shift-px: 5\nmirrors: false\n",
        "n_classes: 16\nmax_shift_px: 5.0\nmirrors: no\n",
        "levels:\n  classes: 16\nalignment: {max_shift_px: 5, mirrors: false}\n",
    ],
)
def test_names_of_the_command_line_of_python_and_of_stages_are_known(tmp_path, text):
    values = read_config(written(tmp_path, text)).values
    assert values == {"classes": 16, "max_shift_px": 5, "mirrors": False}
    assert build_options(values).levels.classes == 16


def test_json_says_the_same(tmp_path):
    path = written(tmp_path, '{"classes": "auto", "particles": "a.star"}', "run.json")
    job = read_config(path)
    assert job.values == {"classes": "auto"}
    assert str(job.particles) == "a.star"


def test_an_empty_file_says_nothing(tmp_path):
    assert read_config(written(tmp_path, "# nothing yet\n")).values == {}


def test_particles_are_found_beside_the_file(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.star").touch()
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "there", "particles: a.star\n")
    assert read_config(path).particles == tmp_path / "there" / "a.star"
    (tmp_path / "a.star").touch()  # the working directory comes first
    assert str(read_config(path).particles) == "a.star"


def test_the_record_of_a_run_repeats_its_options_and_its_storage(tmp_path):
    options = ClassifyOptions.from_flat(n_classes=8, seed=5, overwrite=True, format="xmipp")
    record = {
        "status": "complete",
        "options": options.model_dump(),
        "memory": {"storage": "half"},
        "input": {"name": "a.star", "fingerprint_sha256": "ab"},
        "versions": {"cl2d": "0.0.1"},
    }
    job = read_config(written(tmp_path, json.dumps(record), "run.json"))
    again = build_options(job.values)
    assert again.output.overwrite is False
    assert again.run.storage == "half"
    assert again.levels == options.levels
    assert again.output.formats == ("xmipp",)
    assert (str(job.particles), job.version, job.fingerprint) == ("a.star", "0.0.1", "ab")


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("clases: 3", "run.yaml", "run.yaml: unknown option clases: did you mean n_classes"),
        ("classes: 3\nn_classes: 4", "run.yaml", "run.yaml: classes must be given once"),
        ("- 3", "run.yaml", "the file must hold names and their values, not list"),
        ("3: 4", "run.yaml", "must hold names and their values"),
        ("a: [", "run.yaml", "run.yaml: must be YAML"),
        ("{", "run.json", "run.json: must be JSON"),
        ("particles: 3", "run.yaml", "particles must be the name of a file, not 3"),
        ("classes: 3", "run.toml", "must be .yaml or .json"),
        ('{"status": "complete", "options": 3}', "run.json", "options must hold names"),
        ("a: !!python/object/apply:os.system [ls]", "run.yaml", "must be YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_name(tmp_path, text, name, message):
    with pytest.raises(InputFileError, match=message):
        read_config(written(tmp_path, text, name))


def test_a_missing_file_and_bytes_are_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"no\.yaml: must be a file of options .*No such file"):
        read_config(tmp_path / "no.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputFileError, match="not UTF-8"):
        read_config(tmp_path / "b.yaml")
