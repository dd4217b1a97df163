"""Stable cores: members that kept the company of their class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cl2d.cores import stable_members


def labels(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int32)


def random_levels(n_images: int, n_classes: list[int], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-1, k, n_images).astype(np.int32) for k in n_classes]


@pytest.mark.parametrize("tolerance", [0, 1, 2, 3, 10])
def test_what_always_stayed_together_is_stable_at_every_tolerance(tolerance: int) -> None:
    levels = [labels(0, 0, 0, 1, 1), labels(2, 2, 2, 0, 0), labels(1, 1, 1, 3, 3)]
    assert stable_members(levels, tolerance).all()


def test_who_came_from_elsewhere_is_not_stable() -> None:
    levels = [labels(0, 0, 0, 1), labels(0, 0, 0, 1), labels(2, 2, 2, 2)]
    assert stable_members(levels, 0).tolist() == [True, True, True, False]
    assert stable_members(levels, 1).tolist() == [True, True, True, False]
    assert stable_members(levels, 2).tolist() == [True, True, True, True]


def test_one_level_outside_the_core_is_forgiven_by_tolerance_1() -> None:
    levels = [labels(0, 0, 0), labels(0, -1, 0), labels(0, 0, 0)]
    assert stable_members(levels, 0).tolist() == [True, False, True]
    assert stable_members(levels, 1).all()


def test_only_members_of_the_last_core_are_stable() -> None:
    assert stable_members([labels(0, 0, 0), labels(0, 0, -1)], 5).tolist() == [True, True, False]


@pytest.mark.parametrize("n_levels", [1, 2])
def test_with_no_more_levels_than_the_tolerance_forgives_it_is_the_core(n_levels: int) -> None:
    levels = random_levels(50, [4, 8], seed=1)[:n_levels]
    np.testing.assert_array_equal(stable_members(levels, n_levels - 1), levels[-1] >= 0)


def test_empty_cores_are_legal() -> None:
    nobody = labels(-1, -1)
    assert not stable_members([nobody, nobody], 0).any()
    assert not stable_members([nobody, labels(0, 0)], 0).any()
    assert stable_members([nobody, labels(0, 0)], 1).all()


def test_random_labels_leave_next_to_nothing() -> None:
    levels = random_levels(20_000, [4, 8, 16, 32, 64], seed=0)
    assert stable_members(levels, 0).mean() < 0.001
    assert stable_members(levels, 1).mean() < 0.01


@given(seed=st.integers(0, 10_000), n_images=st.integers(0, 60), n_levels=st.integers(1, 5))
def test_growing_tolerance_never_removes_an_image(seed: int, n_images: int, n_levels: int) -> None:
    levels = random_levels(n_images, [2, 4, 8, 8, 8][:n_levels], seed)
    before = np.zeros(n_images, dtype=bool)
    for tolerance in range(n_levels + 1):
        now = stable_members(levels, tolerance)
        assert not (before & ~now).any()
        before = now
    np.testing.assert_array_equal(before, levels[-1] >= 0)


def test_class_numbers_do_not_matter() -> None:
    levels = random_levels(500, [3, 6, 6], seed=4)
    permutation = np.random.default_rng(0).permutation(6).astype(np.int32)
    renumbered = [*levels[:-1], np.where(levels[-1] >= 0, permutation[levels[-1]], -1)]
    np.testing.assert_array_equal(
        stable_members(levels, 1), stable_members([r.astype(np.int32) for r in renumbered], 1)
    )
