"""The evaluation of every class of every level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.evaluate.central_signal import central_shares
from cl2d.evaluate.half_sets import half_sizes
from cl2d.evaluate.likeness import AverageComparison, order_by_likeness
from cl2d.evaluate.quality import (
    JUNK_ZSCORE,
    ClassMeasures,
    class_quality,
    mean_frc,
    reasons_to_drop,
)
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
        self,
        level: LevelResult,
        averages: Images,
        halves: LevelResult,
        half_averages: Images,
        junk_zscores: Images | None = None,
    ) -> LevelEvaluation:
        """Return the evaluation of one level.

        Parameters
        ----------
        level : LevelResult
        averages : (n_classes, box, box), of all members
        halves : LevelResult from :func:`cl2d.evaluate.half_set_level`
        half_averages : (2 n_classes, box, box), of the half-sets at their own poses
        junk_zscores : (n,) of the images at this level, where they were measured
        """
        sizes = half_sizes(halves)
        curves = self._curves(np.flatnonzero(sizes.min(axis=1) > 0), half_averages)
        box = self._plan.box_px
        crossings = [[crossing_ring(curve, t) for t in THRESHOLDS] for curve in curves]
        compared = self._compared(averages)
        measures = self._measures(level, averages, curves, compared.fit_of_noise(), junk_zscores)
        measured = sizes.min(axis=1) > 0
        return LevelEvaluation(
            level=level.level,
            half_members=sizes,
            frequency_per_px=np.arange(curves.shape[1]) / box,
            frc=curves,
            ssnr=signal_to_noise(curves),
            crossing_per_px=np.array(crossings) / box,
            quality=class_quality(measures),
            order=order_by_likeness(compared.scores()),
            pixel_size_angstrom=self._plan.pixel_size_angstrom,
            reasons=tuple(tuple(why) for why in reasons_to_drop(measures, measured)),
        )

    def _measures(
        self,
        level: LevelResult,
        averages: Images,
        curves: npt.NDArray[np.float64],
        noise_fit: float,
        junk_zscores: Images | None,
    ) -> ClassMeasures:
        members = level.class_sizes().astype(np.float64)
        junk = np.zeros(len(level.labels)) if junk_zscores is None else junk_zscores
        return ClassMeasures(
            members=members,
            detail=mean_frc(curves, self._plan.k_max),
            fit=level.class_means(level.scores),
            certainty=level.class_means(level.confidence),
            central=central_shares(averages, self._plan),
            junk_share=level.class_means(junk >= JUNK_ZSCORE),
            junk_median=_class_medians(level, junk),
            noise_fit=noise_fit,
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


def _class_medians(level: LevelResult, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the median over the members of each class, 0 for an empty one."""
    members = (values[level.labels == k] for k in range(level.n_classes))
    return np.array([np.median(some) if len(some) else 0.0 for some in members])
