"""The number of classes is found: groups that differ become classes, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.agreement import adjusted_rand_index
from cl2d.engine import Assignment
from cl2d.events import ClassesAdjusted, LevelFinished
from cl2d.levels import run_levels
from cl2d.levels.automatic import adjusted_classes, grown_classes
from cl2d.levels.cuts import SMALLEST_CLASS, cut_rule
from cl2d.options import LevelOptions
from cl2d.results import identity_poses
from tests.vector_engine import VectorEngine, groups_of_vectors

AUTOMATIC = LevelOptions(classes="auto")
RULE = cut_rule(AUTOMATIC)


def fitted(labels: np.ndarray) -> Assignment:
    n = len(labels)
    scores = np.full(n, 0.7, dtype=np.float32)
    return Assignment(labels.astype(np.int32), identity_poses(n), scores, scores, scores)


@pytest.mark.parametrize("n_groups", [1, 2, 5, 11])
def test_as_many_classes_are_found_as_there_are_groups(n_groups):
    vectors, truth = groups_of_vectors(n_groups, 60, noise=0.15, seed=n_groups)
    last = run_levels(VectorEngine(vectors), AUTOMATIC)[-1]
    assert last.n_classes == n_groups
    assert adjusted_rand_index(truth, last.labels) == 1


def test_classes_of_one_group_are_joined_and_a_mixed_class_is_cut():
    vectors, truth = groups_of_vectors(4, 100, noise=0.2)
    labels = np.where(truth == 1, 2, truth)
    labels[np.flatnonzero(truth == 0)[::2]] = 1
    found = adjusted_classes(VectorEngine(vectors), fitted(labels), 4, RULE, n_most=20)
    assert (found.n_joined, found.n_cut) == (1, 1)
    assert len(found.references) == 4
    assert sorted(found.origin.tolist()) in ([0, 2, 2, 3], [1, 2, 2, 3])
    sorted_anew = (vectors @ found.references[:, 0].real.T).argmax(axis=1)
    assert adjusted_rand_index(truth, sorted_anew) == 1


def test_pure_classes_that_differ_stay_as_they_are():
    vectors, truth = groups_of_vectors(4, 100, noise=0.2)
    found = adjusted_classes(VectorEngine(vectors), fitted(truth), 4, RULE, n_most=20)
    assert (found.n_joined, found.n_cut) == (0, 0)
    assert found.origin.tolist() == [0, 1, 2, 3]


def test_growing_goes_no_further_than_it_may():
    vectors, _ = groups_of_vectors(6, 60, noise=0.1)
    one_class = fitted(np.zeros(360))
    engine = VectorEngine(vectors)
    assert len(grown_classes(engine, one_class, 1, RULE, n_most=3).references) == 3
    everything = grown_classes(engine, one_class, 1, RULE, n_most=20)
    assert len(everything.references) == 1 + everything.n_cut >= 6
    assert not everything.origin.any()


def test_a_handful_of_images_is_no_class_and_its_images_go_elsewhere():
    vectors, truth = groups_of_vectors(2, 60, noise=0.2)
    labels = truth.copy()
    labels[: SMALLEST_CLASS - 1] = 2
    found = adjusted_classes(VectorEngine(vectors), fitted(labels), 3, RULE, n_most=9)
    assert found.origin.tolist() == [0, 1]
    few = adjusted_classes(VectorEngine(vectors[:4]), fitted(np.arange(4) % 2), 2, RULE, n_most=4)
    assert len(few.references) == 1


def test_bound_is_kept():
    vectors, _ = groups_of_vectors(9, 60, noise=0.1)
    options = LevelOptions(classes="auto", max_classes=5)
    levels = run_levels(VectorEngine(vectors), options)
    assert max(level.n_classes for level in levels) <= 5


@pytest.mark.parametrize("n_images", [1, 2, 7, 30])
def test_few_images_are_classified_too(n_images):
    vectors = np.random.default_rng(0).normal(size=(n_images, 24)) + 1
    last = run_levels(VectorEngine(vectors), AUTOMATIC)[-1]
    assert last.class_sizes().sum() == n_images
    assert last.class_sizes().min() > 0


def test_parents_lead_to_the_first_level_and_no_class_is_empty():
    vectors, _ = groups_of_vectors(13, 50, noise=0.15)
    usable = np.arange(len(vectors)) % 7 > 0
    levels = run_levels(VectorEngine(vectors, usable), AUTOMATIC)
    assert len(levels) > 1
    for before, level in zip([None, *levels[:-1]], levels, strict=True):
        assert len(level.parents) == level.n_classes == len(level.class_sizes())
        assert level.class_sizes().min() > 0
        assert level.class_sizes().sum() == usable.sum()
        assert before is None or (level.parents >= 0).all()
        assert before is None or (level.parents < before.n_classes).all()


def test_references_start_the_classes_and_stay_known():
    vectors, truth = groups_of_vectors(5, 60, noise=0.15)
    references = np.eye(24, dtype=np.complex64)[[3, 4]][:, None]
    levels = run_levels(VectorEngine(vectors), AUTOMATIC, references=references)
    assert levels[0].n_classes == 2
    assert levels[0].reference_numbers.tolist() == [0, 1]
    assert adjusted_rand_index(truth, levels[-1].labels) == 1
    assert set(levels[-1].reference_numbers.tolist()) == {0, 1}


def test_same_seed_gives_the_same_classes_and_the_course_is_told():
    vectors, _ = groups_of_vectors(7, 60, noise=0.3)
    told: list[object] = []
    first, again = (
        run_levels(VectorEngine(vectors), LevelOptions(classes="auto", seed=3), told.append)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first[-1].labels, again[-1].labels)
    finished = [event for event in told if isinstance(event, LevelFinished)]
    assert [event.n_classes for event in finished[: len(first)]] == [
        level.n_classes for level in first
    ]
    for event in told:
        assert not isinstance(event, ClassesAdjusted) or event.n_joined + event.n_cut > 0
