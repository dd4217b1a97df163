"""Members of a class of two views, aligned anew each to its own half."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import Assignment, ClassicalRule, normalised_references, sum_lengths
from cl2d.levels.cuts import CutRule, find_cut, find_cuts, judging_rule
from cl2d.levels.halves import total_gain
from cl2d.levels.joints import copied
from cl2d.levels.realigned import realigned_halves
from cl2d.results import identity_poses
from tests.engine_inputs import (
    blob_particles,
    engine_of,
    noise_images,
    random_poses,
    white_plan,
)

BOX = 32
PLAIN = CutRule("component", 20.0)


def class_of_two_views(n_one, n_other, noise, seed=0):
    """Return an engine, the true poses, who shows the first view, and poses by one average."""
    n = n_one + n_other
    poses = random_poses(n, 2.0, seed)
    is_one = np.random.default_rng(seed).permutation(n) < n_one
    images = np.where(
        is_one[:, None, None],
        blob_particles(BOX, poses, seed=3),
        blob_particles(BOX, poses, seed=8),
    )
    images = images + noise * noise_images(n, BOX, seed + 1)
    engine = engine_of(images.astype(np.float32), white_plan(BOX))
    return engine, poses, is_one, aligned(engine, np.where(is_one, 0, -1), poses)


def aligned(engine, labels, poses):
    """Return all images in one class, aligned to its average again and again."""
    labels = labels.astype(np.int32)
    for _ in range(5):
        references = normalised_references(engine.update(labels, poses, 1).sums)
        fitted = engine.assign(references, ClassicalRule())
        labels, poses = fitted.labels, fitted.poses
    return fitted


def apart(halves, is_one):
    """Return the share of members that are with others of their view."""
    same = np.mean(halves.in_first == is_one)
    return max(same, 1 - same)


def test_views_are_found_from_halves_that_say_nothing_of_them():
    engine, _, is_one, fitted = class_of_two_views(90, 50, noise=0.3)
    rows = np.arange(140)
    halves, gains = realigned_halves(engine, fitted.poses, rows < 70, fewest=10)
    assert apart(halves, is_one) == 1.0
    assert total_gain(gains, 140).at_least > 0
    labels = np.where(halves.in_first, 0, 1).astype(np.int32)
    before = sum_lengths(engine.update(labels, fitted.poses, 2).sums)
    assert (sum_lengths(engine.update(labels, halves.poses, 2).sums) > before).all()


def test_members_of_one_view_gain_nothing_by_halves():
    engine, _, _, fitted = class_of_two_views(120, 0, noise=1.5)
    rows = np.arange(120)
    found = realigned_halves(engine, fitted.poses, rows % 2 == 0, fewest=10)
    assert found is not None
    gain = total_gain(found[1], 120)
    assert gain.at_least < 0
    assert not find_cut(engine, rows, fitted, judging_rule(PLAIN)).gain.tells_apart


def test_judged_cut_gains_more_than_that_along_the_component():
    engine, _, is_one, fitted = class_of_two_views(80, 60, noise=0.3, seed=4)
    rows = np.arange(140)
    plain = find_cut(engine, rows, fitted, PLAIN)
    judged = find_cut(engine, rows, fitted, judging_rule(PLAIN))
    assert judged.gain.total >= plain.gain.total
    assert apart(judged, is_one) >= apart(plain, is_one)
    assert apart(judged, is_one) > 0.95
    np.testing.assert_array_equal(np.sort([*judged.first, *judged.second]), rows)


def test_no_halves_where_one_would_be_too_small():
    engine, _, is_one, fitted = class_of_two_views(60, 6, noise=0.5)
    rows = np.arange(66)
    assert realigned_halves(engine, fitted.poses, is_one, fewest=34) is None
    assert find_cut(engine, rows, fitted, judging_rule(CutRule("component", 100.0))) is not None


def test_members_may_be_some_images_of_an_engine():
    engine, _, is_one, fitted = class_of_two_views(90, 50, noise=0.3)
    rows = np.flatnonzero(np.arange(140) % 7 != 3)
    halves, gains = realigned_halves(
        engine.subset(rows), fitted.poses.take(rows), np.arange(len(rows)) < 60, fewest=10
    )
    assert len(gains) == len(rows) == len(halves.poses)
    assert apart(halves, is_one[rows]) == 1.0


def test_poses_of_a_cut_are_put_in_their_places():
    engine, _, _, fitted = class_of_two_views(40, 30, noise=0.3)
    labels = np.where(np.arange(70) < 60, 1, 0).astype(np.int32)
    level = Assignment(labels, fitted.poses, fitted.scores, fitted.margin, fitted.confidence)
    cuts = find_cuts(engine, level, 3, judging_rule(PLAIN))
    assert list(cuts) == [1]  # the others have too few members
    poses = copied(level.poses)
    cuts[1].put_poses(poses)
    np.testing.assert_array_equal(poses.psi_rad[:60], cuts[1].poses.psi_rad)
    np.testing.assert_array_equal(poses.shift_px[60:], level.poses.shift_px[60:])
    np.testing.assert_array_equal(poses.mirror[60:], level.poses.mirror[60:])


@pytest.mark.parametrize("split_by", ["component", "better", "fit"])
def test_noise_holds_no_two_views(split_by):
    engine = engine_of(noise_images(200, BOX), white_plan(BOX))
    fitted = aligned(engine, np.zeros(200), identity_poses(200))
    cut = find_cut(engine, np.arange(200), fitted, judging_rule(CutRule(split_by, 20.0)))
    assert not cut.gain.tells_apart
    assert len(cut.first) + len(cut.second) == len(cut.poses) == 200
