"""Averages of the raw images: who counts, in what blocks, and what is reported."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from cl2d.engine import member_sums
from cl2d.engine.member_sums import block_length
from cl2d.engine.raw_average import accumulate_moved
from cl2d.events import PhaseFinished, PhaseProgress, PhaseStarted
from cl2d.io import array_source
from cl2d.outputs.averages import raw_averages
from cl2d.results import Poses
from tests.level_of_labels import level_of

BOX = 9


@pytest.fixture
def images() -> npt.NDArray[np.float32]:
    return np.random.default_rng(3).normal(10, 1, size=(7, BOX, BOX)).astype(np.float32)


def test_members_at_rest_are_averaged_pixel_by_pixel(images: npt.NDArray[np.float32]) -> None:
    labels = [2, 0, 1, 1, 0, 1, 1]  # class 2 has one member
    (found,) = raw_averages(array_source(images), [level_of(labels, 3)], 1)
    assert found.shape == (3, BOX, BOX)
    assert found.dtype == np.float32
    for k in range(3):
        np.testing.assert_allclose(found[k], images[np.array(labels) == k].mean(0), rtol=1e-5)


def test_whole_pixel_shift_moves_pixels(images: npt.NDArray[np.float32]) -> None:
    """p = x - t: what stood at (row, column) stands t pixels further up and left."""
    poses = Poses(np.zeros(7), np.tile([2.0, -1.0], (7, 1)), np.zeros(7, dtype=bool))
    (found,) = raw_averages(array_source(images), [level_of([0] * 7, 1, poses)], 1)
    expected = images.mean(0)[0 : BOX - 1, 2:]
    np.testing.assert_allclose(found[0][1:, : BOX - 2], expected, rtol=1e-5)


def test_flagged_images_leave_no_trace(images: npt.NDArray[np.float32]) -> None:
    images[2] = np.nan
    images[5] = 1e30
    (found,) = raw_averages(array_source(images), [level_of([0, 0, -1, 0, 0, -1, 0], 1)], 1)
    np.testing.assert_allclose(found[0], images[[0, 1, 3, 4, 6]].mean(0), rtol=1e-5)


def test_empty_class_is_zero(images: npt.NDArray[np.float32]) -> None:
    (found,) = raw_averages(array_source(images), [level_of([0] * 7, 3)], 1)
    assert not found[1:].any()
    assert found[0].any()


def test_all_levels_come_from_one_pass(images: npt.NDArray[np.float32]) -> None:
    reads: list[tuple[int, int]] = []

    class Counting:
        shape, dtype = images.shape, images.dtype

        def __getitem__(self, rows: slice) -> npt.NDArray[np.float32]:
            reads.append((rows.start, rows.stop))
            return images[rows]

    levels = [level_of([0] * 7, 1), level_of([0, 1, 0, 1, 0, 1, 2], 3)]
    found = raw_averages(array_source(Counting()), levels, 1)
    assert reads == [(0, 7)]
    for level, averaged in zip(levels, found, strict=True):
        (alone,) = raw_averages(array_source(images), [level], 1)
        np.testing.assert_array_equal(averaged, alone)


def test_levels_of_the_same_poses_share_the_moved_images(
    images: npt.NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A level, its core and a level of other poses: the bits of each are those it has alone."""
    moved: list[int] = []

    def counting(sums, images, moves, n_threads):
        moved.append(len(moves.image))
        accumulate_moved(sums, images, moves, n_threads)

    monkeypatch.setattr(member_sums, "accumulate_moved", counting)
    poses = Poses(np.linspace(-3, 3, 7), np.full((7, 2), 0.3), np.arange(7) % 2 == 0)
    level = level_of([0, 1, 1, 1, -1, 0, 0], 2, poses)
    core = replace(level, labels=np.array([0, -1, 1, -1, -1, 0, -1], dtype=np.int32))
    other = level_of([-1, 0, 0, 2, 1, 1, 1], 3)
    found = raw_averages(array_source(images), [level, other, core], 1)
    assert moved == [6 + 6]
    for averaged, alone in zip(found, (level, other, core), strict=True):
        (expected,) = raw_averages(array_source(images), [alone], 1)
        np.testing.assert_array_equal(averaged, expected)


def test_no_levels_are_no_averages(images: npt.NDArray[np.float32]) -> None:
    assert raw_averages(array_source(images), [], 1) == []


@pytest.mark.parametrize("block_images", [1, 2, 7, 100])
def test_blocks_do_not_change_the_averages(
    images: npt.NDArray[np.float32], monkeypatch: pytest.MonkeyPatch, block_images: int
) -> None:
    poses = Poses(np.linspace(-3, 3, 7), np.full((7, 2), 0.3), np.arange(7) % 2 == 0)
    level = level_of([0, 1, 0, 1, 0, 1, -1], 2, poses)
    (whole,) = raw_averages(array_source(images), [level], 1)
    monkeypatch.setattr(member_sums, "READ_BYTES", block_images * 4 * BOX * BOX)
    assert block_length(BOX) == block_images
    (found,) = raw_averages(array_source(images), [level], 1)
    np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize(("box", "images"), [(1, 4096), (256, 64), (1024, 4), (8192, 1)])
def test_a_block_takes_16_mib_and_at_least_one_image(box: int, images: int) -> None:
    assert block_length(box) == images


def test_progress_counts_images(
    images: npt.NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_sums, "READ_BYTES", 3 * 4 * BOX * BOX)
    events: list[object] = []
    raw_averages(array_source(images), [level_of([0] * 7, 1)], 1, events.append)
    assert events[:-1] == [
        PhaseStarted("averages", 7),
        PhaseProgress("averages", 3, 7),
        PhaseProgress("averages", 6, 7),
        PhaseProgress("averages", 7, 7),
    ]
    assert isinstance(events[-1], PhaseFinished)
    assert events[-1].seconds > 0


def test_level_of_another_stack_is_refused(images: npt.NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="level 0 must have 7 labels, not 6"):
        raw_averages(array_source(images), [level_of([0] * 6, 1)], 1)
