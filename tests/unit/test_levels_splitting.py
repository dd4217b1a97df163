from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import Component
from cl2d.levels.cuts import CutRule, component_half, find_cut, fit_half
from cl2d.levels.halves import clearly_better, folds, held_out_gains, total_gain
from cl2d.levels.size_control import reseed_small_classes
from cl2d.levels.splitting import grow_classes
from cl2d.results import LevelResult, identity_poses

BY_COMPONENT = CutRule("component", 20.0)


class VectorEngine:
    """Stands in for the engine: aligned members are given vectors, poses play no part."""

    def __init__(self, vectors):
        self.vectors = vectors.astype(np.complex64)

    @property
    def n_images(self):
        return len(self.vectors)

    @property
    def n_independent(self):
        return self.vectors.shape[1]

    def aligned_members(self, rows, poses):
        assert len(rows) == len(poses)
        return self.vectors[rows][:, None]

    def component(self, rows, poses):
        assert len(rows) == len(poses)
        members = self.vectors[rows].view(np.float32)
        deviation = members - members.mean(axis=0)
        u, s, _ = np.linalg.svd(deviation, full_matrices=False)
        return Component(u[:, 0] * s[0], float(s[0] ** 2), float((s**2).sum()))

    def update(self, labels, poses, n_classes):
        assert len(labels) == len(poses)
        sums = np.stack([self.vectors[labels == k].sum(axis=0) for k in range(n_classes)])

        class Sums:
            pass

        found = Sums()
        found.sums = sums[:, None, :].astype(np.complex128)
        found.counts = np.bincount(labels[labels >= 0], minlength=n_classes)
        return found

    def subset(self, rows):
        return VectorEngine(self.vectors[rows])

    def each(self, function, groups):
        return (function(self.subset(rows), item) for rows, item in groups)


def level_of(labels, scores=None):
    n_images, n_classes = len(labels), int(labels.max()) + 1
    scores = np.ones(n_images, np.float32) if scores is None else scores
    return LevelResult(
        level=0,
        n_classes=n_classes,
        labels=labels.astype(np.int32),
        poses=identity_poses(n_images),
        scores=scores.astype(np.float32),
        confidence=np.zeros(n_images, np.float32),
        parents=np.full(n_classes, -1, np.int32),
    )


def views_with_noise(labels, noise, seed=0, n_pixels=40):
    rng = np.random.default_rng(seed)
    views = 3 * rng.normal(size=(int(labels.max()) + 1, n_pixels))
    return views[labels] + noise * rng.normal(size=(len(labels), n_pixels))


def test_true_halves_gain_and_random_ones_do_not():
    labels = np.arange(200) % 4 // 2
    members = views_with_noise(labels, noise=1.0).astype(np.complex64)[:, None]
    true = held_out_gains(members, labels == 0, 40)
    chance = held_out_gains(members, np.random.default_rng(1).random(200) < 0.5, 40)
    assert true.shape == chance.shape == (200,)
    assert true.mean() > 0.15
    assert abs(chance.mean()) < 0.1 * true.mean()
    assert clearly_better(true, chance)
    assert not clearly_better(chance, true)


def test_halves_of_pure_noise_gain_next_to_nothing():
    members = np.random.default_rng(2).normal(size=(100, 1, 30)).astype(np.complex64)
    members += 2  # what all members share
    gains = held_out_gains(members, np.arange(100) % 4 < 2, 30)
    assert abs(gains.mean()) < 0.005


def test_gain_of_known_vectors():
    # A member is its half's average, and at 45 degrees from that of both, which are two axes.
    members = np.repeat(np.eye(2, dtype=np.complex64), 400, axis=0)[:, None]
    gains = held_out_gains(members, np.arange(800) < 400, 10**9)
    np.testing.assert_allclose(gains, 1 - np.sqrt(0.5), atol=0.01)


def test_gains_do_not_hang_on_a_period_of_the_rows():
    # Views that alternate row by row must not put all members of one view among the judges.
    for period in (2, 3, 4, 5, 8):
        labels = (np.arange(240) % period == 0).astype(int)
        members = views_with_noise(labels, noise=0.5).astype(np.complex64)[:, None]
        gains = held_out_gains(members, labels == 0, 40)
        assert gains[labels == 0].mean() > 0
        assert gains[labels == 1].mean() > 0


def test_gain_of_a_member_does_not_hang_on_the_half_it_is_in():
    labels = np.arange(60) % 2
    members = views_with_noise(labels, noise=1.0).astype(np.complex64)[:, None]
    first = labels == 0
    gains = held_out_gains(members, first, 40)
    other = first.copy()
    other[7] = not other[7]
    # Its fold is judged by others; only what that fold is judged by, its shares, could move.
    assert held_out_gains(members, other, 40)[7] == gains[7]


def test_slow_leave_out_gives_the_same_gains():
    labels = np.random.default_rng(5).integers(0, 2, 23)
    members = views_with_noise(labels, noise=1.0).astype(np.complex64)[:, None]
    fold, first = folds(23), labels == 0
    gains = held_out_gains(members, first, 10**9)
    for k in range(23):
        others = fold != fold[k]
        averages = [members[others & side].sum(axis=0).real for side in (first, ~first)]
        whole = averages[0] + averages[1]
        image = members[k].real
        fits = [np.vdot(image, a) / np.linalg.norm(image) / np.linalg.norm(a) for a in averages]
        together = np.vdot(image, whole) / np.linalg.norm(image) / np.linalg.norm(whole)
        # With so many independent numbers the mixture is its better part; one ring scales nothing.
        assert gains[k] == pytest.approx(max(fits) - together, abs=1e-5)


