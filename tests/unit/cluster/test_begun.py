"""Which tasks of several workers are late."""

from __future__ import annotations

import pytest

from cl2d.cluster import begun
from cl2d.cluster.begun import LATE, LEAST_LATE_SECONDS, Patience


class Step:
    """A task that is done when the test says so."""

    def __init__(self) -> None:
        self.is_done = False

    def done(self) -> bool:
        return self.is_done


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.mark.parametrize("half_seconds", [1.0, LEAST_LATE_SECONDS])
def test_steps_are_late_long_after_half_of_them_are_done(
    monkeypatch: pytest.MonkeyPatch, half_seconds: float
) -> None:
    clock = Clock()
    monkeypatch.setattr(begun, "time", clock)
    steps = {name: Step() for name in "abcd"}
    patience = Patience(steps)
    steps["a"].is_done = True
    clock.seconds += half_seconds
    assert patience.late() == {}
    clock.seconds += 1000.0  # none is late by others that are as late as it is
    assert patience.late() == {}
    patience = Patience(steps)
    steps["c"].is_done = True
    clock.seconds += half_seconds
    assert patience.late() == {}
    clock.seconds += max(LEAST_LATE_SECONDS, LATE * half_seconds) - half_seconds
    assert patience.late() == {"b": steps["b"], "d": steps["d"]}
    steps["b"].is_done = True
    assert patience.late() == {"d": steps["d"]}


def test_one_step_alone_is_never_late(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(begun, "time", clock)
    for steps in ({}, {"a": Step()}):
        patience = Patience(steps)
        clock.seconds += 1e6
        assert patience.late() == {}
