"""Thresholds make cores; what is odd about them is said."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.cores import LevelZscores, core_warnings, find_cores
from cl2d.options import CoreOptions
from cl2d.results import LevelResult, identity_poses


def make_level(labels: list[int], level: int = 0) -> LevelResult:
    numbers = np.array(labels, dtype=np.int32)
    zeros = np.zeros(len(labels), dtype=np.float32)
    n_classes = int(numbers.max()) + 1
    parents = np.full(n_classes, -1 if level == 0 else 0, dtype=np.int32)
    return LevelResult(
        level, n_classes, numbers, identity_poses(len(labels)), zeros, zeros, parents
    )


def make_zscores(junk: list[float], pca: list[float]) -> LevelZscores:
    return LevelZscores(np.array(junk, dtype=np.float32), np.array(pca, dtype=np.float32))


def test_a_core_member_passes_both_thresholds_and_is_in_a_class() -> None:
    level = make_level([0, 0, 0, -1])
    z = make_zscores([2.9, 3.0, 0.0, 0.0], [0.0, 0.0, 3.1, 0.0])
    (cores,) = find_cores([level], [z], CoreOptions())
    assert cores.is_core.tolist() == [True, False, False, False]
    assert cores.core_labels(level).tolist() == [0, -1, -1, -1]


@pytest.mark.parametrize("name", ["junk_zscore", "pca_zscore"])
def test_a_higher_threshold_never_removes_a_member(name: str) -> None:
    rng = np.random.default_rng(0)
    level = make_level([0] * 200)
    z = make_zscores(rng.exponential(2, 200).tolist(), rng.exponential(2, 200).tolist())
    before = np.zeros(200, dtype=bool)
    for threshold in (0.5, 1.0, 2.0, 5.0):
        (cores,) = find_cores([level], [z], CoreOptions(**{name: threshold}))
        assert not (before & ~cores.is_core).any()
        before = cores.is_core


def test_without_stable_cores_there_are_none() -> None:
    level = make_level([0, 0])
    options = CoreOptions(stable_core=False)
    (cores,) = find_cores([level], [make_zscores([0, 0], [0, 0])], options)
    assert cores.is_stable_core is None
    assert not (cores.stable_core_labels(level) >= 0).any()


def test_small_classes_empty_cores_and_few_levels_are_explained() -> None:
    level = make_level([0] * 40 + [1] * 5 + [2] * 35)
    z = make_zscores([0.0] * 45 + [9.0] * 35, [0.0] * 80)
    cores = find_cores([level], [z], CoreOptions())
    small, empty, few = core_warnings([level], cores, CoreOptions())
    assert small.startswith("class 2 of fewer than 30 members cannot be judged")
    assert empty == "the core of class 3 is empty: no member passes both z-scores"
    assert "a tolerance of 1 needs at least 3 levels, and there are 1" in few


def test_an_empty_stable_core_is_explained() -> None:
    n = 60
    half = [0] * 30 + [1] * 30
    levels = [
        make_level([k % 30 for k in range(n)]),
        make_level(half, 1),
        make_level([0] * n, 2),
    ]
    z = [make_zscores([0.0] * n, [0.0] * n) for _ in levels]
    z[0].junk[:] = 9.0
    z[1].junk[:] = 9.0
    options = CoreOptions(tolerance=1)
    cores = find_cores(levels, z, options)
    assert core_warnings(levels, cores, options) == [
        "the stable core of class 1 is empty: its members come from different classes of the "
        "earlier levels"
    ]
