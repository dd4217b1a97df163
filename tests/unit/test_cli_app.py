from __future__ import annotations

import json
import sys

import pytest

from cl2d import pipeline
from cl2d.cli import main
from cl2d.cli.demo import DemoScored, _report
from cl2d.errors import InputError, InputFileError
from cl2d.events import RunFinished


@pytest.fixture
def run(monkeypatch):
    """Replace the pipeline; calls are kept, and ``run["does"]`` is what it does."""
    state = {"calls": [], "does": lambda on_event: on_event(RunFinished(1.0, 2.0))}

    def classify(particles, *, output, on_event, **options):
        state["calls"].append((str(particles), str(output), options))
        state["does"](on_event)

    monkeypatch.setattr(pipeline, "classify", classify)
    return state


def failing(error):
    def fail(_on_event):
        raise error

    return fail


def test_options_reach_the_pipeline_by_their_python_names(run):
    words = ["classify", "in.star", "-o", "out", "-k", "7", "--no-mirrors", "--max-shift-px", "3"]
    assert main([*words, "--seed", "5", "--threads", "2", "--overwrite", "--no-whiten"]) == 0
    [(particles, output, options)] = run["calls"]
    assert (particles, output) == ("in.star", "out")
    assert options["n_classes"] == 7
    assert options["initial_classes"] == 4
    assert options["max_shift_px"] == 3.0
    assert (options["seed"], options["threads"]) == (5, 2)
    assert options["overwrite"]
    assert not options["mirrors"]
    assert not options["whiten"]


def test_few_classes_need_no_word_on_the_first_level(run):
    assert main(["classify", "in.star", "-o", "out", "--classes", "2"]) == 0
    assert run["calls"][0][2]["initial_classes"] == 2


@pytest.mark.usefixtures("run")
def test_end_of_the_run_is_told_with_the_folder(capsys):
    assert main(["classify", "in.star", "-o", "out"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["done in 1.0 s (2.0 s of processor time)", "results: out"]


def test_quiet_run_says_nothing(run, capsys):
    assert main(["classify", "in.star", "-o", "out", "--quiet"]) == 0
    assert len(run["calls"]) == 1
    assert capsys.readouterr() == ("", "")


def test_quiet_json_run_has_events_only(run, capsys):
    assert main(["classify", "in.star", "-o", "out", "--quiet", "--json"]) == 0
    out, err = capsys.readouterr()
    assert len(run["calls"]) == 1
    assert json.loads(out) == {"event": "run_finished", "seconds": 1.0, "cpu_seconds": 2.0}
    assert err == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-k", "0"], '--classes must be a whole number >= 1 or "auto", not 0'),
        (["-k", "2", "--initial-classes", "3"], "--initial-classes (3) must not exceed"),
        (["--max-shift-px", "1", "--max-shift-angstrom", "2"], "must not both be given"),
        (
            ["--similarity", "corr"],
            "--similarity must be 'likelihood', 'correlation' or 'correntropy', not 'corr'",
        ),
        (["--resolution-angstrom", "nan"], "--resolution-angstrom must be a finite number"),
        (["--clases", "3"], "--clases"),
        (["-k", "2.5"], "--classes"),
        (["second-input"], "second-input"),
        (["-o", ""], "must be the name of a folder, not empty"),
    ],
)
def test_bad_usage_is_one_line_and_code_2_before_any_work(run, capsys, words, message):
    assert main(["classify", "in.star", "-o", "out", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("cl2d: error: ")
    assert message in err
    assert run["calls"] == []


@pytest.mark.parametrize("words", [["classify"], ["classify", "in.star"], ["clasify"], ["--foo"]])
def test_incomplete_command_is_one_line_and_code_2(capsys, words):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert err.startswith("cl2d: error: ")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("row 3 is\nbad"), 2, "row 3 is bad"),
        (InputFileError("p.star: no such file"), 2, "p.star: no such file"),
        (RuntimeError("broken"), 1, "the run failed: RuntimeError: broken (--debug shows where)"),
        (MemoryError(), 1, "the run failed: not enough memory"),
        (OSError(28, "No space left on device"), 1, "the run failed: No space left on device ("),
        (OSError(28, "No space left", "out/a.star"), 1, "No space left: out/a.star ("),
    ],
)
def test_failure_is_one_line_and_tells_its_kind_by_the_code(run, capsys, error, code, message):
    run["does"] = failing(error)
    assert main(["classify", "in.star", "-o", "out"]) == code
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert message in err


def test_debug_adds_the_traceback(run, capsys):
    run["does"] = failing(RuntimeError("broken"))
    assert main(["classify", "in.star", "-o", "out", "--debug"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("cl2d: error: the run failed")


def test_interrupted_run_has_code_130_and_says_what_is_kept(run, capsys, tmp_path):
    (tmp_path / "levels").mkdir()
    run["does"] = failing(KeyboardInterrupt())
    assert main(["classify", "in.star", "-o", str(tmp_path)]) == 130
    assert capsys.readouterr().err == f"cl2d: interrupted; {tmp_path} keeps levels\n"


def test_version(capsys):
    assert main(["--version"]) == 0
    name, version = capsys.readouterr().out.split()
    assert name == "cl2d"
    assert version[0].isdigit()


@pytest.mark.parametrize("words", [["--help"], ["classify", "-h"], ["demo", "--help"]])
def test_help_is_no_error(capsys, words):
    assert main(words) == 0
    assert "Usage: cl2d" in capsys.readouterr().out


def test_bare_program_shows_the_commands_and_is_bad_usage(capsys):
    assert main([]) == 2
    out = capsys.readouterr().out
    for command in ("classify", "simulate", "demo", "info"):
        assert command in out


def test_words_of_the_process_are_taken_when_none_are_given(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cl2d", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("cl2d ")


def test_info_tells_versions_simd_level_and_threads(capsys):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    keys = {"version", "python", "numpy", "simd_level", "simd_levels", "threads", "openmp"}
    assert keys | {"compiler", "eigen", "available_memory_bytes"} <= facts.keys()
    assert facts["simd_level"] in facts["simd_levels"]
    for key in ("version", "numpy", "simd_level", "compiler"):
        assert str(facts[key]) in text


def test_simulate_words_errors_with_its_flags(capsys, tmp_path):
    assert main(["simulate", "-o", str(tmp_path / "new"), "--n-particles", "0"]) == 2
    message = "cl2d: error: --n-particles must be at least 1, not 0\n"
    assert capsys.readouterr().err == message
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["simulate", "demo"])
def test_folder_with_files_is_refused(capsys, tmp_path, command):
    (tmp_path / "mine.txt").touch()
    assert main([command, "-o", str(tmp_path)]) == 2
    assert "must be empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_output_that_is_a_file_is_refused(capsys, tmp_path):
    (tmp_path / "file").touch()
    assert main(["simulate", "-o", str(tmp_path / "file"), "--overwrite"]) == 2
    assert "must be a folder, not the file" in capsys.readouterr().err


def test_demo_report_in_words_and_as_json(capsys):
    scored = DemoScored(8, 7, 0.9123, 12.3, "x/gallery.png", "x/report.html")
    _report(scored, quiet=False, as_json=False)
    text = capsys.readouterr().out
    assert "7 of 8" in text
    assert "0.912" in text
    assert "x/gallery.png" in text
    assert "x/report.html" in text
    _report(scored, quiet=True, as_json=True)
    assert json.loads(capsys.readouterr().out)["n_views_found"] == 7
    _report(scored, quiet=True, as_json=False)
    assert capsys.readouterr().out == ""
