"""How the levels use a fast search: from where the images were, with doubt, exhaustive at last."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.agreement import adjusted_rand_index
from cl2d.engine import (
    Assignment,
    LikelihoodRule,
    OwnShare,
    expected_scores,
    normalised_references,
    sum_lengths,
)
from cl2d.events import ignore_event
from cl2d.levels import run_levels
from cl2d.levels.doubt import DOUBTED_SHARE, TURNS, last_poses
from cl2d.levels.endpoints import LevelStart
from cl2d.levels.level_loop import LevelLoop
from cl2d.levels.sure_members import sure_labels
from cl2d.options import LevelOptions
from cl2d.results import IterationReport, identity_poses
from tests.vector_engine import VectorEngine, groups_of_vectors


def assignment_of(scores, labels=None):
    n = len(scores)
    labels = np.zeros(n, dtype=np.int32) if labels is None else labels
    zeros = np.zeros(n, dtype=np.float32)
    scores = np.asarray(scores, dtype=np.float32)
    return Assignment(labels, identity_poses(n), scores, zeros, zeros)


def engine_that_misses(share, seed=0):
    vectors, truth = groups_of_vectors(8, 40, 0.05, seed)
    missed = np.random.default_rng(seed).random(len(truth)) < share
    return VectorEngine(vectors, missed=missed), truth


def doubted_in(assignment, turns):
    """Return who is doubted in each turn."""
    return [last_poses(assignment, turn).doubted for turn in range(turns)]


def test_every_doubted_image_has_its_turn_and_no_other_image_has():
    scores = np.random.default_rng(0).random(400)
    worst = np.argsort(scores)[: int(DOUBTED_SHARE * 400)]
    found = doubted_in(assignment_of(scores), TURNS)
    np.testing.assert_array_equal(np.flatnonzero(np.any(found, axis=0)), np.sort(worst))
    assert np.sum(found) == len(worst)
    assert not last_poses(assignment_of(scores), 0).near.any()


def test_images_in_no_class_are_neither_doubted_nor_counted_among_the_worst():
    labels = np.array([-1, 0] * 50, dtype=np.int32)
    scores = np.where(labels < 0, 0.0, np.linspace(0.1, 0.9, 100))
    doubted = np.any(doubted_in(assignment_of(scores, labels), TURNS), 0)
    assert not doubted[labels < 0].any()
    assert doubted.sum() == pytest.approx(DOUBTED_SHARE * 50, abs=1)
    nobody = last_poses(assignment_of(scores, np.full(100, -1, dtype=np.int32)), 0)
    assert not nobody.doubted.any()


def test_one_image_is_doubted_every_few_iterations():
    found = doubted_in(assignment_of([0.5]), 2 * TURNS)
    assert np.sum(found) == 2


@pytest.mark.parametrize("classes", [8, "auto"])
def test_the_last_iteration_is_exhaustive_and_tells_how_many_images_the_fast_one_missed(classes):
    engine, truth = engine_that_misses(0.02)
    reports = []
    tell = lambda event: reports.append(event) if isinstance(event, IterationReport) else None  # noqa: E731
    options = LevelOptions(classes=classes, max_classes=16)
    level = run_levels(engine, options, tell, fast=True)[-1]
    assert level.iterations == tuple(r for r in reports if r.level == level.level)
    *others, last = level.iterations
    assert any(report.fast for report in others)
    assert not last.fast
    assert [report.n_fast_differs for report in others] == [None] * len(others)
    assert 0 < last.n_fast_differs <= engine.missed.sum()
    assert adjusted_rand_index(truth, level.labels) > 0.99


def test_every_iteration_begins_where_the_one_before_ended_and_the_first_nowhere():
    engine, _ = engine_that_misses(0.0)
    levels = run_levels(engine, LevelOptions(classes=8), ignore_event, fast=True)
    assert engine.lasts[0] is None
    n_iterations = sum(len(level.iterations) for level in levels)
    exhaustive = [last is None for last in engine.lasts]
    # The first and the last iteration; the joints judged in between search averages, not images.
    assert exhaustive.count(True) == 2
    assert len(exhaustive) == n_iterations + 1


def test_nobody_is_sought_fast_where_that_was_not_asked_for():
    engine, _ = engine_that_misses(0.5)
    levels = run_levels(engine, LevelOptions(classes=8), ignore_event)
    assert all(last is None for last in engine.lasts)
    assert levels[-1].iterations[-1].n_fast_differs is None


def test_the_robust_rule_which_needs_all_scores_never_searches_fast():
    engine, _ = engine_that_misses(0.5)
    options = LevelOptions(classes=8, clustering="robust")
    levels = run_levels(engine, options, ignore_event, fast=True)
    assert all(last is None for last in engine.lasts)
    assert not any(report.fast for level in levels for report in level.iterations)
    assert levels[-1].iterations[-1].n_fast_differs is None


def test_an_engine_without_a_fast_search_gives_the_classes_it_gave():
    vectors, _ = groups_of_vectors(8, 40, 0.05)
    options = LevelOptions(classes=8)
    level = run_levels(VectorEngine(vectors), options, ignore_event, fast=True)[-1]
    assert not any(report.fast for report in level.iterations)
    assert level.iterations[-1].n_fast_differs is None


def test_the_last_iteration_is_that_which_follows_settling_with_averages_of_the_sure_members():
    vectors, _ = groups_of_vectors(4, 60, 0.35, dimensions=12)
    missed = np.random.default_rng(0).random(len(vectors)) < 0.05
    engine = VectorEngine(vectors, missed=missed)
    options = LevelOptions(classes=4)
    loop = LevelLoop(engine, options, ignore_event, by_likelihood=True, fast=True)
    references = normalised_references(np.eye(12)[:4, None].astype(np.complex128))
    start = LevelStart(0, references, np.full(4, -1, dtype=np.int32), last=True)
    settled = loop.continued(loop.settling(start, loop.run(start)))
    found = loop.verified(start, settled)

    fitted, last = settled.assignment, found.reports[-1]
    assert settled.settling is not None
    sure = sure_labels(fitted.labels, fitted.confidence, settled.settling)
    assert np.count_nonzero(sure != fitted.labels) > 0
    sums = engine.update(sure, fitted.poses, 4)
    lengths = sum_lengths(sums.sums)
    rule = LikelihoodRule(
        expected_scores(lengths, sums.counts, np.zeros(4, dtype=bool)), np.ones(4, dtype=bool)
    )
    own = OwnShare(sure, lengths, sums.counts)
    exhaustive = engine.assign(normalised_references(sums.sums), rule, own=own)
    np.testing.assert_array_equal(found.assignment.labels, exhaustive.labels)
    np.testing.assert_array_equal(found.assignment.confidence, exhaustive.confidence)
    assert (last.settling, last.fast) == (True, False)
    assert last.iteration == settled.reports[-1].iteration + 1
    assert 0 < last.n_fast_differs <= missed.sum()
