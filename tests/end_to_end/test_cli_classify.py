"""The program as users and frameworks start it: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import cl2d as package

PROGRAM = [sys.executable, "-m", "cl2d"]


@pytest.fixture(scope="module", autouse=True)
def same_package_from_every_folder():
    """Let the program find the package that is tested wherever it is started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(package.__file__).parents[1]))
        yield


def cl2d(*words, **options):
    command = [*PROGRAM, *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )


@pytest.fixture(scope="module")
def particles(tmp_path_factory):
    """Return the table of 300 simulated particles of 32 px from 3 views."""
    folder = tmp_path_factory.mktemp("particles")
    words = ["-n", "300", "--box-px", "32", "--n-views", "3", "--snr", "1", "--shift-sd-px", "1"]
    done = cl2d("simulate", "-o", folder, *words, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder / "particles.star"


@pytest.fixture(scope="module")
def long_table(particles):
    """Return a table with each particle forty times: work for longer than a signal needs."""
    lines = particles.read_text().splitlines(keepends=True)
    rows = [line for line in lines if "@" in line]
    head = lines[: lines.index(rows[0])]
    table = particles.with_name("long.star")
    table.write_text("".join(head + 40 * rows) + "\n")
    return table


@pytest.fixture(scope="module")
def finished(particles, tmp_path_factory):
    """Return the process and the folder of a finished run with 4 classes."""
    out = tmp_path_factory.mktemp("finished") / "run"
    words = ["classify", particles, "-o", out, "-k", "4", "--initial-classes", "2", "--json"]
    return cl2d(*words, "--iterations", "3"), out


def test_finished_run_has_code_0_and_its_files(finished):
    process, out = finished
    assert process.returncode == 0, process.stderr
    for name in ("particles.star", "classes.mrcs", "classes.star", "gallery.png", "run.json"):
        assert (out / name).stat().st_size > 0


def test_each_line_of_standard_output_is_one_json_event(finished):
    process, _ = finished
    kinds = [json.loads(line)["event"] for line in process.stdout.splitlines()]
    assert kinds[-1] == "run_finished"
    assert kinds.index("run_planned") < kinds.index("level_started")
    assert kinds.count("level_started") == kinds.count("level_finished") == 2
    reports = [json.loads(line) for line in process.stdout.splitlines() if "settling" in line]
    assert 2 <= sum(report["exchange"] == 0 and not report["settling"] for report in reports) <= 9
    assert 1 <= sum(report["settling"] for report in reports) <= 6


def test_planned_run_is_told_before_it_starts(finished):
    process, _ = finished
    records = [json.loads(line) for line in process.stdout.splitlines()]
    [plan] = [record for record in records if record["event"] == "run_planned"]
    assert (plan["n_images"], plan["box_px"], plan["n_classes"]) == (300, 32, 4)
    assert 0 < plan["memory_bytes"] < plan["available_memory_bytes"]
    assert plan["threads"] == len(os.sched_getaffinity(0))


def test_progress_without_terminal_is_plain_lines(finished):
    process, out = finished
    assert "\x1b" not in process.stderr
    assert "\r" not in process.stderr
    lines = process.stderr.splitlines()
    assert lines[0].startswith("planning: ")
    assert lines[1].startswith("300 particles, box 32 px")
    assert any(line.startswith("level 1 (4 classes)  iteration 1 of at most 6") for line in lines)
    assert any("% changed" in line and "mean similarity" in line for line in lines)
    assert lines[-1] == f"results: {out}"


def test_iterations_count_from_one(finished):
    process, _ = finished
    records = [json.loads(line) for line in process.stdout.splitlines()]
    firsts = {
        record["level"]: record["iteration"]
        for record in reversed(records)
        if record["event"] == "iteration_report"
    }
    assert firsts == {0: 1, 1: 1}


def test_folder_with_a_run_is_refused_and_left_alone(finished, particles):
    _, out = finished
    before = {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*"))}
    refused = cl2d("classify", particles, "-o", out, "-k", "2")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("cl2d: error: ")
    assert "--overwrite" in refused.stderr
    assert {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*"))} == before


def test_overwrite_replaces_an_earlier_run(particles, tmp_path):
    words = ["classify", particles, "-o", tmp_path / "run", "--iterations", "1", "--quiet"]
    assert cl2d(*words, "-k", "2").returncode == 0
    again = cl2d(*words, "-k", "1", "--overwrite")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    settings = json.loads((tmp_path / "run" / "run.json").read_text())
    assert '"initial_classes": 1' in json.dumps(settings)


@pytest.mark.parametrize("name", ["missing.star", "particles.txt"])
def test_unusable_input_is_one_line_and_code_2(tmp_path, name):
    (tmp_path / "particles.txt").write_text("no particles\n")
    refused = cl2d("classify", tmp_path / name, "-o", tmp_path / "out")
    assert refused.returncode == 2
    [line] = refused.stderr.splitlines()
    assert line.startswith("cl2d: error: ")
    assert name in line


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signal_stops_a_run_before_its_end(long_table, tmp_path, number, code):
    out = tmp_path / "run"
    words = ["classify", long_table, "-o", out, "-k", "64", "--iterations", "3"]
    command = [*PROGRAM, *map(str, words), "--min-change-percent", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            while "level 0 done" not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == code
    assert err.splitlines()[-1] == (
        f"cl2d: interrupted; {out} keeps checkpoint, levels, run.json; "
        f"go on with: cl2d resume {out}"
    )
    assert "Traceback" not in err
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "interrupted"
    assert record["levels"][0]["n_classes"] == 4
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    kept = [str(path.relative_to(out)) for path in files if path.parent.name != "checkpoint"]
    levels = range(len(record["levels"]))
    assert kept == [*(f"levels/level_{k:02d}/particles.npz" for k in levels), "run.json"]


def test_reader_that_goes_away_ends_the_run_in_one_line(particles, tmp_path):
    words = ["classify", particles, "-o", tmp_path / "run", "-k", "2", "--json", "--quiet"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*PROGRAM, *map(str, words)], text=True, **pipes) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 1
    assert err.splitlines() == ["cl2d: error: the program that read the standard output has ended"]


@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_run_does_not_depend_on_its_standard_streams(particles, tmp_path, streams):
    out = tmp_path / "run"
    words = ["classify", particles, "-o", out, "-k", "1", "--iterations", "1"]
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", *PROGRAM, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0
    assert json.loads((out / "run.json").read_text())["status"] == "complete"
    assert done.stdout == ""
    assert ("results: " in done.stderr) == ("2>" not in streams)


def test_terminal_gets_moving_bars(particles, tmp_path):
    terminal, end = os.openpty()
    command = [*PROGRAM, "classify", particles, "-o", tmp_path / "run", "-k", "2"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "140"}
    with subprocess.Popen([*map(str, command)], stderr=end, env=environment) as process:
        os.close(end)
        text = read_terminal(terminal)
    assert process.returncode == 0
    assert "━" in text
    assert "level 0" in text
    assert "\x1b[?25h" in text  # the cursor is shown again
    assert f"results: {tmp_path / 'run'}" in text.replace("\r\n", "")


def read_terminal(terminal):
    """Return everything written to a pseudo-terminal until its last writer is gone."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux reports the end of a pseudo-terminal as an error
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()
