"""When checkpoints are written, what happens where they cannot be, and when time is up."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cl2d.errors import TimeIsUpError
from cl2d.events import CheckpointWritten, RunWarned
from cl2d.levels.bookmark import Place
from cl2d.outputs.checkpoint import CheckpointFolder, RunFacts
from cl2d.pipeline import checkpoints, time_limit
from cl2d.pipeline.checkpoints import Checkpoints
from cl2d.pipeline.time_limit import until
from cl2d.preprocess import PreprocessPlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FACTS = RunFacts("1.0", "abc", {}, "single", "avx2", "def")
PLAN = PreprocessPlan(32, 32, 14.0, 1, 12, np.ones(13), np.ones(13))


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(checkpoints, "time", clock)
    monkeypatch.setattr(time_limit, "time", clock)
    return clock


@pytest.fixture
def events() -> list[object]:
    return []


@pytest.fixture
def kept(tmp_path: Path, events: list[object]) -> Checkpoints:
    return Checkpoints(tmp_path, FACTS, PLAN, events.append)


def slow_disk(monkeypatch: pytest.MonkeyPatch, clock: Clock, seconds: float) -> None:
    write = CheckpointFolder.write

    def slowly(*arguments: object) -> Path:
        clock.now += seconds
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(CheckpointFolder, "write", slowly)


def test_every_place_is_written_where_that_takes_no_time(
    kept: Checkpoints, clock: Clock, tmp_path: Path, events: list[object]
) -> None:
    for number in range(1, 4):
        kept.save(Place())
        path = tmp_path / "checkpoint" / f"{number:06d}.npz"
        assert path.exists()
        assert events[-1] == CheckpointWritten(str(path))
        clock.now += 0.001


def test_a_slow_disk_gets_a_twentieth_of_the_time(
    kept: Checkpoints, clock: Clock, monkeypatch: pytest.MonkeyPatch, events: list[object]
) -> None:
    slow_disk(monkeypatch, clock, seconds=0.5)
    began = clock.now
    for _ in range(1000):
        clock.now += 0.1
        kept.save(Place())
    share = 0.5 * len(events) / (clock.now - began)
    assert 0.04 < share < 0.051


def test_what_was_left_out_is_written_in_the_end(
    kept: Checkpoints, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow_disk(monkeypatch, clock, seconds=1.0)
    kept.save(Place())
    kept.save(Place(levels=()))
    assert len(CheckpointFolder(tmp_path).files()) == 1
    kept.save_latest()
    assert len(CheckpointFolder(tmp_path).files()) == 2
    kept.save_latest()
    assert CheckpointFolder(tmp_path).files()[0].name == "000002.npz"


def test_a_full_disk_is_told_once_and_stops_nobody(
    kept: Checkpoints, clock: Clock, monkeypatch: pytest.MonkeyPatch, events: list[object]
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "checkpoint/000001.npz")

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "write", full)
        for _ in range(3):
            kept.save(Place())
            clock.now += 60
    assert events == [
        RunWarned(
            "no checkpoint can be written: No space left on device (checkpoint/000001.npz); "
            "the run goes on without"
        )
    ]
    kept.save(Place())
    assert isinstance(events[-1], CheckpointWritten)


def test_time_is_up_after_the_event_that_is_too_late(clock: Clock) -> None:
    told: list[object] = []
    tell = until(10, told.append, "10s")
    tell("one")
    clock.now += 9.9
    tell("two")
    clock.now += 0.1
    with pytest.raises(TimeIsUpError, match="max_time 10s"):
        tell("three")
    assert told == ["one", "two", "three"]


def test_without_a_limit_there_is_nothing_between() -> None:
    told: list[object] = []
    tell = until(None, told.append)
    tell("one")
    assert told == ["one"]
