"""Groups of images worked on by themselves: handed to a function, or held against references."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import (
    ClassicalRule,
    GroupVectors,
    LastPoses,
    OwnShare,
    SearchSettings,
    near_search,
    normalised_references,
    sum_lengths,
)
from cl2d.engine.within import pieces_of
from tests.engine_inputs import engine_of, noise_images, random_poses, references_from, white_plan

BOX, N = 32, 150
PLAN = white_plan(BOX)
IMAGES = noise_images(N, BOX)
GROUPS = np.random.default_rng(1).integers(-1, 4, N).astype(np.int32)


def engine(n_threads=1):
    return engine_of(IMAGES, PLAN, SearchSettings(3.0), n_threads)


def references(n_groups=4, n_each=2):
    found = references_from(noise_images(n_groups * n_each, BOX, seed=1), PLAN)
    return found.reshape(n_groups, n_each, *found.shape[1:])


def scaled_sum(members, item):
    factor, poses = item
    labels = np.zeros(members.n_images, dtype=np.int32)
    return factor * members.update(labels, poses, 1).sums


@pytest.mark.parametrize("n_threads", [1, 3])
def test_each_group_is_handed_over_as_its_subset(n_threads):
    whole, poses = engine(n_threads), random_poses(N, 2.0)
    rows_of = [np.flatnonzero(group == GROUPS)[::-1] for group in range(4)]
    groups = [(rows, (i, poses.take(rows))) for i, rows in enumerate(rows_of)]
    found = list(whole.each(scaled_sum, groups))
    for (rows, item), sums in zip(groups, found, strict=True):
        np.testing.assert_array_equal(sums, scaled_sum(whole.subset(rows), item))
    assert list(whole.each(scaled_sum, [])) == []


@pytest.mark.parametrize("n_threads", [1, 3])
def test_each_image_is_compared_with_the_references_of_its_group(n_threads):
    found = engine(n_threads).assign_within(references(), GROUPS)
    for group, own in enumerate(references()):
        rows = np.flatnonzero(group == GROUPS)
        alone = engine().subset(rows).assign(own, ClassicalRule(), sample=np.arange(len(rows)))
        np.testing.assert_array_equal(found.labels[rows], alone.labels)
        np.testing.assert_array_equal(found.scores[rows], alone.sampled_scores)
        np.testing.assert_array_equal(found.poses.psi_rad[rows], alone.poses.psi_rad)
        np.testing.assert_array_equal(found.poses.shift_px[rows], alone.poses.shift_px)
        np.testing.assert_array_equal(found.poses.mirror[rows], alone.poses.mirror)
    left_out = GROUPS < 0
    assert (found.labels[left_out] == -1).all()
    assert np.isnan(found.scores[left_out]).all()


def test_neighbours_in_a_piece_change_no_bit(monkeypatch):
    whole = engine().assign_within(references(), GROUPS)
    monkeypatch.setattr("cl2d.engine.within.pieces_of", lambda groups: pieces_of(groups, 7))
    monkeypatch.setattr("cl2d.engine.local.pieces_of", lambda groups: pieces_of(groups, 7))
    done = []
    pieces = engine().assign_within(references(), GROUPS, done.append)
    np.testing.assert_array_equal(pieces.scores, whole.scores)
    np.testing.assert_array_equal(pieces.poses.shift_px, whole.poses.shift_px)
    assert done == sorted(done)
    assert done[-1] == np.count_nonzero(GROUPS >= 0)


def test_pieces_hold_each_image_of_a_group_once():
    pieces = pieces_of(GROUPS, 7)
    assert max(len(piece.rows) for piece in pieces) == 7
    for piece in pieces:
        assert (GROUPS[piece.rows] == piece.group).all()
    rows = np.concatenate([piece.rows for piece in pieces])
    np.testing.assert_array_equal(np.sort(rows), np.flatnonzero(GROUPS >= 0))
    assert pieces_of(np.full(3, -1, np.int32)) == []


def test_images_that_are_not_usable_are_not_compared():
    images = IMAGES.copy()
    images[5] = 3.0
    groups = np.zeros(N, dtype=np.int32)
    found = engine_of(images, PLAN).assign_within(references(1), groups)
    assert np.flatnonzero(found.labels < 0).tolist() == [5]
    assert np.isnan(found.scores[5]).all()


def test_poses_are_told_in_single_precision():
    whole = engine_of(IMAGES, white_plan(BOX, 30))
    every = references_from(noise_images(2, BOX, seed=1), white_plan(BOX, 30))
    poses = whole.assign(every, ClassicalRule()).poses
    for found in (poses, whole.assign_within(every[:, None], GROUPS % 2).poses):
        for values in (found.psi_rad, found.shift_px):
            assert values.dtype == np.float64
            np.testing.assert_array_equal(values, values.astype(np.float32))


def test_own_share_is_left_out_of_scores_as_where_classes_are_one_group():
    whole, poses = engine(), random_poses(N, 2.0)
    halves = (np.arange(N) % 2).astype(np.int32)
    labels = np.where(GROUPS >= 0, 2 * GROUPS + halves, -1).astype(np.int32)
    sums = whole.update(labels, poses, 8)
    given = normalised_references(sums.sums)
    lengths = sum_lengths(sums.sums)
    share = OwnShare(halves, lengths.reshape(4, 2), sums.counts.reshape(4, 2))
    found = whole.assign_within(given.reshape(4, 2, *given.shape[1:]), GROUPS, own=share)
    of_all = OwnShare(labels, lengths, sums.counts)
    every = np.arange(N)
    expected = whole.assign(given, ClassicalRule(), sample=every, own=of_all).sampled_scores
    for group in range(4):
        rows = group == GROUPS
        np.testing.assert_array_equal(found.scores[rows], expected[rows, 2 * group : 2 * group + 2])


def test_search_near_last_poses_is_that_of_a_subset():
    wide = engine_of(IMAGES, PLAN, SearchSettings(6.0))
    last = near_search(wide.assign_within(references(n_each=1), GROUPS).poses)
    found = wide.assign_within(references(n_each=1), GROUPS, last=last)
    rows = np.flatnonzero(GROUPS == 2)
    alone = wide.subset(rows).assign(references(n_each=1)[2], ClassicalRule(), last=last.part(rows))
    assert alone.fast
    np.testing.assert_array_equal(found.poses.psi_rad[rows], alone.poses.psi_rad)
    doubted = LastPoses(last.poses, np.ones(N, bool), np.zeros(N, bool))
    exhaustive = wide.assign_within(references(n_each=1), GROUPS, last=doubted)
    np.testing.assert_array_equal(
        exhaustive.scores, wide.assign_within(references(n_each=1), GROUPS).scores
    )


def group_vectors(whole, poses, sizes=(3, 1, 5, 2)):
    """Return orthonormal vectors of some groups and sums of their images."""
    labels = np.where(len(sizes) > GROUPS, GROUPS, -1).astype(np.int32)
    sums = whole.update(labels, poses, len(sizes)).sums
    rng = np.random.default_rng(0)
    length = 2 * sums[0].size
    return [
        GroupVectors(
            np.linalg.qr(rng.normal(size=(length, size)))[0].T.astype(np.float32),
            class_sum.ravel().view(np.float64),
        )
        for size, class_sum in zip(sizes, sums, strict=True)
    ]


@pytest.mark.parametrize("n_threads", [1, 3])
def test_projections_are_products_of_aligned_members(n_threads):
    whole, poses = engine(n_threads), random_poses(N, 2.0)
    vectors = group_vectors(whole, poses)
    found = whole.projections(GROUPS, poses, vectors)
    assert found.products.shape == (N, 5)
    for i in range(N):
        if GROUPS[i] < 0:
            assert np.isnan([*found.products[i], found.with_sum[i], found.squared_length[i]]).all()
            continue
        of_group = vectors[GROUPS[i]]
        row = np.array([i])
        member = whole.aligned_members(row, poses.take(row)).ravel().view(np.float32)
        member = member.astype(np.float64)
        n = len(of_group.basis)
        # Products are taken in single precision: roundings of 6e-8 of lengths of about ten.
        np.testing.assert_allclose(found.products[i, :n], of_group.basis @ member, atol=2e-5)
        assert np.isnan(found.products[i, n:]).all()
        assert found.with_sum[i] == pytest.approx(of_group.class_sum @ member, rel=1e-12)
        assert found.squared_length[i] == pytest.approx(member @ member, rel=1e-12)


def test_projections_of_a_block_do_not_depend_on_the_other_blocks(monkeypatch):
    for module in ("ingest", "local", "storage", "projected"):
        monkeypatch.setattr(f"cl2d.engine.{module}.BLOCK_IMAGES", 64)
    monkeypatch.setattr("cl2d.engine.projected.ALIGNED_IMAGES", 20)
    whole, poses = engine(), random_poses(N, 2.0)
    vectors = group_vectors(whole, poses)
    done = []
    found = whole.projections(GROUPS, poses, vectors, done.append)
    assert done == sorted(done)
    assert done[-1] == np.count_nonzero(GROUPS >= 0)
    rows = np.arange(64, 128)
    alone = whole.subset(rows).projections(GROUPS[rows], poses.take(rows), vectors)
    np.testing.assert_array_equal(found.products[rows], alone.products)
    np.testing.assert_array_equal(found.with_sum[rows], alone.with_sum)
    np.testing.assert_array_equal(found.squared_length[rows], alone.squared_length)


def test_images_in_no_group_need_no_vectors():
    found = engine().projections(np.full(N, -1, np.int32), random_poses(N, 2.0), [])
    assert found.products.shape == (N, 0)
    assert np.isnan(found.with_sum).all()
