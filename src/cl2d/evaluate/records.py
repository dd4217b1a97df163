"""What the evaluation of a level says about its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

THRESHOLDS = (0.5, 0.143)
"""Correlations of half-set averages at which a resolution is given."""


@dataclass(frozen=True, eq=False)
class LevelEvaluation:
    """How good the class averages of one level are.

    A class that is too small to be halved has nan in every curve and frequency, and quality 0.

    Attributes
    ----------
    level : int
    half_members : (n_classes, 2) int64, particles in each half-set; 0 where there are none
    frequency_per_px : (n_rings,) float64, spatial frequency of each ring, 0 to 0.5
    frc : (n_classes, n_rings) float64, Fourier ring correlation of the two half-set averages
    ssnr : (n_classes, n_rings) float64, signal-to-noise ratio of the average of all members
    crossing_per_px : (n_classes, 2) float64, frequencies where the FRC falls below ``THRESHOLDS``
    quality : (n_classes,) float64 in [0, 1]
    order : (n_classes,) intp, classes so that neighbours look alike
    pixel_size_angstrom : float or None if unknown
    reasons : for each class why it should be left out, keys of ``REASONS``; none: keep it
    """

    level: int
    half_members: npt.NDArray[np.int64]
    frequency_per_px: npt.NDArray[np.float64]
    frc: npt.NDArray[np.float64]
    ssnr: npt.NDArray[np.float64]
    crossing_per_px: npt.NDArray[np.float64]
    quality: npt.NDArray[np.float64]
    order: npt.NDArray[np.intp]
    pixel_size_angstrom: float | None = None
    reasons: tuple[tuple[str, ...], ...] = ()

    @property
    def selected(self) -> npt.NDArray[np.bool_]:
        """Which classes are proposed to be kept, (n_classes,)."""
        return np.array([not reasons for reasons in self.reasons], dtype=bool)

    @property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Which classes were large enough, (n_classes,)."""
        return np.isfinite(self.crossing_per_px[:, 0])

    @property
    def resolution_angstrom(self) -> npt.NDArray[np.float64] | None:
        """Resolution at each of ``THRESHOLDS``, (n_classes, 2); None without a pixel size."""
        if self.pixel_size_angstrom is None:
            return None
        return self.pixel_size_angstrom / self.crossing_per_px

    def similarity_rank(self) -> npt.NDArray[np.int64]:
        """Return the place of each class in the order by likeness, from 1."""
        rank = np.empty(len(self.order), dtype=np.int64)
        rank[self.order] = np.arange(1, len(self.order) + 1)
        return rank
