"""Poses as they travel between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.results import Poses

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class PackedPoses:
    """Poses in as few bytes as hold them exactly: 12 and a bit for each that the engine found."""

    psi_rad: npt.NDArray[np.floating]
    shift_px: npt.NDArray[np.floating]
    mirror: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, poses: Poses) -> PackedPoses:
        """Pack poses."""
        return cls(_short(poses.psi_rad), _short(poses.shift_px), np.packbits(poses.mirror))

    def unpacked(self) -> Poses:
        """Return the same poses."""
        n = len(self.psi_rad)
        mirror = np.unpackbits(self.mirror, count=n).astype(bool)
        return Poses(self.psi_rad.astype(np.float64), self.shift_px.astype(np.float64), mirror)


def _short(values: npt.NDArray[np.float64]) -> npt.NDArray[np.floating]:
    """Return values in single precision if that holds each of them exactly."""
    single = values.astype(np.float32)
    return single if np.array_equal(single.astype(np.float64), values) else values