def test_folds_are_equally_large_and_evenly_spread():
    for n_members in (0, 1, 2, 3, 4, 7, 100, 1001):
        fold = folds(n_members)
        sizes = np.bincount(fold, minlength=4)
        assert sizes.max() - sizes.min() <= 1
    counts = np.bincount(folds(1000)[200:300], minlength=4)
    assert counts.min() >= 20


def test_three_members_decide_nothing():
    assert np.isinf(total_gain(np.array([0.3, 0.3, 0.31]), 3).error)
    assert np.isfinite(total_gain(np.array([0.3, 0.3, 0.31, 0.3]), 4).error)


def test_one_held_out_member_decides_nothing():
    assert not clearly_better(np.array([0.5]), np.array([0.1]))
    assert not clearly_better(np.array([]), np.array([]))


def test_equal_gains_are_not_better():
    gains = np.array([0.1, 0.2, 0.3])
    assert not clearly_better(gains, gains)


def test_mixed_class_is_cut_into_its_views():
    labels = np.random.default_rng(3).integers(0, 2, 300)
    engine = VectorEngine(views_with_noise(labels, noise=1.0))
    cut = find_cut(engine, np.arange(300), level_of(np.zeros(300, int)), BY_COMPONENT)
    assert {frozenset(cut.first), frozenset(cut.second)} == {
        frozenset(np.flatnonzero(labels == k)) for k in (0, 1)
    }
    assert cut.priority > 0.1


def test_rank_of_fit_is_kept_where_it_fits_held_out_members_better():
    """The leading component is the contrast, which no correlation knows; scores tell views."""
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 300)
    what_all_share = 10 * rng.normal(size=40)
    contrast = rng.uniform(0.3, 2.0, (300, 1))
    engine = VectorEngine(contrast * (what_all_share + views_with_noise(labels, 1.0)))
    level = level_of(np.zeros(300, int), scores=labels + 0.1 * rng.random(300))
    rows = np.arange(300)
    by_component = component_half(engine, level.poses, BY_COMPONENT)
    cut = find_cut(engine, rows, level, CutRule("better", 20.0))
    half = np.isin(rows, cut.first)
    assert (half == fit_half(level.scores)).all()
    assert not (half == by_component).all()
    always = find_cut(engine, rows, level, CutRule("fit", 20.0))
    np.testing.assert_array_equal(always.first, cut.first)
    never = find_cut(engine, rows, level, BY_COMPONENT)
    np.testing.assert_array_equal(never.first, rows[by_component])


def test_component_is_kept_where_the_scores_tell_nothing():
    labels = np.random.default_rng(6).integers(0, 2, 300)
    engine = VectorEngine(views_with_noise(labels, noise=1.0))
    level = level_of(np.zeros(300, int), scores=np.random.default_rng(7).random(300))
    rows = np.arange(300)
    better = find_cut(engine, rows, level, CutRule("better", 20.0))
    component = find_cut(engine, rows, level, BY_COMPONENT)
    np.testing.assert_array_equal(better.first, component.first)


@pytest.mark.parametrize(("percent", "fewest"), [(0, 1), (20, 10), (40, 20), (100, 50)])
def test_no_half_is_below_half_the_minimum_class_size(percent, fewest):
    vectors = np.random.default_rng(5).normal(size=(100, 8))
    vectors[0, 0] = 1000  # one odd image
    level = level_of(np.zeros(100, int))
    cut = find_cut(VectorEngine(vectors), np.arange(100), level, CutRule("component", percent))
    assert min(len(cut.first), len(cut.second)) == fewest
    assert len(cut.first) + len(cut.second) == 100


def test_grown_classes_remember_their_parents_and_lose_nobody():
    views = np.repeat([0, 1, 2], 80)
    engine = VectorEngine(views_with_noise(views, noise=1.0))
    growth = grow_classes(engine, level_of(np.where(views == 2, 0, views)), 3, BY_COMPONENT)
    assert growth.parents.tolist() == [0, 1, 0]
    assert growth.references.shape[0] == 3


def test_reseeded_class_descends_from_the_class_it_was_cut_from():
    views = np.repeat([0, 1, 2], 80)
    labels = np.where(views == 2, 1, 0)
    labels[0] = 2  # all that is left of class 2
    engine = VectorEngine(views_with_noise(views, noise=1.0))
    level = level_of(labels)
    references = np.ones((3, 1, 40), np.complex64)
    reseeding = reseed_small_classes(engine, references, level, BY_COMPONENT)
    assert reseeding.n_reseeded == 1
    assert reseeding.origin.tolist() == [0, 1, 0]
    assert reseeding.changed.tolist() == [True, False, True]
    np.testing.assert_array_equal(reseeding.references[1], references[1])


def test_nothing_changes_where_no_class_is_small():
    views = np.repeat([0, 1], 50)
    engine = VectorEngine(views_with_noise(views, noise=1.0))
    references = np.ones((2, 1, 40), np.complex64)
    reseeding = reseed_small_classes(engine, references, level_of(views), BY_COMPONENT)
    assert reseeding.n_reseeded == 0
    assert reseeding.origin.tolist() == [0, 1]
    assert not reseeding.changed.any()


def test_cut_of_pure_noise_is_worth_nothing_however_few_the_members():
    for seed in range(5):
        vectors = np.random.default_rng(seed).normal(size=(30, 400)) + 2
        cut = find_cut(
            VectorEngine(vectors), np.arange(30), level_of(np.zeros(30, int)), BY_COMPONENT
        )
        assert cut.priority < 0


def test_two_members_can_be_cut_and_nothing_is_sure():
    vectors = np.random.default_rng(0).normal(size=(2, 8))
    cut = find_cut(VectorEngine(vectors), np.arange(2), level_of(np.zeros(2, int)), BY_COMPONENT)
    assert len(cut.first) == len(cut.second) == 1
    assert cut.priority == -np.inf
