"""One look at all members of a level: how well each fits its class, and where it stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cores.components import MEMBERS_PER_COMPONENT, MOST_COMPONENTS, leading_components
from cl2d.cores.robust import squared_distances, zscores_of_distances

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.results import LevelResult

    Rows = npt.NDArray[np.intp]
    Values = npt.NDArray[np.float64]

SMALLEST_JUDGED = 30
"""Members a class needs for its typical member to be known."""

SAMPLE_MEMBERS = 300
"""Members that each half of a class gives to find its components; all are projected."""

_READ_MEMBERS = 2048


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
    done = 0

    def measured(alone: Engine, k: int) -> tuple[Rows, Values, Values]:
        rows = np.flatnonzero(level.labels == k)
        return rows, *_ClassMembers(alone, level, rows, sums[k]).measure()

    for rows, fits, zscores in engine.each(measured, np.flatnonzero(judged).tolist()):
        fit[rows], pca[rows] = fits, zscores
        done += len(rows)
        if on_progress is not None:
            on_progress(done)
    return MemberMeasures(fit, pca, judged)


class _ClassMembers:
    """The members of one class, looked at in two halves.

    The components of one half judge the members of the other: a member that helped to find a
    component lies far out along it, by its own noise.
    """

    def __init__(
        self,
        engine: Engine,
        level: LevelResult,
        rows: Rows,
        class_sum: npt.NDArray[np.complex128],
    ) -> None:
        self.rows = rows
        self._engine = engine
        self._poses = level.poses
        self._sum = class_sum.ravel().view(np.float64)
        self._mean = (class_sum / len(rows)).astype(np.complex64)
        self._rng = np.random.default_rng([level.level, int(level.labels[rows[0]])])

    def measure(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return fit and PCA z of every member, in the order of ``rows``."""
        bases = [self._components(self.rows[half::2]) for half in (0, 1)]
        fit = np.empty(len(self.rows))
        pca = np.empty(len(self.rows))
        for half in (0, 1):
            fit[half::2], scores = self._project(self.rows[half::2], bases[1 - half])
            pca[half::2] = zscores_of_distances(squared_distances(scores), scores.shape[1])
        return fit, pca

    def _components(self, rows: Rows) -> npt.NDArray[np.float32]:
        n_at_most = min(MOST_COMPONENTS, max(1, len(rows) // MEMBERS_PER_COMPONENT))
        if len(rows) > SAMPLE_MEMBERS:
            rows = rows[np.linspace(0, len(rows) - 1, SAMPLE_MEMBERS).astype(np.intp)]
        members = self._engine.aligned_members(rows, self._poses.take(rows))
        return leading_components(members - self._mean, n_at_most, self._rng)

    def _project(
        self, rows: Rows, basis: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the fit (n,) of some members and their scores (n, q) on a basis."""
        fits, scores = [], []
        for start in range(0, len(rows), _READ_MEMBERS):
            some = rows[start : start + _READ_MEMBERS]
            members = self._engine.aligned_members(some, self._poses.take(some))
            flat = members.reshape(len(some), -1).view(np.float32)
            fits.append(self._fit_to_others(flat))
            scores.append((flat @ basis.T).astype(np.float64))
        return np.concatenate(fits), np.concatenate(scores)

    def _fit_to_others(self, flat: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return ``<x, S - x> / (|x| |S - x|)``: the average without the member itself."""
        with_sum = flat.astype(np.float64) @ self._sum
        own = np.einsum("ij,ij->i", flat, flat, dtype=np.float64)
        others = self._sum @ self._sum - 2 * with_sum + own
        norm = np.sqrt(np.maximum(own * others, np.finfo(np.float64).tiny))
        fit: npt.NDArray[np.float64] = (with_sum - own) / norm
        return fit
