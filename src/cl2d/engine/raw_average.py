"""Class sums of the particles as they were read, for the averages that are delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.results import Poses


def accumulate_raw(
    sums: npt.NDArray[np.float64],
    images: npt.NDArray[np.float32],
    poses: Poses,
    slots: npt.NDArray[np.int32],
    n_threads: int,
) -> None:
    """Add each image, moved into the frame of its class average, to one of the sums.

    Parameters
    ----------
    sums : (n_slots, box, box) float64, C-contiguous
        Added to in place.
    images : (n, box, box) float32
        Pixels at the original box and sampling, at least 2 x 2.
    poses : Poses of the n images
        Shifts in pixels of these images, at most 1e6.
    slots : (n,) integers
        The sum each image goes to; an image with a negative slot is skipped and may hold
        anything.
    n_threads : int
        The result has the same bits for any number of threads.

    Raises
    ------
    TypeError
        If ``sums`` cannot be added to in place or ``slots`` are not integers.
    ValueError
        If sizes differ, a slot has no sum, or the pose of an image that is added is not finite.

    Notes
    -----
    With the pose ``p = F R x - t`` the moved image is ``out(p) = image(R^T F (p + t))``, by
    quintic B-spline interpolation (M. Unser, IEEE Signal Processing Magazine 16(6), 1999). Pixels
    from outside the box are the image reflected about its outermost pixels. Quintic rather than
    cubic splines: averages keep their detail up to higher frequencies at less than twice the cost.
    """
    if sums.dtype != np.float64 or not sums.flags.c_contiguous or not sums.flags.writeable:
        message = (
            "sums must be a writeable C-contiguous float64 array, not "
            f"{'C-contiguous' if sums.flags.c_contiguous else 'strided'}, "
            f"{'writeable' if sums.flags.writeable else 'read-only'} {sums.dtype}"
        )
        raise TypeError(message)
    if not np.issubdtype(slots.dtype, np.integer):
        message = f"slots must be integers, not {slots.dtype}"
        raise TypeError(message)
    _native.accumulate_transformed(
        sums,
        np.ascontiguousarray(images, dtype=np.float32),
        np.ascontiguousarray(poses.psi_rad, dtype=np.float64),
        np.ascontiguousarray(poses.shift_px[:, 0], dtype=np.float64),
        np.ascontiguousarray(poses.shift_px[:, 1], dtype=np.float64),
        np.ascontiguousarray(poses.mirror, dtype=np.uint8),
        np.ascontiguousarray(slots, dtype=np.int32),
        n_threads,
    )
