"""Grey values of each image put on the scale of its own background; unusable images flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Greys = npt.NDArray[np.float32]
    Sums = npt.NDArray[np.float64]

USABLE, NOT_FINITE, CONSTANT, DISABLED = 0, 1, 2, 3
"""Why an image takes no part; the last is not measured but said by the input table."""

CLIP_SIGMA = 3.0
CLIP_ROUNDS = 3
# Standard deviation of a normal distribution cut at 3 sigma, in units of sigma.
CLIPPED_STD = 0.986578
SPIKE_RMS = 10.0
SPIKE_ROUNDS = 12
# Largest grey value, in standard deviations, whose square and sums float32 can hold.
LARGEST = 1e15
# No camera and no program gives such grey values, and one image that has them would be all that is
# left of the average of its class.
BEYOND_SUMS = 1e24
# A grey range below this many steps of float32 is rounding, not an image.
ROUNDING = 8.0 * float(np.finfo(np.float32).eps)
# A grey range that is no image's whatever the values, and a deviation over which float32 cannot
# hold one: such numbers are left where a program wrote nothing, or something else.
LEAST_RANGE, LEAST_DEVIATION = 1e-30, 1e-36


@dataclass(frozen=True, eq=False)
class GreyRange:
    """Least and largest grey value of each image, and what they say about it.

    Attributes
    ----------
    low, high : (n, 1) float32
    """

    low: Greys
    high: Greys

    @classmethod
    def of(cls, images: Greys) -> GreyRange:
        """Return the range of each of some images, (n, pixels)."""
        return cls(images.min(axis=1, keepdims=True), images.max(axis=1, keepdims=True))

    def take(self, rows: npt.NDArray[np.intp]) -> GreyRange:
        """Return the ranges of some of the images."""
        return GreyRange(self.low[rows], self.high[rows])

    def flags(self) -> npt.NDArray[np.uint8]:
        """Return a flag for each image: ``USABLE``, ``NOT_FINITE`` or ``CONSTANT``."""
        low, high = self.low.ravel().astype(np.float64), self.high.ravel().astype(np.float64)
        flags = np.zeros(len(low), dtype=np.uint8)
        finite = (low > -BEYOND_SUMS) & (high < BEYOND_SUMS)
        flags[~finite] = NOT_FINITE
        rounding = ROUNDING * np.maximum(np.abs(low[finite]), np.abs(high[finite]))
        is_constant = high[finite] - low[finite] <= np.maximum(rounding, LEAST_RANGE)
        flags[finite] = np.where(is_constant, CONSTANT, USABLE)
        return flags


def clipped_mean_and_std(values: Greys) -> tuple[Sums, Sums]:
    """Return mean and standard deviation of each row, deaf to a few far values.

    Values beyond 3 standard deviations are left out, three times over, and the standard deviation
    is corrected for the tails of a normal distribution cut that way. One value among m can never
    lie further than sqrt(m - 1) standard deviations, so even an enormous hot pixel is seen as far
    and leaves in the first round. Median and MAD would be as deaf, but their sampling error is
    larger and the MAD of coarsely digitised images may be 0.

    Parameters
    ----------
    values : (n, m) float32

    Returns
    -------
    mean, std : (n, 1) float64
    """
    n_rows, m = values.shape
    near = mean_of_rows(values).astype(np.float32)
    # Differences of near values are exact, so single precision loses nothing of a large offset.
    residual = values - near
    peak = np.maximum(residual.max(axis=1, keepdims=True), -residual.min(axis=1, keepdims=True))
    peak[peak == 0] = 1
    # Their squares might be too large or too small for single precision.
    residual /= peak
    inner, squares = np.empty_like(residual), np.square(residual)
    centre, std = np.zeros((n_rows, 1)), np.sqrt(mean_of_rows(squares))
    for _ in range(CLIP_ROUNDS):
        about = centre.astype(np.float32)
        np.subtract(residual, about, out=inner)
        np.square(inner, out=squares)
        far = np.flatnonzero(squares > np.square(CLIP_SIGMA * std).astype(np.float32))
        inner.ravel()[far] = squares.ravel()[far] = 0
        count = np.maximum(m - np.bincount(far // m, minlength=n_rows), 1)[:, None]
        shift = np.add.reduce(inner, axis=1, keepdims=True) / count
        variance = np.add.reduce(squares, axis=1, keepdims=True) / count - np.square(shift)
        centre, std = about + shift, np.sqrt(np.maximum(variance, 0.0)) / CLIPPED_STD
    return near + centre * peak, std * peak


def mean_of_rows(values: Greys) -> Sums:
    """Return the mean of each row, (n, 1), summed in double precision."""
    mean: Sums = values.mean(axis=1, dtype=np.float64, keepdims=True)
    return mean


def normalise_rows(
    images: Greys, background: npt.NDArray[np.intp]
) -> tuple[Greys, npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Give each image a background of mean 0 and standard deviation 1.

    An image whose background does not vary (it was masked before) is scaled by the deviation of
    its whole square from the background. Single pixels beyond 10 times the root mean square of
    their image, such as hot pixels and X-rays, are cut to that. Flagged images become 0.

    Parameters
    ----------
    images : (n, pixels) float32; not changed
    background : flat indices of the pixels outside the particle

    Returns
    -------
    normalised : (n, pixels) float32
    flags : (n,) uint8, see :class:`GreyRange`
    flat_background : (n,) bool, whether the background does not vary
    """
    greys = GreyRange.of(images)
    flags = greys.flags()
    usable = flags == USABLE
    if not usable.all():
        images = np.where(usable[:, None], images, np.float32(0))
        greys = GreyRange.of(images)
    mean, std = clipped_mean_and_std(np.take(images, background, axis=1))
    flat = (std <= np.maximum(ROUNDING * np.abs(mean), LEAST_DEVIATION)).ravel()
    for row in np.flatnonzero(flat):
        std[row] = np.sqrt(np.square(images[row] - mean[row]).mean())
    return on_scale(images, greys, mean, std), flags, flat & usable


