"""The evaluation of every class of every level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.evaluate.half_sets import half_sizes
from cl2d.evaluate.likeness import AverageComparison, order_by_likeness
from cl2d.evaluate.quality import class_quality
from cl2d.evaluate.records import THRESHOLDS, LevelEvaluation
from cl2d.evaluate.ring_correlation import crossing_ring, ring_correlations, signal_to_noise

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import SearchSettings
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import LevelResult

    Images = npt.NDArray[np.float32]


class LevelEvaluator:
    """Evaluates levels of one run.

    Parameters
    ----------
    plan : PreprocessPlan
    search : SearchSettings
    n_threads : int
        Changes nothing but the time taken.
    """

    def __init__(self, plan: PreprocessPlan, search: SearchSettings, n_threads: int) -> None:
        self._plan = plan
        self._search = search
        self._n_threads = n_threads

    def evaluate(
        self, level: LevelResult, averages: Images, halves: LevelResult, half_averages: Images
    ) -> LevelEvaluation:
        """Return the evaluation of one level.

        Parameters
        ----------
        level : LevelResult
        averages : (n_classes, box, box), of all members
        halves : LevelResult from :func:`cl2d.evaluate.half_set_level`
        half_averages : (2 n_classes, box, box), of the half-sets at their own poses
        """
        sizes = half_sizes(halves)
        curves = self._curves(np.flatnonzero(sizes.min(axis=1) > 0), half_averages)
        box = self._plan.box_px
        crossings = [[crossing_ring(curve, t) for t in THRESHOLDS] for curve in curves]
        members = level.class_sizes().astype(np.float64)
        return LevelEvaluation(
            level=level.level,
            half_members=sizes,
            frequency_per_px=np.arange(curves.shape[1]) / box,
            frc=curves,
            ssnr=signal_to_noise(curves),
            crossing_per_px=np.array(crossings) / box,
            quality=class_quality(curves, self._plan.k_max, members, _mean_scores(level)),
            order=order_by_likeness(self._compared(averages).scores()),
            pixel_size_angstrom=self._plan.pixel_size_angstrom,
        )

    def _compared(self, averages: Images) -> AverageComparison:
        return AverageComparison(averages, self._plan, self._search, self._n_threads)

    def _curves(
        self, measured: npt.NDArray[np.intp], half_averages: Images
    ) -> npt.NDArray[np.float64]:
        """Return the FRC of each class, the second half laid over the first; else nan."""
        curves = np.full((len(half_averages) // 2, self._plan.box_px // 2 + 1), np.nan)
        compared = self._compared(half_averages)
        radius = self._plan.mask_radius_px * self._plan.box_px / self._plan.working_box_px
        for k in measured.tolist():
            second = compared.laid_over(2 * k + 1, 2 * k)
            curves[k] = ring_correlations(half_averages[2 * k : 2 * k + 1], second[None], radius)[0]
        return curves


def _mean_scores(level: LevelResult) -> npt.NDArray[np.float64]:
    used = level.labels >= 0
    scores = level.scores[used].astype(np.float64)
    sums = np.bincount(level.labels[used], weights=scores, minlength=level.n_classes)
    return sums / np.maximum(level.class_sizes(), 1)
