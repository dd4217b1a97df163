"""When all particles are clustered again, and from what."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cl2d.pipeline.watch_cycle import (
    WatchSettings,
    newest_judged,
    poor_limits,
    reason_to_cluster,
    starting_averages,
)
from cl2d.pipeline.watch_state import Portion, WatchedRun, WatchState
from cl2d.results import LevelResult, identity_poses

SETTINGS = WatchSettings(first_after=1000, poor_share=0.15)


def state(sizes, n_clustered=0, poor=()):
    """Return a state with portions of some sizes, the first ones of which were clustered."""
    portions = [Portion(i + 1, size, run=1, n_usable=size) for i, size in enumerate(sizes)]
    for portion, n_poor in zip(portions[n_clustered:], poor, strict=False):
        portion.n_poor = n_poor
    runs = []
    if n_clustered:
        n_images = sum(sizes[:n_clustered])
        runs.append(WatchedRun(1, n_clustered, n_images, "the first", "complete"))
    return WatchState(Path("out"), "in", ".", {}, portions=portions, runs=runs)


def finished(labels, scores, n_classes):
    """Return the level of a run and averages that tell their class."""
    level = LevelResult(
        level=0,
        n_classes=n_classes,
        labels=np.asarray(labels, dtype=np.int32),
        poses=identity_poses(len(labels)),
        scores=np.asarray(scores, dtype=np.float32),
        confidence=np.ones(len(labels), dtype=np.float32),
        parents=np.full(n_classes, -1, dtype=np.int32),
    )
    averages = np.arange(n_classes, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4))
    return SimpleNamespace(levels=(level,), averages=averages)


@pytest.mark.parametrize(
    ("found", "finish", "reason"),
    [
        (state([]), True, None),
        (state([500, 499]), False, None),
        (state([500, 499]), True, "the first and last"),
        (state([500, 500]), False, "the first"),
        (state([1000], 1), True, None),
        (state([1000, 300], 1, [45]), False, None),
        (state([1000, 300], 1, [45]), True, "the last"),
        (state([1000, 300], 1, [46]), False, "15 % of the newest particles are explained poorly"),
        (state([1000, 99], 1, [99]), False, None),
        (state([1000, 999], 1, [0]), False, None),
        (state([1000, 1000], 1, [0]), False, "2.0 times as many particles"),
    ],
)
def test_when_a_clustering_is_due(found, finish, reason):
    assert reason_to_cluster(found, SETTINGS, finish=finish) == reason


def test_a_view_that_begins_to_come_is_not_thinned_out_by_what_came_before():
    portions = state([1000, 600, 60, 60], 1, [30, 15, 15]).since
    assert newest_judged(portions) == (120, 30)
    assert newest_judged(portions[:2]) == (660, 45)
    assert newest_judged([]) == (0, 0)


def test_the_limit_of_a_class_is_the_fifth_percentile_of_its_members():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [100, 60, 5])
    scores = rng.normal(size=165) + labels
    limits = poor_limits(finished([*labels, -1], [*scores, 99], 4))
    assert limits[:2] == pytest.approx([np.percentile(scores[labels == k], 5) for k in (0, 1)])
    # Five members tell little, and an empty class nothing.
    assert limits[2:] == pytest.approx([np.percentile(scores, 5)] * 2, rel=1e-6)


def test_a_clustering_starts_from_the_larger_half_of_the_classes_in_their_order():
    labels = np.repeat([0, 1, 2, 3, 4], [10, 3, 20, 7, 1])
    found = starting_averages(finished(labels, np.zeros(len(labels)), 5))
    assert found[:, 0, 0].tolist() == [0, 2, 3]


def test_no_empty_class_is_started_from():
    found = starting_averages(finished([2, 2, 2], np.zeros(3), 6))
    assert found[:, 0, 0].tolist() == [2]


def test_one_class_starts_from_its_average():
    assert len(starting_averages(finished([0, 0], np.zeros(2), 1))) == 1