def normalise_and_mask(
    images: Greys, background: npt.NDArray[np.intp], mask: Greys
) -> tuple[Greys, npt.NDArray[np.uint8]]:
    """Return images as :func:`normalise_rows` does, times a mask, and their flags.

    Parameters
    ----------
    images : (n, pixels) float32
    background : flat indices of the pixels outside the particle
    mask : (pixels,) or of the shape of an image
    """
    normalised, flags, _ = normalise_rows(images, background)
    normalised *= mask.ravel()
    return normalised, flags


def on_scale(images: Greys, greys: GreyRange, mean: Sums, std: Sums) -> Greys:
    """Return images less a mean, over a deviation (1 for 0), in single precision, spikes cut.

    Parameters
    ----------
    images : (n, pixels); not changed
    greys : their range
    mean, std : (n, 1)
    """
    # In two parts: a large offset must not eat the digits of the image.
    near = mean.astype(np.float32)
    with np.errstate(over="ignore"):
        scale = (1.0 / np.where(std > 0, std, 1.0)).astype(np.float32)
        rest = ((mean - near) * scale).astype(np.float32)

        def scaled(values: Greys) -> Greys:
            values = values - near
            values *= scale
            if rest.any():
                values -= rest
            return values

        images = scaled(images)
        # Rounding keeps the order, so these are the extremes of the images to the bit.
        peak = np.maximum(scaled(greys.high), -scaled(greys.low)).ravel()
    if peak.max(initial=0) > LARGEST:
        np.clip(images, -LARGEST, LARGEST, out=images)
    cut_spikes(images, np.minimum(peak, LARGEST))
    return images


def cut_spikes(images: Greys, peak: Greys) -> None:
    """Cut, in place, what exceeds 10 times the root mean square that remains after the cut.

    The limit is found by repetition, because the spike itself raises the first one.

    Parameters
    ----------
    images : (n, pixels) around 0
    peak : (n,) largest distance of each from 0
    """
    rms = np.sqrt(np.square(images).mean(axis=1))
    for row in np.flatnonzero(peak > SPIKE_RMS * rms):
        image = images[row]
        for _ in range(SPIKE_ROUNDS):
            limit = SPIKE_RMS * np.sqrt(np.square(image).mean())
            np.clip(image, -limit, limit, out=image)
