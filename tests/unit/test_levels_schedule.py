from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cl2d.levels import level_schedule


@pytest.mark.parametrize(
    ("initial", "classes", "expected"),
    [
        (4, 64, [4, 8, 16, 32, 64]),
        (4, 11, [4, 8, 11]),
        (4, 4, [4]),
        (9, 4, [4]),
        (1, 1, [1]),
        (1, 5, [1, 2, 4, 5]),
        (3, 100, [3, 6, 12, 24, 48, 96, 100]),
    ],
)
def test_classes_double_and_the_last_step_may_be_partial(
    initial: int, classes: int, expected: list[int]
) -> None:
    assert level_schedule(initial, classes) == expected


@given(st.integers(1, 300), st.integers(1, 3000))
def test_every_schedule_grows_by_at_most_two_and_ends_at_the_number_asked(
    initial: int, classes: int
) -> None:
    schedule = level_schedule(initial, classes)
    assert schedule[0] == min(initial, classes)
    assert schedule[-1] == classes
    steps = itertools.pairwise(schedule)
    assert all(before < after <= 2 * before for before, after in steps)
