"""Records of runs, arrays of levels and files of options that are not what cl2d or a user wrote."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import cl2d
from cl2d.io.npz import read_npz
from cl2d.options.config_file import read_config
from cl2d.outputs.saved_run import load_run


@pytest.fixture
def make(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return bench("fuzz_targets")


def pickled() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, score=np.array([{}], dtype=object), allow_pickle=True)
    return stream.getvalue()


WHOLE = "a.npz: must be a whole file of arrays ({})"
ARRAYS = {
    "no archive": (lambda _: b"x" * 100, "File is not a zip file"),
    "empty": (lambda _: b"", "File is not a zip file"),
    "cut off": (lambda m: m.arrays_of_a_level()[:-30], "File is not a zip file"),
    "compressed": (lambda m: m.compressed_arrays(), "its arrays are compressed"),
    "a bomb": (lambda m: m.archive(bytes(10_000_000), packed=True), "its arrays are compressed"),
    "objects": (lambda _: pickled(), "it holds Python objects"),
    "10^12 numbers": (
        lambda m: m.archive(m.npy("'<f8'", (10**12,))),
        f"an array of shape ({10**12},) does not fit in its 64 bytes",
    ),
    "less than nothing": (
        lambda m: m.archive(m.npy("'<f8'", (-1,))),
        "an array of shape (-1,) does not fit in its 64 bytes",
    ),
    "no header": (
        lambda m: m.archive(b"abc"),
        "EOF: reading magic string, expected 8 bytes got 3",
    ),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_are_refused_before_they_are_believed(make, kind):
    build, reason = ARRAYS[kind]
    Path("a.npz").write_bytes(build(make))
    with pytest.raises(cl2d.InputFileError) as caught:
        read_npz(Path("a.npz"))
    assert str(caught.value) == WHOLE.format(reason)


def test_changed_byte_in_an_array_is_found(make):
    raw = bytearray(make.arrays_of_a_level())
    raw[200] ^= 1
    Path("a.npz").write_bytes(raw)
    with pytest.raises(cl2d.InputFileError, match=r"Bad CRC-32 for file 'class_number.npy'"):
        read_npz(Path("a.npz"))


@pytest.mark.usefixtures("make")
def test_members_that_share_their_bytes_are_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a.npy", bytes(10_000))
        first = file.filelist[0]
        for k in range(50):
            other = zipfile.ZipInfo(f"b{k}.npy")
            for name in ("header_offset", "CRC", "file_size", "compress_size"):
                setattr(other, name, getattr(first, name))
            file.filelist.append(other)
    Path("a.npz").write_bytes(stream.getvalue())
    with pytest.raises(cl2d.InputFileError, match="it promises 510000 bytes of arrays and has"):
        read_npz(Path("a.npz"))


@pytest.mark.usefixtures("make")
def test_arrays_come_back_as_they_were_written():
    arrays = {"a": np.arange(6).reshape(2, 3), "b": np.asfortranarray(np.ones((2, 3))),
              "c": np.array(3.5), "d": np.zeros((0, 4), np.float32)}  # fmt: skip
    np.savez("a.npz", **arrays)
    back = read_npz(Path("a.npz"))
    assert back.keys() == arrays.keys()
    for name, values in arrays.items():
        assert back[name].dtype == values.dtype
        np.testing.assert_array_equal(back[name], values)


OPTIONS = {
    ("o.yaml", b"n_classes: 2001-99-99"): "o.yaml: must be YAML (month must be in 1..12)",
    ("o.yaml", b"n_classes: !!int x"): "o.yaml: must be YAML (invalid literal",
    ("o.yaml", b"a: " + b"[" * 5000): "o.yaml: must be YAML (",
    ("o.json", b"[" * 200_000): "o.json: must be JSON (",
    ("o.json", b'{"a": NaN'): "o.json: must be JSON (",
    ("o.yaml", b"\xff\xfea"): "o.yaml: must be a file of options that can be read (not UTF-8)",
    ("o.yaml", b"a: \0"): "o.yaml: must be YAML (",
    ("run.json", b'{"status": 1, "options": {}, "input": {"name": 3}}'):
        "run.json: name of input must be a text, not 3",
    ("run.json", b'{"status": 1, "options": {}, "memory": [3]}'):
        "run.json: memory must hold names and their values, not list",
    ("run.json", b'{"status": 1, "options": {}, "versions": 5}'):
        "run.json: versions must hold names and their values, not int",
}  # fmt: skip


@pytest.mark.parametrize("case", OPTIONS, ids=lambda case: str(case[1][:30]))
@pytest.mark.usefixtures("make")
def test_options_that_cannot_be_read_are_refused(case):
    name, content = case
    Path(name).write_bytes(content)
    with pytest.raises(cl2d.InputFileError) as caught:
        read_config(name)
    assert str(caught.value).startswith(OPTIONS[case])


@pytest.mark.usefixtures("make")
def test_few_lines_that_stand_for_any_number_are_not_printed():
    lines = ["a: &a [1,1,1,1,1,1,1,1,1]"]
    lines += [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]"
        for old, new in zip("abcdefghijk", "bcdefghijkl", strict=True)
    ]
    Path("o.yaml").write_text("\n".join(lines) + "\nparticles: *l\n")
    with pytest.raises(cl2d.InputFileError) as caught:
        read_config("o.yaml")
    assert str(caught.value) == "o.yaml: particles must be the name of a file, not a list"


@pytest.mark.usefixtures("make")
def test_options_from_a_pipe_or_of_any_size_are_not_waited_for():
    os.mkfifo("o.yaml")
    with pytest.raises(cl2d.InputFileError, match="not a folder, a pipe or a device"):
        read_config("o.yaml")
    with Path("p.yaml").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(cl2d.InputFileError, match="must not have more than 67108864 bytes"):
        read_config("p.yaml")


@pytest.mark.usefixtures("make")
def test_byte_order_mark_makes_no_difference_to_options():
    Path("o.json").write_bytes(b'\xef\xbb\xbf{"n_classes": 3}')
    Path("o.yaml").write_bytes(b"\xef\xbb\xbfn_classes: 3\r\n")
    assert read_config("o.json").values == read_config("o.yaml").values == {"classes": 3}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder of a finished run."""
    out = tmp_path_factory.mktemp("run") / "out"
    images = np.random.default_rng(0).normal(size=(20, 20, 20))
    cl2d.classify(images, n_classes=2, initial_classes=1, iterations=1, threads=1, output=out)
    return out


