"""Work on several things at once: order, exceptions, and the same answers as one by one."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from cl2d.engine import SearchSettings
from cl2d.engine.at_once import AHEAD, results_in_order
from cl2d.levels.cuts import CutRule, cuts_of_groups
from tests.engine_inputs import engine_of, noise_images, random_poses, white_plan


@pytest.mark.parametrize("n_threads", [1, 2, 8])
def test_results_come_in_the_order_of_the_items(n_threads):
    assert list(results_in_order(lambda item: item**2, range(20), n_threads)) == [
        item**2 for item in range(20)
    ]
    assert list(results_in_order(str, [], n_threads)) == []


def test_two_items_are_in_work_at_once():
    """Each waits for the other, which none could that is worked on alone."""
    both = threading.Barrier(2, timeout=60)
    assert sorted(results_in_order(lambda _: both.wait(), [0, 1], 2)) == [0, 1]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_exception_is_raised_in_its_turn(n_threads):
    results = results_in_order(lambda item: 1 // (3 - item), range(1000), n_threads)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_no_more_is_begun_than_is_taken_soon(n_threads):
    begun = []
    results = results_in_order(begun.append, range(1000), n_threads)
    next(results)
    assert 1 <= len(begun) <= AHEAD * n_threads
    results.close()
    assert len(begun) <= AHEAD * n_threads


def test_classes_are_cut_alike_one_by_one_and_at_once():
    images, plan = noise_images(200, 24), white_plan(24)
    labels = (np.arange(200) % 7).astype(np.int32)
    scores = np.linspace(0, 0.5, 200, dtype=np.float32)
    fitted = SimpleNamespace(labels=labels, poses=random_poses(200, 1.0), scores=scores)
    groups = [np.flatnonzero(labels == k) for k in range(7)]
    rule = CutRule("component", 20.0, realigned=True)
    one, two = (
        cuts_of_groups(engine_of(images, plan, SearchSettings(2), n), groups, fitted, rule)
        for n in (1, 2)
    )
    for alone, together in zip(one, two, strict=True):
        assert alone.gain == together.gain
        np.testing.assert_array_equal(alone.in_first, together.in_first)
        np.testing.assert_array_equal(alone.poses.psi_rad, together.poses.psi_rad)
