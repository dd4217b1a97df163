"""Averages compared with each other, rotation, mirror and shift left free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy

from cl2d.engine import ClassicalRule, LocalEngine, SearchSettings, normalised_references
from cl2d.engine.ingest import ingest
from cl2d.engine.raw_average import accumulate_raw
from cl2d.io import array_source
from cl2d.preprocess import noise_images
from cl2d.results import identity_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.preprocess import PreprocessPlan

    Images = npt.NDArray[np.float32]


class AverageComparison:
    """Averages prepared like particles, so that the engine can align them.

    Parameters
    ----------
    averages : (n, box, box) float32
    plan : PreprocessPlan of the run
    search : SearchSettings of the run
    n_threads : int
    """

    def __init__(
        self, averages: Images, plan: PreprocessPlan, search: SearchSettings, n_threads: int
    ) -> None:
        self._averages = averages
        self._n_threads = n_threads
        self._plan = plan
        self._search = search
        self._engine = self._engine_of(averages)
        self.references = self._references()

    def _engine_of(self, images: Images) -> LocalEngine:
        ingested = ingest(array_source(images), self._plan, self._n_threads)
        scale = self._plan.box_px / self._plan.working_box_px
        usable = ingested.flags == 0
        return LocalEngine(ingested.blocks, usable, self._search, scale, self._n_threads)

    def _references(self) -> npt.NDArray[np.complex64]:
        n = len(self._averages)
        labels = np.where(self._engine.usable, np.arange(n), -1).astype(np.int32)
        return normalised_references(self._engine.update(labels, identity_poses(n), n).sums)

    def scores(self) -> npt.NDArray[np.float64]:
        """Return the correlation of every pair of averages at its best pose, (n, n), symmetric."""
        rows = np.arange(len(self._averages))
        found = self._engine.assign(self.references, ClassicalRule(), sample=rows)
        assert found.sampled_scores is not None
        scores = found.sampled_scores.astype(np.float64)
        symmetric: npt.NDArray[np.float64] = np.maximum(scores, scores.T)
        return symmetric

    def fit_of_noise(self) -> float:
        """Return the median correlation of noise images with the averages they fit best."""
        found = self._engine_of(noise_images(self._plan)).assign(self.references, ClassicalRule())
        fits = found.scores[found.labels >= 0]
        return float(np.median(fits)) if len(fits) else 0.0

    def laid_over(self, moving: int, still: int) -> npt.NDArray[np.float64]:
        """Return an average moved, turned and mirrored to fit another one best, (box, box)."""
        one = self._engine.subset(np.array([moving]))
        found = one.assign(self.references[still : still + 1], ClassicalRule())
        moved: npt.NDArray[np.float64] = np.zeros((1, *self._averages.shape[1:]))
        image = self._averages[moving : moving + 1]
        accumulate_raw(moved, image, found.poses, np.zeros(1, dtype=np.int32), self._n_threads)
        average: npt.NDArray[np.float64] = moved[0]
        return average


def order_by_likeness(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return the classes in an order in which neighbours look alike.

    Parameters
    ----------
    scores : (n, n) symmetric correlations of the averages

    Notes
    -----
    The leaves of the tree of average linkage, its branches turned so that the sum of the
    distances of neighbours is smallest (Z. Bar-Joseph et al., Bioinformatics 17, 2001). Of the two
    directions the one is taken that has class 0 in the first half.
    """
    n = len(scores)
    if n < 3:
        return np.arange(n)
    distances = np.clip(1.0 - scores, 0.0, None)
    np.fill_diagonal(distances, 0.0)
    # By their whole names scipy's parts are imported when first used: they take long.
    hierarchy = scipy.cluster.hierarchy
    tree = hierarchy.linkage(
        scipy.spatial.distance.squareform(distances, checks=False),
        method="average",
        optimal_ordering=True,
    )
    order: npt.NDArray[np.intp] = hierarchy.leaves_list(tree).astype(np.intp)
    place = int(np.flatnonzero(order == 0)[0])
    return order[::-1].copy() if place > (n - 1) / 2 else order
