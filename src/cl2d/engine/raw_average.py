"""Class sums of the particles as they were read, for the averages that are delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.results import Poses


@dataclass(frozen=True, eq=False)
class Moves:
    """Images to be moved, and where to.

    Attributes
    ----------
    image : (n,) integers
        Which image is moved. Moves of one image should follow each other, as its spline is fitted
        once then.
    poses : Poses of length n
        Shifts in pixels of the images, at most 1e6.
    slots : (n, m) integers
        The sums each moved image goes to; negative ones are none. Where all are negative nothing
        is read, and image and pose may hold anything.
    """

    image: npt.NDArray[np.int32]
    poses: Poses
    slots: npt.NDArray[np.int32]


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
    sums, images, n_threads
        As for :func:`accumulate_moved`, as are errors.
    poses : Poses of the n images
    slots : (n,) integers
        The sum each image goes to; an image with a negative slot is skipped and may hold
        anything.
    """
    image = np.arange(len(images), dtype=np.int32)
    accumulate_moved(sums, images, Moves(image, poses, np.asarray(slots)[:, None]), n_threads)


def accumulate_moved(
    sums: npt.NDArray[np.float64],
    images: npt.NDArray[np.float32],
    moves: Moves,
    n_threads: int,
) -> None:
    """Add images, each moved by any number of poses, to sums.

    Parameters
    ----------
    sums : (n_slots, box, box) float64, C-contiguous
        Added to in place, each in the order of the moves.
    images : (n, box, box) float32
        Pixels at the original box and sampling, at least 2 x 2.
    moves : Moves
    n_threads : int
        The result has the same bits for any number of threads.

    Raises
    ------
    TypeError
        If ``sums`` cannot be added to in place or slots are not integers.
    ValueError
        If sizes differ, there is no such image or sum, or a pose that is used is not finite.

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
    if not np.issubdtype(moves.slots.dtype, np.integer):
        message = f"slots must be integers, not {moves.slots.dtype}"
        raise TypeError(message)
    poses = moves.poses
    _native.accumulate_transformed(
        sums,
        np.ascontiguousarray(images, dtype=np.float32),
        np.ascontiguousarray(moves.image, dtype=np.int32),
        np.ascontiguousarray(poses.psi_rad, dtype=np.float64),
        np.ascontiguousarray(poses.shift_px[:, 0], dtype=np.float64),
        np.ascontiguousarray(poses.shift_px[:, 1], dtype=np.float64),
        np.ascontiguousarray(poses.mirror, dtype=np.uint8),
        np.ascontiguousarray(moves.slots, dtype=np.int32),
        n_threads,
    )
