from __future__ import annotations

import numpy as np
import pytest

from cl2d.levels.start import random_references
from tests.vector_engine import VectorEngine


def engine(n: int, usable: np.ndarray | None = None) -> VectorEngine:
    return VectorEngine(np.eye(n), usable)


def members(references: np.ndarray) -> list[set[int]]:
    """Return which unit vectors each reference is made of."""
    return [set(np.flatnonzero(np.abs(reference.ravel()) > 0)) for reference in references]


@pytest.mark.parametrize(("n", "n_classes"), [(12, 4), (13, 4), (5, 5), (7, 1)])
def test_classes_share_all_images_equally(n: int, n_classes: int) -> None:
    groups = members(random_references(engine(n), n_classes, np.random.default_rng(0)))
    sizes = [len(group) for group in groups]
    assert set.union(*groups) == set(range(n))
    assert sum(sizes) == n
    assert max(sizes) - min(sizes) <= 1


def test_unusable_images_take_no_part() -> None:
    usable = np.array([True, False, True, True, False, True])
    groups = members(random_references(engine(6, usable), 2, np.random.default_rng(0)))
    assert set.union(*groups) == {0, 2, 3, 5}


def test_same_seed_same_start_and_another_seed_another() -> None:
    draw = [random_references(engine(30), 3, np.random.default_rng(seed)) for seed in (5, 5, 6)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert (draw[0] != draw[2]).any()


def test_references_have_norm_one() -> None:
    references = random_references(engine(30), 3, np.random.default_rng(0))
    power = (np.abs(references) ** 2).sum(axis=(1, 2)) / references.shape[2]
    np.testing.assert_allclose(power, 1, rtol=1e-6)
