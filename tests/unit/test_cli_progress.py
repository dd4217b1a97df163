from __future__ import annotations

import dataclasses
import io
import json
import sys

import numpy as np
import pytest

from cl2d.cli import progress
from cl2d.cli.live import LiveBars
from cl2d.cli.progress import JsonLines, PlainLines, json_line, shown_progress
from cl2d.cli.time_left import TimeLeft
from cl2d.cli.wording import Wording, count, duration
from cl2d.events import (
    ClassesAdjusted,
    IterationProgress,
    LevelFinished,
    LevelStarted,
    PhaseFinished,
    PhaseProgress,
    PhaseStarted,
    RunFinished,
    RunPlanned,
    RunWarned,
)
from cl2d.options import LevelOptions
from cl2d.results import IterationReport

PLAN = RunPlanned(
    n_images=12_000,
    box_px=64,
    pixel_size_angstrom=4.0,
    working_box_px=32,
    resolution_angstrom=16.4,
    n_classes=8,
    n_shifts=37,
    max_shift_px=6.4,
    memory_bytes=1_500_000_000,
    storage="half",
    bytes_per_image=5_120,
    memory_limit_bytes=2_000_000_000,
    threads=2,
    simd_level="avx2",
    warnings=("the particles look black",),
)
REPORT = IterationReport(
    level=0,
    n_classes=4,
    iteration=2,
    n_changed=300,
    mean_score=0.25,
    smallest_class=7,
    largest_class=900,
    n_reseeded=0,
    seconds=2.0,
    n_images=12_000,
)
EVENTS = [
    PLAN,
    PhaseStarted("reading", 10),
    PhaseProgress("reading", 5, 10),
    PhaseFinished("reading", 61.0),
    LevelStarted(0, 4),
    IterationProgress(0, 2, 6000, 12_000),
    REPORT,
    LevelFinished(0, 4, (5000, 4000, 2993, 7)),
    RunFinished(75.0, 140.0),
]


