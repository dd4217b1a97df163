"""Grey values of each image put on the scale of its own background; unusable images flagged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

USABLE, NOT_FINITE, CONSTANT, DISABLED = 0, 1, 2, 3
"""Why an image takes no part; the last is not measured but said by the input table."""

_CLIP_SIGMA = 3.0
_CLIP_ROUNDS = 3
# Standard deviation of a normal distribution cut at 3 sigma, in units of sigma.
_CLIPPED_STD = 0.986578
SPIKE_RMS = 10.0
_SPIKE_ROUNDS = 12
# Largest grey value, in standard deviations, whose square and sums float32 can hold.
LARGEST = 1e15
# Grey values so large that sums of them, and with them a whole class average, become infinite.
_BEYOND_SUMS = 1e36
# A grey range below this many steps of float32 is rounding, not an image.
_ROUNDING = 8.0 * float(np.finfo(np.float32).eps)


def flag_images(images: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return a flag for each row: ``USABLE``, ``NOT_FINITE`` or ``CONSTANT``.

    Parameters
    ----------
    images : (n, pixels)
    """
    low, high = images.min(axis=1).astype(np.float64), images.max(axis=1).astype(np.float64)
    flags = np.zeros(len(images), dtype=np.uint8)
    finite = (low > -_BEYOND_SUMS) & (high < _BEYOND_SUMS)
    flags[~finite] = NOT_FINITE
    rounding = _ROUNDING * np.maximum(np.abs(low[finite]), np.abs(high[finite]))
    flags[finite] = np.where(high[finite] - low[finite] <= rounding, CONSTANT, USABLE)
    return flags


def clipped_mean_and_std(
    values: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and standard deviation of each row, deaf to a few far values.

    Values beyond 3 standard deviations are left out, three times over, and the standard deviation
    is corrected for the tails of a normal distribution cut that way. One value among m can never
    lie further than sqrt(m - 1) standard deviations, so even an enormous hot pixel is seen as far
    and leaves in the first round. Median and MAD would be as deaf, but their sampling error is
    larger and the MAD of coarsely digitised images may be 0.

    Parameters
    ----------
    values : (n, m) float64

    Returns
    -------
    mean, std : (n, 1) float64
    """
    mean = values.mean(axis=1, keepdims=True)
    residual = values - mean
    scale = np.sqrt(np.square(residual).mean(axis=1, keepdims=True))
    # In units of the first deviation no value exceeds sqrt(m - 1): float32 holds them all.
    residual /= np.where(scale > 0, scale, 1.0)
    z = residual.astype(np.float32)
    centre, std = np.zeros_like(mean), np.ones_like(mean)
    inner = np.empty_like(z)
    for _ in range(_CLIP_ROUNDS):
        reach = _CLIP_SIGMA * std
        kept = z >= (centre - reach).astype(np.float32)
        kept &= z <= (centre + reach).astype(np.float32)
        count = np.maximum(np.count_nonzero(kept, axis=1, keepdims=True), 1)
        np.multiply(z, kept, out=inner)
        centre = inner.sum(axis=1, keepdims=True) / count
        variance = np.square(inner, out=inner).sum(axis=1, keepdims=True) / count
        std = np.sqrt(np.maximum(variance - np.square(centre), 0.0)) / _CLIPPED_STD
    return mean + centre * scale, std * scale


def normalise_rows(
    images: npt.NDArray[np.float32], background: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Give each image a background of mean 0 and standard deviation 1.

    An image whose background does not vary (it was masked before) is scaled by the deviation of
    its whole square from the background. Single pixels beyond 10 times the root mean square of
    their image, such as hot pixels and X-rays, are cut to that. Flagged images become 0.

    Parameters
    ----------
    images : (n, pixels); not changed
    background : flat indices of the pixels outside the particle

    Returns
    -------
    normalised : (n, pixels) float32
    flags : (n,) uint8, see :func:`flag_images`
    flat_background : (n,) bool, whether the background does not vary
    """
    flags = flag_images(images)
    usable = flags == USABLE
    if not usable.all():
        images = np.where(usable[:, None], images, np.float32(0))
    mean, std = clipped_mean_and_std(np.take(images, background, axis=1).astype(np.float64))
    flat = (std <= _ROUNDING * np.abs(mean)).ravel()
    for row in np.flatnonzero(flat):
        std[row] = np.sqrt(np.square(images[row] - mean[row]).mean())
    normalised = np.empty(images.shape, dtype=np.float32)
    with np.errstate(over="ignore"):
        # Subtracted in double precision: a large offset must not eat the digits of the image.
        np.subtract(images, mean, out=normalised, dtype=np.float64, casting="same_kind")
        normalised *= (1.0 / np.where(std > 0, std, 1.0)).astype(np.float32)
    np.clip(normalised, -LARGEST, LARGEST, out=normalised)
    normalised[~usable] = 0
    cut_spikes(normalised)
    return normalised, flags, flat & usable


def cut_spikes(images: npt.NDArray[np.float32]) -> None:
    """Cut, in place, what exceeds 10 times the root mean square that remains after the cut.

    The limit is found by repetition, because the spike itself raises the first one.

    Parameters
    ----------
    images : (n, pixels) around 0
    """
    rms = np.sqrt(np.square(images).mean(axis=1))
    peak = np.maximum(images.max(axis=1), -images.min(axis=1))
    for row in np.flatnonzero(peak > SPIKE_RMS * rms):
        image = images[row]
        for _ in range(_SPIKE_ROUNDS):
            limit = SPIKE_RMS * np.sqrt(np.square(image).mean())
            np.clip(image, -limit, limit, out=image)
