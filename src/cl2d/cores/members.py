"""One look at all members of a level: how well each fits its class, and where it stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cores.components import MEMBERS_PER_COMPONENT, MOST_COMPONENTS, leading_components
from cl2d.cores.robust import squared_distances, zscores_of_distances
from cl2d.engine import GroupVectors, evenly_spread

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine import Engine, Projections
    from cl2d.results import LevelResult, Poses

    Rows = npt.NDArray[np.intp]
    Basis = npt.NDArray[np.float32]
    Values = npt.NDArray[np.float64]

SMALLEST_JUDGED = 30
"""Members a class needs for its typical member to be known."""

SAMPLE_MEMBERS = 300
"""Members that each half of a class gives to find its components; all are projected."""

CLASSES_AT_ONCE = 128
"""Classes whose components are in memory at a time: some ten vectors each."""


@dataclass(frozen=True)
class MemberMeasures:
    """What a look at the members gives; NaN for an image in no class or in one not judged.

    Attributes
    ----------
    fit : (n,) float64, correlation with the average of the *other* members of the class
    pca_zscore : (n,) float64
    judged : (n_classes,) bool
    """

    fit: npt.NDArray[np.float64]
    pca_zscore: npt.NDArray[np.float64]
    judged: npt.NDArray[np.bool_]


def measure_members(
    engine: Engine, level: LevelResult, on_progress: Callable[[int], None] | None = None
) -> MemberMeasures:
    """Measure every member of every class with at least ``SMALLEST_JUDGED`` members.

    Parameters
    ----------
    engine : Engine
    level : LevelResult
    on_progress : callable, optional
        Called with the number of members looked at.
    """
    sums = engine.update(level.labels, level.poses, level.n_classes).sums
    fit = np.full(engine.n_images, np.nan)
    pca = np.full(engine.n_images, np.nan)
    judged = level.class_sizes() >= SMALLEST_JUDGED
    numbers = np.flatnonzero(judged)
    done = 0
    for start in range(0, len(numbers), CLASSES_AT_ONCE):
        classes = [
            _ClassHalves(level, int(k), sums[k]) for k in numbers[start : start + CLASSES_AT_ONCE]
        ]
        tell = None if on_progress is None else partial(_tell, on_progress, done)
        found = _projected(engine, level, classes, tell)
        for members in classes:
            for rows in members.halves:
                fit[rows] = members.fit_to_others(found, rows)
                pca[rows] = _pca_zscores(found.products[rows])
                done += len(rows)
    return MemberMeasures(fit, pca, judged)


@dataclass(frozen=True)
class _Sample:
    """What the components of a class need beside the images of samples of both its halves.

    ``mean`` is that of all members, (n_rings, n_angles / 2); ``n_first`` images are of the first
    half; ``n_at_most`` are the components that each half may have.
    """

    poses: Poses
    mean: npt.NDArray[np.complex64]
    n_first: int
    n_at_most: tuple[int, int]
    seeds: tuple[int, int]


class _ClassHalves:
    """The members of one class, looked at in two halves.

    The components of one half judge the members of the other: a member that helped to find a
    component lies far out along it, by its own noise.
    """

    def __init__(self, level: LevelResult, k: int, class_sum: npt.NDArray[np.complex128]) -> None:
        rows = np.flatnonzero(level.labels == k)
        self.halves = rows[0::2], rows[1::2]
        self.sum: Values = class_sum.ravel().view(np.float64)
        self._mean = (class_sum / len(rows)).astype(np.complex64)
        self._level = level
        self._seeds = level.level, k

    def sample(self) -> tuple[Rows, _Sample]:
        """Return samples of both halves, one after the other, and what is known of them."""
        first, second = (evenly_spread(rows, SAMPLE_MEMBERS) for rows in self.halves)
        one, other = (
            min(MOST_COMPONENTS, max(1, len(rows) // MEMBERS_PER_COMPONENT)) for rows in self.halves
        )
        rows = np.concatenate([first, second])
        poses = self._level.poses.take(rows)
        return rows, _Sample(poses, self._mean, len(first), (one, other), self._seeds)

    def fit_to_others(self, found: Projections, rows: Rows) -> Values:
        """Return ``<x, S - x> / (|x| |S - x|)``: the average without the member itself."""
        with_sum, own = found.with_sum[rows], found.squared_length[rows]
        others = self.sum @ self.sum - 2 * with_sum + own
        norm = np.sqrt(np.maximum(own * others, np.finfo(np.float64).tiny))
        fit: Values = (with_sum - own) / norm
        return fit


def _projected(
    engine: Engine,
    level: LevelResult,
    classes: list[_ClassHalves],
    on_progress: Callable[[int], None] | None,
) -> Projections:
    """Return the members of some classes projected on the components of the other half."""
    groups = np.full(engine.n_images, -1, dtype=np.int32)
    vectors: list[GroupVectors] = []
    bases = engine.each(_components, [members.sample() for members in classes])
    for members, of_halves in zip(classes, bases, strict=True):
        for rows, basis in zip(members.halves, reversed(of_halves), strict=True):
            groups[rows] = len(vectors)
            vectors.append(GroupVectors(basis, members.sum))
    return engine.projections(groups, level.poses, vectors, on_progress)


def _components(sample: Engine, item: _Sample) -> tuple[Basis, Basis]:
    """Return the components of both halves of a class, by a sample of each."""
    rng = np.random.default_rng(item.seeds)
    members = sample.aligned_members(np.arange(sample.n_images), item.poses) - item.mean
    one, other = item.n_at_most
    first = leading_components(members[: item.n_first], one, rng)
    return first, leading_components(members[item.n_first :], other, rng)


def _pca_zscores(products: Values) -> Values:
    """Return the PCA z of the members of one half, by what they have of each component."""
    scores = np.ascontiguousarray(products[:, ~np.isnan(products[0])])
    return zscores_of_distances(squared_distances(scores), scores.shape[1])


def _tell(on_progress: Callable[[int], None], before: int, done: int) -> None:
    on_progress(before + done)
