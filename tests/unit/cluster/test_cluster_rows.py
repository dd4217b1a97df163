from __future__ import annotations

import numpy as np
import pytest

from cl2d.cluster.rows import PackedRows


@pytest.mark.parametrize(
    "rows", [[], [0], [5, 6, 9], [70_000, 3, 3, 2**40], list(range(0, 999, 7))]
)
def test_rows_travel_unchanged(rows: list[int]) -> None:
    unpacked = PackedRows.of(np.array(rows, dtype=np.intp)).unpacked()
    assert unpacked.dtype == np.intp
    np.testing.assert_array_equal(unpacked, rows)


def test_evenly_spread_rows_take_less_than_a_bit_each() -> None:
    rows = np.linspace(0, 2_400_000, 1_000_000).astype(np.intp)
    assert 8 * len(PackedRows.of(rows).steps) < len(rows)
