"""Keeping class averages in the centre of their box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl2d.results import mean_shifts, moved_frames

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cl2d.results import Poses


def centred_poses(poses: Poses, labels: npt.NDArray[np.int32], n_classes: int) -> Poses:
    """Return poses in the frames of averages moved so that their members' shifts average to zero.

    An average that stands off its centre by d makes all its members report the shift -d, whatever
    their rotation: their mean shift is an estimate of the offset that needs no contrast, no mask
    and no model of the particle. Moving the frame by it, ``p' = p + mean(t)``, only changes the
    shifts, so the centring is part of the poses from the start.
    """
    return moved_frames(poses, labels, mean_shifts(poses, labels, n_classes))
