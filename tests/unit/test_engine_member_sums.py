"""Sums of the images as read: in which order, held against an order that is written out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cl2d.engine import BLOCK_IMAGES, member_sums
from cl2d.engine.member_sums import Members, MemberSums, SummedHere
from cl2d.engine.raw_average import Moves, accumulate_moved
from cl2d.engine.stretches import SUM_SHAPE, Stretch, SumShape, total_of
from cl2d.io import array_source
from cl2d.preprocess.ctf_weighted import CtfWeightedSource
from tests.engine_inputs import noise_images, random_poses
from tests.level_of_labels import level_of
from tests.unit.test_outputs_delivered import PIXEL_SIZE, parameters

N, BOX = 75, 12
SMALL = SumShape(block_images=4, least_blocks=2, most_stretches=7, group_stretches=3)
STRETCHES = [(0, 8), (8, 20), (20, 32), (32, 40), (40, 52), (52, 64), (64, 75)]


def images_of_all_scales():
    """Return noise whose sums are rounded: those of a few floats of one scale are exact."""
    scales = 2.0 ** np.random.default_rng(6).integers(-20, 20, (N, 1, 1))
    return (noise_images(N, BOX, seed=1) * scales).astype(np.float32)


def here(source, levels, shape=SMALL, weighted=False):
    told = []
    sums = SummedHere(source, 1, shape)(
        Members.of(levels), weighted=weighted, on_progress=told.append
    )
    assert told[-1] == source.n_images
    return sums


def levels_of_two_poses():
    rng = np.random.default_rng(2)
    level = level_of(rng.integers(-1, 3, N), 3, random_poses(N, 1.0, 5))
    return [level, level.halved(), level_of(rng.integers(0, 2, N), 2)]


def moved_one_by_one(images, levels):
    """Return what each image adds to each sum, (n, n_slots, box, box), and zero elsewhere."""
    n_slots = sum(level.n_classes for level in levels)
    found = np.zeros((N, n_slots, BOX, BOX))
    first = 0
    for level in levels:
        for row in np.flatnonzero(level.labels >= 0):
            slot = np.array([[first + level.labels[row]]])
            where = Moves(np.array([0]), level.poses.take(slice(row, row + 1)), slot)
            accumulate_moved(found[row], images[row : row + 1], where, 1)
        first += level.n_classes
    return found


def in_written_order(values):
    """Add what images have: rows of stretches, stretches of groups of three, groups."""
    of_stretches = []
    for start, stop in STRETCHES:
        total = np.zeros_like(values[0])
        for row in range(start, stop):
            total = total + values[row]
        of_stretches.append(total)
    a, b, c, d, e, f, g = of_stretches
    return (((a + b) + c) + ((d + e) + f)) + g


def test_images_are_summed_in_an_order_that_their_number_alone_decides(monkeypatch):
    assert [[(s.start, s.stop) for s in group] for group in SMALL.groups(N)] == [
        STRETCHES[:3],
        STRETCHES[3:6],
        STRETCHES[6:],
    ]
    images, levels = images_of_all_scales(), levels_of_two_poses()
    expected = in_written_order(moved_one_by_one(images, levels))
    found = here(array_source(images), levels)
    np.testing.assert_array_equal(found.images, expected)
    assert found.transfer.shape == (len(expected), 0)
    in_one_row = here(array_source(images), levels, SUM_SHAPE)
    assert not np.array_equal(in_one_row.images, expected)
    np.testing.assert_allclose(in_one_row.images, expected, rtol=1e-9, atol=1e-9)
    for n_bytes in (1, 5 * 4 * BOX**2):
        monkeypatch.setattr(member_sums, "READ_BYTES", n_bytes)
        np.testing.assert_array_equal(here(array_source(images), levels).images, expected)


def test_transfer_of_images_is_summed_in_the_same_order(monkeypatch):
    levels = levels_of_two_poses()
    source = CtfWeightedSource(
        array_source(images_of_all_scales(), PIXEL_SIZE),
        parameters(np.linspace(9000.0, 26000.0, N)),
    )
    weighted = source.read_weighted(0, N)
    values = np.zeros((N, 11, weighted.transfer_power.shape[1]))
    for row in range(N):
        for first, level in zip((0, 3, 9), levels, strict=True):
            if level.labels[row] >= 0:
                values[row, first + level.labels[row]] = weighted.transfer_power[row]
    monkeypatch.setattr(member_sums, "READ_BYTES", 3 * 4 * BOX**2)
    found = here(source, levels, weighted=True)
    np.testing.assert_array_equal(found.transfer, in_written_order(values))
    np.testing.assert_array_equal(
        found.images, in_written_order(moved_one_by_one(weighted.images, levels))
    )
    plain = here(source, levels)
    np.testing.assert_array_equal(
        plain.images, here(array_source(source.read(0, N)), levels).images
    )


def test_images_without_a_ctf_cannot_be_weighted_by_it():
    with pytest.raises(TypeError, match="must be corrected for the whole CTF"):
        here(array_source(noise_images(N, BOX, seed=1)), levels_of_two_poses(), weighted=True)


@pytest.mark.parametrize(
    "n_blocks", [1, 4, 7, 8, 25, 64, 67, 68, 71, 72, 1023, 1024, 1029, 100_000]
)
def test_stretches_are_few_and_of_the_same_length_and_cover_all_images(n_blocks):
    n_images = n_blocks * BLOCK_IMAGES - 5
    groups = SUM_SHAPE.groups(n_images)
    stretches = [stretch for group in groups for stretch in group]
    assert stretches[0].start == 0
    assert stretches[-1].stop == n_images
    for before, after in pairwise(stretches):
        assert before.stop == after.start
        assert after.start % BLOCK_IMAGES == 0
    blocks = [-(-stretch.n_images // BLOCK_IMAGES) for stretch in stretches]
    assert max(blocks) <= min(blocks) + 1
    assert len(stretches) == 1 or min(blocks) >= 4
    assert len(stretches) <= 256
    assert all(len(group) == 16 for group in groups[:-1])
    assert len(groups[-1]) <= 16
    n_at_once = 1 if n_blocks < 8 else 2 if n_blocks < 72 else 3
    assert SUM_SHAPE.sums_at_once(n_images) == n_at_once


class CountedSum:
    """A sum that knows how many of its kind there are, and were at most."""

    alive = most = 0

    def __init__(self):
        CountedSum.alive += 1
        CountedSum.most = max(CountedSum.most, CountedSum.alive)

    def __del__(self):
        CountedSum.alive -= 1

    def add(self, other):
        pass


@pytest.mark.parametrize("n_images", [7, 15, 16, 24, 32, 75, 200])
def test_memory_holds_as_many_sums_as_is_said(n_images):
    CountedSum.most = 0
    total_of(SMALL.groups(n_images), lambda _stretch: CountedSum())
    assert CountedSum.most == SMALL.sums_at_once(n_images)


def test_sums_are_added_in_place_and_taken_apart_without_copies():
    sums = MemberSums(np.arange(8.0).reshape(2, 2, 2), np.ones((2, 3)))
    sums.add(MemberSums(np.ones((2, 2, 2)), np.full((2, 3), 0.5)))
    np.testing.assert_array_equal(sums.images.ravel(), np.arange(1.0, 9.0))
    np.testing.assert_array_equal(sums.transfer, np.full((2, 3), 1.5))
    assert np.shares_memory(sums.of_slots(slice(1, 2)).images, sums.images)
    assert Stretch(3, 9).n_images == 6