RECORDS = {
    "deep": lambda _: "[" * 100_000,
    "no input": lambda _: json.dumps({"status": "complete"}),
    "levels": lambda record: json.dumps(record | {"levels": 3}),
    "no levels": lambda record: json.dumps(record | {"levels": []}),
    "level": lambda record: json.dumps(record | {"levels": [3]}),
    "preprocessing": lambda record: json.dumps(record | {"preprocessing": [1]}),
    "options": lambda record: json.dumps(record | {"options": "x"}),
    "mark": lambda record: json.dumps({**record, "levels": {"a": 1}}),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_record_of_another_form_is_refused(finished, tmp_path, kind):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(RECORDS[kind](record))
    with pytest.raises(cl2d.InputFileError):
        load_run(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": np.zeros(3)}, "score must be 20 numbers, not float64 of shape (3,)"),
        ({"flip": np.zeros((20, 2))}, "flip must be 20 numbers, not float64 of shape (20, 2)"),
        ({"psi_deg": np.full(20, "a")}, "psi_deg must be 20 numbers, not <U1 of shape (20,)"),
        ({"margin": np.zeros(19)}, "margin must be 20 numbers, not float64 of shape (19,)"),
    ],
)
def test_level_of_other_arrays_is_refused(finished, tmp_path, change, message):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    path = folder / "levels" / "level_01" / "particles.npz"
    with np.load(path) as stored:
        arrays = {**stored, **change}
    np.savez(path, **arrays)
    with pytest.raises(cl2d.InputFileError) as caught:
        load_run(folder)
    assert str(caught.value) == f"{path}: {message}"
