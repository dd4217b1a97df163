from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cl2d.engine import (
    SAMPLE_IMAGES,
    ClassicalRule,
    LikelihoodRule,
    RobustRule,
    ScoreDistributions,
    distribution_bytes,
    sample_rows,
)
from cl2d.engine.distributions import PRIOR_IMAGES, beaten_share


def floats(*values):
    return np.array(values, dtype=np.float32)


def two_classes(first_members, second_members, first_others, second_others):
    """Return distributions of a sample with these scores in the own and in the other class."""
    own = [(a, b) for a, b in zip(first_members, second_others, strict=True)]
    other = [(a, b) for a, b in zip(first_others, second_members, strict=True)]
    labels = np.repeat(np.int32([0, 1]), [len(own), len(other)])
    return ScoreDistributions(floats(*own, *other), labels)


def shrunk(share, n, pooled):
    return (n * share + PRIOR_IMAGES * pooled) / (n + PRIOR_IMAGES)


def test_share_beaten_counts_equals_half():
    sample = floats(1, 2, 2, 3)
    found = beaten_share(floats(1, 1.5, 2, 2.5, 3), sample)
    np.testing.assert_allclose(found, [1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8])


def test_share_beaten_beyond_the_sample_is_half_a_rank_off_the_end():
    found = beaten_share(floats(-9, 9), floats(1, 2, 2, 3))
    np.testing.assert_allclose(found, [1 / 8, 7 / 8])


def test_empty_sample_tells_nothing():
    np.testing.assert_array_equal(beaten_share(floats(0, 1), floats()), [0.5, 0.5])


def test_robust_value_of_known_lists():
    distributions = two_classes([0.4, 0.6], [0.1, 0.3], [0.2, 0.5], [0.0, 0.05])
    # Class 0 at 0.55: beats 1 of its 2 members (0.4), both non-members (0.2, 0.5: 2 of 2, so
    # 3/4). Pooled members 0.1, 0.3, 0.4, 0.6: 3 of 4; pooled others 0, 0.05, 0.2, 0.5: 4 of 4.
    member = shrunk(1 / 2, 2, 3 / 4)
    other = shrunk(3 / 4, 2, 7 / 8)
    # Class 1 at 0.04: below both members (1/4), above 1 of 2 others; pooled 0 of 4 and 1 of 4.
    second = shrunk(1 / 4, 2, 1 / 8) * shrunk(1 / 2, 2, 1 / 4)
    found = distributions.values(floats((0.55, 0.04)))
    np.testing.assert_allclose(found, [[member * other, second]], rtol=1e-6)


def test_value_at_a_score_that_was_seen_differs_from_the_gaps_beside_it():
    distributions = two_classes([0.4, 0.6], [0.1, 0.3], [0.2, 0.5], [0.0, 0.05])
    below, at, above = (
        float(distributions.values(floats((score, 0.0)))[0, 0]) for score in (0.39, 0.4, 0.41)
    )
    assert below < at < above


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=40), st.integers(0, 2**31))
def test_tabulated_values_are_those_of_the_definition(scores, seed):
    rng = np.random.default_rng(seed)
    sample = rng.choice(floats(*scores), (len(scores), 3))
    labels = rng.integers(0, 3, len(scores)).astype(np.int32)
    asked = np.concatenate([sample, rng.uniform(-1.2, 1.2, (10, 3)).astype(np.float32)])
    own = labels[:, None] == np.arange(3)
    expected = np.ones(asked.shape)
    for k in range(3):
        for mask in (own, ~own):
            pool = beaten_share(asked[:, k], np.sort(sample[mask]))
            part = np.sort(sample[mask[:, k], k])
            expected[:, k] *= shrunk(beaten_share(asked[:, k], part), len(part), pool)
    found = ScoreDistributions(sample, labels).values(asked)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_no_score_however_far_out_has_value_zero(score):
    distributions = two_classes([0.4, 0.6], [0.1, 0.3], [0.2, 0.5], [0.0, 0.05])
    values = distributions.values(floats((score, score)))
    assert (values > 0).all()
    assert (values < 1).all()


