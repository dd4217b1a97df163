"""Blocks of images made ready: normalised, masked, cropped in Fourier space to the working box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from cl2d.errors import InputError
from cl2d.preprocess.batches import batches, full_batch
from cl2d.preprocess.normalise import normalise_and_mask
from cl2d.preprocess.windows import background_pixels, particle_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.preprocess.plan import PreprocessPlan

    Greys = npt.NDArray[np.float32]
    Normalisation = Callable[
        [Greys, npt.NDArray[np.intp], Greys], tuple[Greys, npt.NDArray[np.uint8]]
    ]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Images ready for the engine.

    Attributes
    ----------
    images : (n, w, w) float32, flagged images are 0
    flags : (n,) uint8: 0 usable, 1 not finite, 2 constant
    """

    images: npt.NDArray[np.float32]
    flags: npt.NDArray[np.uint8]


class Preparation:
    """What :func:`prepare_images` does by one plan; worked out once, for any number of blocks.

    Parameters
    ----------
    plan : PreprocessPlan
    normalise : callable
        What does the work of :func:`cl2d.preprocess.normalise.normalise_and_mask`.
    """

    def __init__(self, plan: PreprocessPlan, normalise: Normalisation = normalise_and_mask) -> None:
        self._plan = plan
        self._normalise = normalise
        radius_px = plan.mask_radius_px * plan.box_px / plan.working_box_px
        self._background = background_pixels(plan.box_px, radius_px)
        self._mask = particle_mask(plan.box_px, radius_px).astype(np.float32)
        self._ramp = _centre_ramp(plan.box_px, plan.working_box_px)

    def __call__(self, images: npt.NDArray[np.floating]) -> Prepared:
        """Normalise, mask and crop a block of images; see :func:`prepare_images`."""
        images = np.asarray(images)
        _check(images, self._plan)
        n_images, side = len(images), self._plan.working_box_px
        prepared = np.empty((n_images, side, side), dtype=np.float32)
        flags = np.empty(n_images, dtype=np.uint8)
        for rows in batches(n_images, self._plan.box_px):
            batch, count = full_batch(images, rows), rows.stop - rows.start
            pixels = batch.reshape(len(batch), -1)
            masked, batch_flags = self._normalise(pixels, self._background, self._mask)
            cropped = _crop_in_fourier_space(masked.reshape(batch.shape), self._ramp)
            prepared[rows] = cropped[:count]
            flags[rows] = batch_flags[:count]
        return Prepared(prepared, flags)


def prepare_images(images: npt.NDArray[np.floating], plan: PreprocessPlan) -> Prepared:
    """Normalise, mask and crop a block of images.

    The result for an image depends on that image and the plan only, to the last bit. Grey values
    are scaled so that the discrete Fourier transform, divided by the side of the box, keeps its
    values: white noise of variance 1 has variance 1 after the crop too. Pixel ``box // 2`` lands
    exactly on pixel ``working_box // 2``.

    Parameters
    ----------
    images : (n, box, box) real, any n; not changed
    plan : from :func:`cl2d.preprocess.plan_preprocessing`

    Raises
    ------
    InputError
        If the images do not have the box of the plan.
    TypeError
        If the images are not real numbers.
    """
    return Preparation(plan)(images)


def _check(images: npt.NDArray[np.generic], plan: PreprocessPlan) -> None:
    if images.ndim != 3 or images.shape[1:] != (plan.box_px, plan.box_px):
        message = f"images must have shape (n, {plan.box_px}, {plan.box_px}), not {images.shape}"
        raise InputError(message)
    if not (np.issubdtype(images.dtype, np.floating) or np.issubdtype(images.dtype, np.integer)):
        message = f"images must be real numbers, not {images.dtype}"
        raise TypeError(message)


def _kept_frequencies(working_box_px: int) -> npt.NDArray[np.intp]:
    """Return the signed frequencies of the working box in transform order, Nyquist included."""
    signed: npt.NDArray[np.intp] = np.rint(
        scipy.fft.fftfreq(working_box_px) * working_box_px
    ).astype(np.intp)
    return signed


def _centre_ramp(box_px: int, working_box_px: int) -> npt.NDArray[np.complex64]:
    """Return the phases that take pixel box // 2 to pixel working_box // 2; 0 on Nyquist lines.

    Shape (w, w // 2): rows in transform order, columns 0 .. w / 2 - 1.
    """
    k = _kept_frequencies(working_box_px)
    turns = (box_px // 2) / box_px - (working_box_px // 2) / working_box_px
    phases = np.exp(2j * np.pi * k * turns)
    phases[working_box_px // 2] = 0
    ramp: npt.NDArray[np.complex64] = np.outer(phases, phases[: working_box_px // 2]).astype(
        np.complex64
    )
    return ramp


def _crop_in_fourier_space(
    images: npt.NDArray[np.float32], ramp: npt.NDArray[np.complex64]
) -> npt.NDArray[np.float32]:
    """Resample (n, box, box) images to the side of ``ramp`` without loss below its Nyquist."""
    side, half = ramp.shape
    columns = scipy.fft.rfft(images, axis=2, norm="ortho")[:, :, :half]
    spectrum = scipy.fft.fft(columns, axis=1, norm="ortho")[:, _kept_frequencies(side), :] * ramp
    lines = scipy.fft.ifft(spectrum, axis=1, norm="ortho", overwrite_x=True)
    cropped: npt.NDArray[np.float32] = scipy.fft.irfft(lines, n=side, axis=2, norm="ortho")
    return cropped
