"""Keeping class averages in the centre of their box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.results import Poses

if TYPE_CHECKING:
    import numpy.typing as npt


def centred_poses(poses: Poses, labels: npt.NDArray[np.int32], n_classes: int) -> Poses:
    """Return poses in the frames of averages moved so that their members' shifts average to zero.

    An average that stands off its centre by d makes all its members report the shift -d, whatever
    their rotation: their mean shift is an estimate of the offset that needs no contrast, no mask
    and no model of the particle. Moving the frame by it, ``p' = p + mean(t)``, only changes the
    shifts, so the centring is part of the poses from the start.
    """
    members = labels >= 0
    counts = np.maximum(np.bincount(labels[members], minlength=n_classes), 1)
    shift = poses.shift_px.copy()
    for axis in range(2):
        total = np.bincount(labels[members], shift[members, axis], minlength=n_classes)
        shift[members, axis] -= (total / counts)[labels[members]]
    return Poses(poses.psi_rad, shift, poses.mirror)