def test_value_never_falls_with_the_score():
    rng = np.random.default_rng(0)
    distributions = ScoreDistributions(
        rng.normal(size=(200, 2)).astype(np.float32), rng.integers(0, 2, 200).astype(np.int32)
    )
    scores = np.sort(rng.normal(size=(500, 2)).astype(np.float32), axis=0)
    assert (np.diff(distributions.values(scores), axis=0) >= 0).all()


def test_equal_values_are_decided_by_the_score():
    # Both columns have the same lists, and both scores lie beyond them.
    sample = floats((0.1, 0.2), (0.2, 0.1), (0.1, 0.2), (0.2, 0.1))
    rule = RobustRule(ScoreDistributions(sample, np.int32([1, 0, 1, 0])))
    choice = rule.choose(floats((0.7, 0.9), (0.9, 0.7), (0.8, 0.8)))
    assert choice.labels.tolist() == [1, 0, 0]
    np.testing.assert_array_equal(choice.margin, 0)


def test_small_class_is_judged_by_the_pooled_scores():
    rng = np.random.default_rng(1)
    scores = np.full((1001, 2), 0.0, dtype=np.float32)
    scores[:1000, 0] = rng.uniform(0.4, 0.6, 1000)
    scores[1000, 1] = 0.1
    labels = np.int32([0] * 1000 + [1])
    distributions = ScoreDistributions(scores, labels)
    # 0.3 beats the only member of class 1, and none of those of class 0, who have the say.
    value = float(distributions.values(floats((0.0, 0.3)))[0, 1])
    others = 1 - 0.5 / 1000
    assert value == pytest.approx(shrunk(0.5, 1, 1.5 / 1001) * others, rel=0.05)


def test_large_class_is_judged_by_its_own_scores():
    rng = np.random.default_rng(2)
    scores = np.zeros((4000, 2), dtype=np.float32)
    scores[:2000, 0] = rng.uniform(0.6, 0.8, 2000)
    scores[2000:, 1] = rng.uniform(0.1, 0.3, 2000)
    distributions = ScoreDistributions(scores, np.repeat(np.int32([0, 1]), 2000))
    found = distributions.values(floats((0.7, 0.2)))
    np.testing.assert_allclose(found, 0.5, atol=0.03)


def test_class_with_a_new_reference_is_judged_by_the_pooled_scores_alone():
    rng = np.random.default_rng(3)
    scores = rng.uniform(0, 1, (500, 2)).astype(np.float32)
    labels = scores.argmax(axis=1).astype(np.int32)
    changed = np.array([True, True])
    found = ScoreDistributions(scores, labels, changed).values(floats((0.4, 0.4), (0.9, 0.9)))
    np.testing.assert_array_equal(found[:, 0], found[:, 1])


def test_robust_rule_resists_a_sharp_class_that_scores_high_with_every_image():
    """Class 0 gives its members 0.8 and all others 0.45; class 1 gives its members 0.4."""
    rng = np.random.default_rng(4)
    n = 1000
    first = np.stack([rng.normal(0.8, 0.04, n), rng.normal(0.2, 0.04, n)], axis=1)
    second = np.stack([rng.normal(0.45, 0.04, n), rng.normal(0.4, 0.04, n)], axis=1)
    scores = np.concatenate([first, second]).astype(np.float32)
    truth = np.repeat(np.int32([0, 1]), n)
    classical = ClassicalRule().choose(scores)
    assert (classical.labels[n:] == 1).mean() < 0.3
    # From there each pass brings some of them back, the references being what they were.
    labels, right = classical.labels, [(classical.labels == truth).mean()]
    for _ in range(6):
        labels = RobustRule(ScoreDistributions(scores, labels)).choose(scores).labels
        right.append((labels == truth).mean())
    assert right == sorted(right)
    assert right[-1] > 0.98


