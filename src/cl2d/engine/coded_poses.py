"""Poses of images against classes as the search gives them: numbers of shift, mirror and angle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.results import in_class_frame

if TYPE_CHECKING:
    import numpy.typing as npt

    Psi = npt.NDArray[np.float64]
    Shift = npt.NDArray[np.float64]
    Mirror = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class CodedPoses:
    """Best poses of images against each class, for all that were compared.

    Attributes
    ----------
    codes : (n_images, n_classes) int32
        ``(2 shift + mirror) n_angles + angle``.
    shifts : (n_shifts, 2) float64, working pixels
    n_angles : int
    moved_px : (n_images, 2) float64, optional
        What each image had been moved by when it was compared, working pixels.
    """

    codes: npt.NDArray[np.int32]
    shifts: npt.NDArray[np.float64]
    n_angles: int
    moved_px: npt.NDArray[np.float64] | None = None

    def of(self, labels: npt.NDArray[np.int32]) -> tuple[Psi, Shift, Mirror]:
        """Return angle (radians), shift (n, 2; working pixels) and mirror in a class of each."""
        codes = self.codes[np.arange(len(labels)), labels]
        psi: Psi = 2 * np.pi * (codes % self.n_angles) / self.n_angles
        mirror = (codes // self.n_angles % 2).astype(np.uint8)
        shift: Shift = self.shifts[codes // (2 * self.n_angles)]
        if self.moved_px is not None:
            shift = shift - in_class_frame(self.moved_px, psi, mirror)
        return psi, shift, mirror
