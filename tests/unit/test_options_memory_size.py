"""Amounts of memory: as people write them, and as they are shown."""

from __future__ import annotations

import pytest

from cl2d.errors import InputError
from cl2d.options import ClassifyOptions, size, size_in_bytes


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("8GB", 8 * 10**9),
        ("8 gb", 8 * 10**9),
        ("1.5MB", 1_500_000),
        ("2TiB", 2 << 40),
        ("3KiB", 3 << 10),
        ("7B", 7),
    ],
)
def test_amounts_of_memory_are_read_with_their_units(text: str, n_bytes: int) -> None:
    assert size_in_bytes(text) == n_bytes
    assert ClassifyOptions.from_flat(max_memory=text).run.max_memory_bytes() == n_bytes


@pytest.mark.parametrize("text", ["8", "GB", "8 apples", "-1GB", "0GB", "", "8GBs", "1e9B"])
def test_what_is_no_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="a number and a unit like 8GB"):
        size_in_bytes(text)
    with pytest.raises(InputError, match="max_memory must be a number and a unit like 8GB, not"):
        ClassifyOptions.from_flat(max_memory=text)


def test_amounts_are_shown_in_decimal_units() -> None:
    shown = [size(n) for n in (1, 500, 2_500, 3 * 10**9)]
    assert shown == ["1 byte", "500 bytes", "2.5 kB", "3.0 GB"]
