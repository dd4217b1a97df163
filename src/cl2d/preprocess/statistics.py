"""Statistics of images as they were read, by which junk stands out from particles."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Greys = npt.NDArray[np.float32]

STATISTICS = (
    "coarse_power",
    "outer_power",
    "brightest_patch",
    "patch_skewness",
    "gradient",
)
"""What ``image_statistics`` measures, in the order of its columns. Large is suspicious."""

_GRID = 16
"""Patches along a side: coarse enough that a patch averages most of the noise away."""

_BACKGROUND_RADIUS = 0.45
_OUTER_RADIUS = 0.40
_BATCH = 16
"""Images at a time: they stay in the cache."""


def image_statistics(images: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Measure a block of images on a grid of 16 x 16 patches (fewer in tiny images).

    Grey values count from the mean of the background (patches further than 0.45 boxes from the
    centre) in units of its pixel standard deviation, so units and offsets of the input do not
    matter.

    Parameters
    ----------
    images : (n, box, box) real

    Returns
    -------
    (n, 5) float32
        ``coarse_power``: log variance of the patch means, all that is larger than a patch;
        ``outer_power``: the same beyond 0.4 boxes from the centre, where a particle is not;
        ``brightest_patch``: log of the largest distance of a patch mean from their median;
        ``patch_skewness``: root of the absolute third standardised moment of the patch means;
        ``gradient``: first moment of the patch means about the middle, to the power 2/3.
        An image that is not finite or constant gets zeros.

    Notes
    -----
    Logarithms and powers are chosen so that the values of good particles are nearly Gaussian;
    the 2/3 is that of E. Wilson and M. Hilferty (PNAS 17, 1931) for two degrees of freedom.
    """
    table = np.zeros((len(images), len(STATISTICS)), dtype=np.float32)
    for start in range(0, len(images), _BATCH):
        batch = np.asarray(images[start : start + _BATCH], dtype=np.float32)
        low, high = batch.min(axis=(1, 2)), batch.max(axis=(1, 2))
        # Infinite differences and those with NaN are no finite positive ones.
        with np.errstate(invalid="ignore", over="ignore"):
            usable = np.isfinite(high - low) & (high > low)
        if not usable.all():
            batch, low, high = batch[usable], low[usable], high[usable]
        table[start + np.flatnonzero(usable)] = _measured(batch, low, high)
    return table


def _measured(images: Greys, low: Greys, high: Greys) -> npt.NDArray[np.float64]:
    """Return the statistics of some finite images, given their extreme grey values."""
    box = images.shape[1]
    edges = np.linspace(0, box, min(_GRID, box) + 1).astype(np.intp)
    means, variances = _patches(_near_zero(images, high - low), edges)
    centre = (edges[:-1] + edges[1:] - 1) / 2 - box // 2
    radius = np.hypot(centre[:, None], centre[None, :]) / box
    background = radius > _BACKGROUND_RADIUS
    level = means[:, background].mean(axis=1)
    noise = variances[:, background].mean(axis=1) + means[:, background].var(axis=1)
    scale = np.sqrt(np.maximum(noise, np.finfo(np.float64).tiny))
    z = (means - level[:, None, None]) / scale[:, None, None]
    flat = z.reshape(len(z), z.shape[1] * z.shape[2])
    deviation = flat - flat.mean(axis=1, keepdims=True)
    power = np.maximum((deviation**2).mean(axis=1), np.finfo(np.float64).tiny)
    far = np.abs(flat - np.median(flat, axis=1, keepdims=True)).max(axis=1)
    moment = np.hypot((z * centre).mean(axis=(1, 2)), (z * centre[:, None]).mean(axis=(1, 2))) / box
    columns = (
        _log(power),
        _log(z[:, radius > _OUTER_RADIUS].var(axis=1)),
        _log(far),
        np.sqrt(np.abs((deviation**3).mean(axis=1)) / power**1.5),
        np.cbrt(moment**2),
    )
    return np.stack(columns, axis=1)


def _near_zero(images: Greys, span: Greys) -> Greys:
    """Return images less about their means, in units of their range.

    Differences of near values are exact, so single precision loses nothing of a large offset.
    """
    mean = images.mean(axis=(1, 2), dtype=np.float64, keepdims=True)
    centred = images - mean.astype(np.float32)
    centred /= span[:, None, None]
    return centred


def _patches(
    images: Greys, edges: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and variance of each patch, (n, grid, grid); the images are squared."""
    size = np.diff(edges)
    pixels = np.outer(size, size)
    rows = np.empty((len(images), len(size), images.shape[2]), dtype=np.float32)

    def mean() -> npt.NDArray[np.float64]:
        for patch, (first, last) in enumerate(pairwise(edges.tolist())):
            np.add.reduce(images[:, first:last], axis=1, out=rows[:, patch])
        sums: npt.NDArray[np.float64] = np.add.reduceat(rows, edges[:-1], axis=2, dtype=np.float64)
        return sums / pixels

    means = mean()
    np.square(images, out=images)
    return means, np.maximum(mean() - means**2, 0)


def _log(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the logarithm, bounded where a value is zero."""
    logarithm: npt.NDArray[np.float64] = np.log(np.maximum(values, 1e-6))
    return logarithm
