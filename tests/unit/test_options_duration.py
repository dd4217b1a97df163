"""Lengths of time, as people and schedulers write them."""

from __future__ import annotations

import pytest

from cl2d.errors import InputError
from cl2d.options import ClassifyOptions
from cl2d.options.duration import duration_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90m", 5400),
        ("2h30m", 9000),
        ("2h 30m", 9000),
        ("45s", 45),
        ("1d", 86400),
        ("0:00:01", 1),
        ("11:30:00", 41400),
        ("1-00:00:00", 86400),
        ("2-12:00:30", 216030),
    ],
)
def test_lengths_of_time_are_read(text: str, seconds: int) -> None:
    assert duration_seconds(text) == seconds
    assert ClassifyOptions.from_flat(max_time=text).run.max_time_seconds() == seconds


@pytest.mark.parametrize("text", ["", "90", "0m", "h", "1:30", "-2h", "2 hours", "1h1h", "1e3s"])
def test_what_is_no_length_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError, match="max_time must be a length of time like 90m, 2h30m or"):
        ClassifyOptions.from_flat(max_time=text)


def test_no_limit_is_none() -> None:
    assert ClassifyOptions().run.max_time_seconds() is None
