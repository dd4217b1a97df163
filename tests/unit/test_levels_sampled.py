"""Levels whose iterations look at a sample of the images: everybody gets a class all the same."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.agreement import adjusted_rand_index
from cl2d.levels import run_levels
from cl2d.levels.sampled import ITERATIONS_OF_ALL, sample_of, sample_size
from cl2d.options import LevelOptions
from cl2d.results import IterationReport, identity_poses
from tests.vector_engine import VectorEngine, groups_of_vectors


@pytest.mark.parametrize(
    ("n_usable", "n_classes", "images_per_class", "size"),
    [(1000, 4, 100, 400), (1000, 5, 100, 500), (1000, 6, 100, 1000), (1000, 4, 0, 1000)],
)
def test_a_sample_is_of_half_the_images_at_most(n_usable, n_classes, images_per_class, size):
    assert sample_size(n_usable, n_classes, images_per_class) == size


def test_a_sample_is_of_usable_images_evenly_spread():
    usable = np.arange(1000) % 5 != 0
    sample = sample_of(usable, 4, 25)
    assert sample is not None
    assert len(np.unique(sample)) == len(sample) == 100
    assert usable[sample].all()
    assert np.diff(sample).max() <= 15
    assert sample_of(usable, 4, 101) is None


@pytest.mark.parametrize("classes", [4, "auto"])
def test_sampled_iterations_come_first_and_all_images_close_a_level(classes):
    vectors, views = groups_of_vectors(4, 150, noise=0.1)
    usable = np.arange(600) % 10 != 0
    told: list[object] = []
    options = LevelOptions(classes=classes, initial_classes=2, images_per_class=60)
    levels = run_levels(VectorEngine(vectors, usable), options, told.append)
    for level in levels:
        assert (level.labels[usable] >= 0).all()
        assert (level.labels[~usable] == -1).all()
        reports = [report for report in level.iterations if not report.sampled]
        if any(report.closing for report in level.iterations):
            assert [report.closing for report in reports[:ITERATIONS_OF_ALL]] == [True, True]
            assert reports[0].n_images == usable.sum()
            sampled = level.iterations[: -len(reports)]
            assert {report.n_images for report in sampled} == {60 * level.n_classes}
            assert all(report.sampled for report in sampled)
    assert any(report.sampled for report in levels[0].iterations)
    assert adjusted_rand_index(views[usable], levels[-1].labels[usable]) > 0.98
    assert [event for event in told if isinstance(event, IterationReport)] == [
        report for level in levels for report in level.iterations
    ]


def test_views_of_the_user_are_compared_with_all_images():
    vectors, truth = groups_of_vectors(4, 150, noise=0.1)
    engine = VectorEngine(vectors)
    views = engine.update(truth.astype(np.int32), identity_poses(600), 4).sums
    options = LevelOptions(classes=4, images_per_class=20)
    [level] = run_levels(engine, options, references=views.astype(np.complex64))
    assert not any(report.sampled for report in level.iterations)