@pytest.fixture
def clock(monkeypatch):
    """Return a list whose first entry is the time."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def plain_lines(stream):
    return PlainLines(stream, Wording(10), TimeLeft((4, 8), 10))


def test_plain_lines_tell_plan_iterations_and_end():
    stream = io.StringIO()
    show = plain_lines(stream)
    for event in EVENTS:
        show(event)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "12,000 particles, box 64 px, 4 angstrom a pixel"
    assert lines[1] == "worked on at 32 px, detail to 16.4 angstrom"
    assert lines[2] == "8 classes, shifts up to 6.4 px (37 positions)"
    assert lines[3] == "2 threads, SIMD avx2"
    assert lines[4] == (
        "memory: about 1.5 GB needed, 2.0 GB available; 5.1 kB an image in half precision"
    )
    assert lines[5:] == [
        "warning: the particles look black",
        "reading: 1 min 01 s",
        "level 0 (4 classes)  iteration 2 of at most 10  2.5 % changed  mean similarity 0.2500"
        "  sizes 7 to 900  2.0 s",
        "level 0 done: 4 classes of 7 to 5000 particles",
        "done in 1 min 15 s (2 min 20 s of processor time)",
    ]


def test_what_comes_up_on_the_way_is_a_line_of_its_own():
    stream = io.StringIO()
    plain_lines(stream)(RunWarned("2 of 9 images are constant"))
    assert stream.getvalue() == "warning: 2 of 9 images are constant\n"


def test_mere_progress_is_told_every_half_minute_with_the_time_left(clock):
    stream = io.StringIO()
    show = plain_lines(stream)
    show(REPORT)
    shown = len(stream.getvalue())
    clock[0] = 29.0
    show(IterationProgress(0, 3, 3000, 12_000))
    assert len(stream.getvalue()) == shown
    clock[0] = 31.0
    show(IterationProgress(0, 3, 6000, 12_000))
    # 8 iterations of 4 classes and 20 of 8, at half a second a class
    assert stream.getvalue()[shown:] == "level 0  iteration 3: 50 %, about 1 min 36 s left\n"
    clock[0] = 62.0
    show(PhaseProgress("writing", 2500))
    assert stream.getvalue().endswith("writing: 2,500\n")


def test_images_without_pixel_size_are_planned_too():
    stream = io.StringIO()
    unknown = {"pixel_size_angstrom": None, "resolution_angstrom": None, "warnings": ()}
    plain_lines(stream)(RunPlanned(**{**vars(PLAN), **unknown}))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "12,000 particles, box 64 px, pixel size not known"
    assert lines[1] == "worked on at 32 px"
    assert len(lines) == 5


def test_flipped_phases_are_told():
    stream = io.StringIO()
    plain_lines(stream)(RunPlanned(**{**vars(PLAN), "ctf": "flip"}))
    plain_lines(stream)(RunPlanned(**{**vars(PLAN), "ctf": "full"}))
    assert "worked on at 32 px, detail to 16.4 angstrom, phases flipped\n" in stream.getvalue()
    assert ", detail to 16.4 angstrom, averages corrected for the CTF\n" in stream.getvalue()


def test_json_has_one_object_an_event():
    stream = io.StringIO()
    write = JsonLines(stream)
    for event in EVENTS:
        write(event)
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [record["event"] for record in records] == [
        "run_planned",
        "phase_started",
        "phase_progress",
        "phase_finished",
        "level_started",
        "iteration_progress",
        "iteration_report",
        "level_finished",
        "run_finished",
    ]
    assert records[0]["available_memory_bytes"] > 0
    assert records[0]["warnings"] == ["the particles look black"]
    assert records[6]["n_changed"] == 300
    assert records[7]["class_sizes"] == [5000, 4000, 2993, 7]


def test_json_takes_numpy_numbers_and_has_null_for_nan():
    report = IterationReport(**{**vars(REPORT), "n_changed": np.int64(3), "mean_score": np.nan})
    record = json.loads(json_line(report))
    assert record["n_changed"] == 3
    assert record["mean_score"] is None


def test_json_refuses_what_is_no_event():
    with pytest.raises(TypeError, match="an event must be a dataclass, not dict"):
        json_line({"event": "x"})


def test_bars_show_level_iteration_and_change(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "140")
    stream = io.StringIO()
    with LiveBars(stream, Wording(10), TimeLeft((4, 8), 10)) as show:
        for event in EVENTS[:-2]:
            show(event)
            show._progress.refresh()
        assert [task.description for task in show._progress.tasks] == ["level 0: 4 classes"]
        detail = show._progress.tasks[0].fields["detail"]
        assert detail == "2.5 % changed, mean similarity 0.2500, about 1 min 36 s left"
        show(EVENTS[-2])
        assert show._progress.tasks == []
        show(EVENTS[-1])
    text = stream.getvalue()
    for words in ("iteration 2", "reading", "50%", "done in 1 min 15 s"):
        assert words in text


def test_bars_bear_a_missing_start():
    with LiveBars(io.StringIO(), Wording(10), TimeLeft((4, 8), 10)) as show:
        for event in (PhaseProgress("x", 1), PhaseFinished("x", 1.0), REPORT, EVENTS[-2], object()):
            show(event)
        assert show._progress.tasks == []


def test_time_left_shrinks_to_nothing_at_the_last_iteration():
    time_left = TimeLeft((4, 8), 10)
    assert time_left.seconds() is None
    time_left.update(REPORT)
    # The last level may take twice as many iterations as the others.
    assert time_left.seconds() == pytest.approx(0.5 * (8 * 4 + 20 * 8))
    last = {"level": 1, "n_classes": 8, "iteration": 20, "seconds": 4.0}
    time_left.update(IterationReport(**{**vars(REPORT), **last}))
    assert time_left.seconds() == 0


def test_time_left_is_not_known_where_the_number_of_classes_is_not():
    time_left = TimeLeft(None, 10)
    time_left.update(REPORT)
    assert time_left.seconds() is None


def test_last_level_is_told_to_take_more_iterations():
    line = Wording(10, last_classes=4).iteration_line(REPORT)
    assert "iteration 2 of at most 20" in line


def test_classes_that_are_found_are_announced_and_their_adjustments_told():
    lines = Wording(10).lines(dataclasses.replace(PLAN, automatic_classes=True))
    assert lines[2].startswith("at most 8 classes, as many as are found, shifts up to")
    told = Wording(10).lines(ClassesAdjusted(level=2, exchange=1, n_joined=3, n_cut=1))
    assert told == ["level 2: 3 classes joined to others, 1 cut"]


def test_progress_of_a_search_for_the_number_of_classes_is_shown(capsys):
    with shown_progress(LevelOptions(classes="auto"), quiet=False, as_json=False) as tell:
        for event in EVENTS:
            tell(event)
    assert "left" not in capsys.readouterr().err


def test_quiet_shows_nothing(capsys):
    with shown_progress(LevelOptions(), quiet=True, as_json=False) as tell:
        for event in EVENTS:
            tell(event)
    assert capsys.readouterr() == ("", "")


def test_json_and_lines_go_to_their_own_streams(capsys):
    with shown_progress(LevelOptions(), quiet=False, as_json=True) as tell:
        tell(REPORT)
    out, err = capsys.readouterr()
    assert json.loads(out)["iteration"] == 2
    assert err.startswith("level 0 (4 classes)")


@pytest.mark.parametrize(("as_json", "has_bars"), [(False, True), (True, False)])
def test_bars_only_on_a_terminal_that_is_not_shared_with_json(monkeypatch, as_json, has_bars):
    seen = []

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(LiveBars, "__call__", lambda _, event: seen.append(event))
    with shown_progress(LevelOptions(), quiet=False, as_json=as_json) as tell:
        tell(REPORT)
    assert bool(seen) is has_bars


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.9, "1 h 00 min"),
        (7865, "2 h 11 min"),
    ],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def test_counts_and_sizes_in_words():
    assert [count(1, "class"), count(2, "class")] == ["1 class", "2 classes"]
    assert count(12_000, "particle") == "12,000 particles"
