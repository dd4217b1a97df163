"""Coefficients in single and half precision, in memory and in a scratch file."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from cl2d import _native
from cl2d.engine import (
    IN_MEMORY,
    ClassicalRule,
    LocalEngine,
    OwnShare,
    SearchSettings,
    Storage,
    normalised_references,
    sum_lengths,
)
from cl2d.engine.ingest import ingest
from cl2d.errors import InputError
from cl2d.io import array_source
from cl2d.results import Poses, identity_poses
from tests.engine_inputs import noise_images, white_plan

N = 77
PLAN = white_plan(24)
HALF_ROUNDING = 2.0**-11


def engine_in(storage: Storage) -> LocalEngine:
    """Return an engine of noise in three blocks."""
    ingested = ingest(array_source(noise_images(N, 24)), PLAN, 1, storage=storage)
    search = SearchSettings(3.0)
    return LocalEngine(ingested.blocks, ingested.flags == 0, search, 1.0, 1, storage=storage)


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ingest", "local", "storage"):
        monkeypatch.setattr(f"cl2d.engine.{module}.BLOCK_IMAGES", 32)


def coefficients(engine: LocalEngine) -> np.ndarray:
    return np.stack(
        [block.coefficients(i) for block in engine._blocks for i in range(block.n_images)]
    )


def results(engine: LocalEngine) -> list[np.ndarray]:
    """Return what an engine gives: assignment, sums, aligned members, and those of a subset."""
    labels = (np.arange(N) % 4).astype(np.int32)
    sums = engine.update(labels, identity_poses(N), 4)
    references = normalised_references(sums.sums)
    own = OwnShare(labels, sum_lengths(sums.sums), sums.counts)
    found = engine.assign(references, ClassicalRule(), own=own)
    rows = np.array([76, 0, 33, 32, 31, 5])
    part = engine.subset(rows)
    again = part.assign(references, ClassicalRule())
    members = engine.aligned_members(rows, found.poses.take(rows))
    return [found.labels, found.scores, found.poses.psi_rad, sums.sums, members, again.scores]


def open_scratch_files(folder: Path) -> list[str]:
    """Return the files of a folder that this process has open or mapped, named or not."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    return [line for line in maps if f"{folder}/" in line]


@pytest.mark.parametrize("half", [False, True])
def test_scratch_file_gives_the_bits_of_memory(half: bool, tmp_path: Path) -> None:
    in_memory = results(engine_in(Storage(half)))
    in_file = results(engine_in(Storage(half, tmp_path)))
    for kept, read in zip(in_memory, in_file, strict=True):
        np.testing.assert_array_equal(kept, read)


def test_half_precision_keeps_every_coefficient_to_its_rounding() -> None:
    exact, half = engine_in(IN_MEMORY), engine_in(Storage(half=True))
    assert [2 * block.bytes for block in half._blocks] == [block.bytes for block in exact._blocks]
    before, after = coefficients(exact), coefficients(half)
    # Stored are p + q and p - q, so p and q are off by the roundings of both.
    bound = HALF_ROUNDING * (np.abs(before.real) + np.abs(before.imag)) + 1e-9
    assert (np.abs(after.real - before.real) <= bound).all()
    assert (np.abs(after.imag - before.imag) <= bound).all()


def test_scores_in_half_precision_differ_by_no_more_than_its_rounding() -> None:
    references = normalised_references(
        engine_in(IN_MEMORY).update((np.arange(N) % 4).astype(np.int32), identity_poses(N), 4).sums
    )
    rows = np.arange(N)
    single, half = (
        engine_in(storage).assign(references, ClassicalRule(), sample=rows).sampled_scores
        for storage in (IN_MEMORY, Storage(half=True))
    )
    assert single is not None
    assert half is not None
    assert 0 < np.abs(single - half).max() < HALF_ROUNDING + 2e-6


def test_scratch_file_has_no_name_and_goes_with_the_blocks(tmp_path: Path) -> None:
    engine = engine_in(Storage(half=True, scratch_folder=tmp_path))
    part = engine.subset(np.arange(3))
    assert list(tmp_path.iterdir()) == []
    assert len(open_scratch_files(tmp_path)) == 2
    del engine
    gc.collect()
    assert len(open_scratch_files(tmp_path)) == 1
    assert part.n_images == 3
    del part
    gc.collect()
    assert open_scratch_files(tmp_path) == []


def test_block_keeps_its_memory_alive() -> None:
    grid = engine_in(IN_MEMORY).grid
    room = np.zeros(_native.ImageBlock.bytes_needed(grid, 16, True) + 64, dtype=np.uint8)
    start = -room.ctypes.data % 64
    block = _native.ImageBlock(grid, 16, True, room[start : len(room) - 64 + start])
    del room
    gc.collect()
    assert not block.coefficients(15).any()


def test_images_of_references_are_kept_in_memory_whatever_keeps_the_particles() -> None:
    engine = engine_in(Storage(half=True))
    sums = engine.update((np.arange(N) % 4).astype(np.int32), identity_poses(N), 4).sums
    views = engine.of_references(normalised_references(sums)).subset(np.array([2, 0]))
    found = views.assign(normalised_references(sums), ClassicalRule())
    np.testing.assert_array_equal(found.labels, [2, 0])


def test_no_images_need_no_scratch_file(tmp_path: Path) -> None:
    grid = engine_in(IN_MEMORY).grid
    assert list(Storage(half=True, scratch_folder=tmp_path / "none").blocks(grid, 0)) == []


def test_full_disk_is_told_with_folder_and_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.posix_fallocate", full)
    message = rf"the scratch folder {tmp_path} must hold 0\.0 GB .* No space left on device"
    with pytest.raises(InputError, match=message):
        engine_in(Storage(half=True, scratch_folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_room_is_taken_by_writing_where_the_system_cannot_reserve_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.posix_fallocate", raising=False)
    written: list[int] = []
    write = os.pwrite

    def counted(file: int, values: bytes, start: int) -> int:
        written.append(len(values))
        return write(file, values, start)

    monkeypatch.setattr("os.pwrite", counted)
    grid = engine_in(IN_MEMORY).grid
    (block,) = Storage(half=True, scratch_folder=tmp_path).blocks(grid, 16)
    assert sum(written) == _native.ImageBlock.bytes_needed(grid, 16, True)
    assert not block.coefficients(15).any()


def test_poses_found_in_half_precision_are_those_of_single() -> None:
    """An image compared with itself is found at rest, however it is stored."""
    engine = engine_in(Storage(half=True))
    labels = np.arange(N, dtype=np.int32)
    references = normalised_references(engine.update(labels, identity_poses(N), N).sums)
    found: Poses = engine.assign(references, ClassicalRule()).poses
    assert np.abs(found.psi_rad).max() < 1e-3
    assert np.abs(found.shift_px).max() < 1e-2
