"""The memory that a run takes, watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.pipeline import peak_memory
from cl2d.pipeline.peak_memory import PeakMemory, private_memory_bytes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MB = 10**6


def test_memory_held_for_a_while_is_the_peak_and_that_from_before_is_not_counted() -> None:
    before = np.ones(40 * MB, dtype=np.uint8)
    with PeakMemory() as peak:
        held = np.ones(60 * MB, dtype=np.uint8)
        most = peak.so_far_bytes()
        del held
        after = peak.so_far_bytes()
    assert before.all()
    assert most is not None
    assert 55 * MB < most < 95 * MB
    assert after == peak.so_far_bytes() == most


def test_pages_of_a_mapped_file_are_not_private(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "file", dtype=np.uint8, mode="w+", shape=50 * MB)
    with PeakMemory() as peak:
        mapped[:] = 1
        most = peak.so_far_bytes()
    assert most is not None
    assert most < 25 * MB


def test_where_the_system_does_not_tell_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peak_memory, "STATUS", tmp_path / "none")
    assert private_memory_bytes() is None
    with PeakMemory() as peak:
        assert peak.so_far_bytes() is None
