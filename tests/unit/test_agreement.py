"""Agreement measures against hand-made cases and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from cl2d.agreement import (
    adjusted_rand_index,
    contingency,
    matched_classes,
    normalised_mutual_information,
    purity,
)
from cl2d.errors import InputError

MEASURES = [adjusted_rand_index, normalised_mutual_information, purity]
TWO_GROUPINGS = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-1, 6), min_size=n, max_size=n),
        st.lists(st.integers(-1, 9), min_size=n, max_size=n),
    )
)


def test_contingency_counts_shared_items_in_rising_label_order():
    table = contingency([5, 5, -1, 5], [2, 2, 2, 0])
    assert table.tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize("measure", MEASURES)
def test_renamed_classes_agree_fully(measure):
    assert measure([0, 0, 1, 1, 2], [7, 7, 3, 3, -1]) == pytest.approx(1.0)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("labels", [[4], [0, 0, 0], [0, 1, 2, 3]])
def test_a_trivial_grouping_agrees_with_itself(measure, labels):
    assert measure(labels, labels) == pytest.approx(1.0)


def test_one_class_for_everything_says_nothing():
    truth, labels = [0, 0, 1, 1], [0, 0, 0, 0]
    assert adjusted_rand_index(truth, labels) == 0.0
    assert normalised_mutual_information(truth, labels) == pytest.approx(0.0)
    assert purity(truth, labels) == 0.5


def test_singletons_are_pure_but_earn_no_rand_index():
    truth, labels = [0, 0, 1, 1], [0, 1, 2, 3]
    assert adjusted_rand_index(truth, labels) == 0.0
    assert purity(truth, labels) == 1.0


def test_rand_index_of_a_hand_worked_case():
    # Pairs together in both groupings: 2; in truth: 6; in labels: 3; of 15 pairs in all.
    value = adjusted_rand_index([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2])
    assert value == pytest.approx((2 - 6 * 3 / 15) / ((6 + 3) / 2 - 6 * 3 / 15))


@given(TWO_GROUPINGS)
def test_measures_equal_those_of_scikit_learn(groupings):
    truth, labels = groupings
    assert adjusted_rand_index(truth, labels) == pytest.approx(
        metrics.adjusted_rand_score(truth, labels), abs=1e-12
    )
    assert normalised_mutual_information(truth, labels) == pytest.approx(
        metrics.normalized_mutual_info_score(truth, labels), abs=1e-9
    )
    table = metrics.cluster.contingency_matrix(truth, labels)
    assert np.array_equal(contingency(truth, labels), table)
    assert purity(truth, labels) == pytest.approx(table.max(axis=0).sum() / table.sum())


@given(TWO_GROUPINGS)
def test_each_class_is_matched_to_its_largest_overlap(groupings):
    truth, labels = (np.array(g) for g in groupings)
    matches = matched_classes(truth, labels)
    assert sorted(matches) == np.unique(labels).tolist()
    for label, match in matches.items():
        names, counts = np.unique(truth[labels == label], return_counts=True)
        assert match == names[np.argmax(counts)]


def test_a_million_singletons_need_no_square_table():
    many = np.arange(1_000_000)
    assert adjusted_rand_index(many, many[::-1]) == 1.0
    assert adjusted_rand_index(np.zeros_like(many), many) == 0.0


@pytest.mark.parametrize(
    ("truth", "labels"), [([], []), ([0, 1], [0]), ([0.5, 1.0], [0, 1]), ([[0, 1]], [[0, 1]])]
)
def test_unusable_labels_are_refused(truth, labels):
    with pytest.raises(InputError, match="must"):
        adjusted_rand_index(truth, labels)