def test_one_class_takes_every_image():
    scores = floats((0.1,), (-0.4,), (0.3,))
    rule = RobustRule(ScoreDistributions(scores, np.int32([0, 0, 0])))
    choice = rule.choose(scores)
    assert choice.labels.tolist() == [0, 0, 0]
    assert (choice.margin > 0).all()


def test_classical_choice_and_lead():
    choice = ClassicalRule().choose(floats((0.1, 0.5, 0.3), (0.4, 0.4, 0.0)))
    assert choice.labels.tolist() == [1, 0]
    np.testing.assert_allclose(choice.margin, [0.2, 0.0], atol=1e-7)


def test_sample_is_usable_spread_and_bounded():
    usable = np.ones(3 * SAMPLE_IMAGES, dtype=bool)
    usable[::7] = False
    rows = sample_rows(usable)
    assert len(rows) == SAMPLE_IMAGES
    assert usable[rows].all()
    assert (np.diff(rows) > 0).all()
    assert (np.diff(rows) < 6).all()
    np.testing.assert_array_equal(sample_rows(usable[:20]), np.flatnonzero(usable[:20]))


def test_memory_of_the_distributions_grows_no_further_than_the_sample():
    assert distribution_bytes(SAMPLE_IMAGES, 8) == distribution_bytes(10 * SAMPLE_IMAGES, 8)
    assert distribution_bytes(1000, 16) == 2 * distribution_bytes(1000, 8)


def test_best_class_is_chosen_by_its_lead_over_the_second():
    scores = np.array([[0.1, 0.7, 0.4], [-0.3, -0.5, -0.2]], dtype=np.float32)
    choice = ClassicalRule().choose(scores)
    assert choice.labels.tolist() == [1, 2]
    np.testing.assert_array_equal(choice.margin, np.float32([0.7, -0.2]) - np.float32([0.4, -0.3]))
    assert (choice.labels.dtype, choice.margin.dtype) == (np.int32, np.float32)


def test_lower_class_wins_a_tie_by_no_margin():
    choice = ClassicalRule().choose(np.array([[0.2, 0.5, 0.5]], dtype=np.float32))
    assert (choice.labels[0], choice.margin[0]) == (1, 0)


def test_lead_over_no_other_class_is_the_score():
    choice = ClassicalRule().choose(np.array([[0.25], [-0.5]], dtype=np.float32))
    assert choice.labels.tolist() == [0, 0]
    assert choice.margin.tolist() == [0.25, -0.5]


@pytest.mark.parametrize("n_classes", [1, 3])
def test_no_images_are_no_choices(n_classes):
    choice = ClassicalRule().choose(np.empty((0, n_classes), dtype=np.float32))
    assert (choice.labels.shape, choice.margin.shape) == ((0,), (0,))


def test_scores_are_not_changed():
    scores = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    before = scores.copy()
    ClassicalRule().choose(scores)
    np.testing.assert_array_equal(scores, before)


def test_no_rule_chooses_a_class_it_may_not_and_the_lead_is_over_those_it_may():
    scores = floats((0.9, 0.5, 0.3), (0.2, 0.7, 0.8))
    among = np.array([[False, True, True], [True, True, False]])
    likelihood = LikelihoodRule(np.full(3, 0.5), np.ones(3, dtype=bool))
    drawn = np.random.default_rng(0).random((300, 3)).astype(np.float32)
    robust = RobustRule(ScoreDistributions(drawn, drawn.argmax(axis=1).astype(np.int32)))
    for rule in (ClassicalRule(), likelihood, robust):
        choice = rule.choose(scores, among)
        assert choice.labels.tolist() == [1, 1]
        values = rule.values(scores)
        np.testing.assert_allclose(
            choice.margin, [values[0, 1] - values[0, 2], values[1, 1] - values[1, 0]]
        )
        everything = rule.choose(scores, np.ones((2, 3), dtype=bool))
        np.testing.assert_array_equal(everything.labels, rule.choose(scores).labels)
