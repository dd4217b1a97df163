"""Statistics of images as they were read, by which junk stands out from particles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Greys = npt.NDArray[np.float32]
    Moments = npt.NDArray[np.float64]
    PatchMoments = Callable[
        [Greys, npt.NDArray[np.intp]], tuple[Moments, Moments, npt.NDArray[np.bool_]]
    ]

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
_LEAST_NOISE = 1e-12  # over the variance of the whole image


def image_statistics(
    images: npt.NDArray[np.floating], moments: PatchMoments | None = None
) -> npt.NDArray[np.float32]:
    """Measure a block of images on a grid of 16 x 16 patches (fewer in tiny images).

    Grey values count from the mean of the background (patches further than 0.45 boxes from the
    centre) in units of its pixel standard deviation, so units and offsets of the input do not
    matter.

    Parameters
    ----------
    images : (n, box, box) real
    moments : callable
        What does the work of :func:`patch_moments`.

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
    box = images.shape[1]
    edges = np.linspace(0, box, min(_GRID, box) + 1).astype(np.intp)
    measure = patch_moments if moments is None else moments
    means, variances, usable = measure(np.asarray(images, dtype=np.float32), edges[:-1])
    table = np.zeros((len(images), len(STATISTICS)), dtype=np.float32)
    if not usable.all():
        means, variances = means[usable], variances[usable]
    centre = (edges[:-1] + edges[1:] - 1) / 2 - box // 2
    table[usable] = _measured(means, variances, centre / box)
    return table


def patch_moments(
    images: Greys, first: npt.NDArray[np.intp]
) -> tuple[Moments, Moments, npt.NDArray[np.bool_]]:
    """Return mean and variance of each patch, and whether an image is finite and not constant.

    Parameters
    ----------
    images : (n, box, box) float32
    first : (m,), where patches begin along either axis

    Returns
    -------
    means, variances : (n, m, m)
    usable : (n,)
    """
    size = np.diff([*first.tolist(), images.shape[1]])
    pixels = np.outer(size, size)

    def mean(values: Moments) -> Moments:
        rows = np.add.reduceat(values, first, axis=1)
        sums: Moments = np.add.reduceat(rows, first, axis=2)
        sums /= pixels
        return sums

    with np.errstate(invalid="ignore"):
        values = images.astype(np.float64)
        level = values.mean(axis=(1, 2), keepdims=True)
        values -= level
        usable = np.isfinite(values).all(axis=(1, 2)) & (np.ptp(values, axis=(1, 2)) > 0)
        means = mean(values)
        return level + means, np.maximum(mean(values**2) - means**2, 0), usable


def _measured(means: Moments, variances: Moments, place: Moments) -> Moments:
    """Return the statistics of some usable images from the moments of their patches.

    ``place`` (m,) is where patches lie along either axis, in boxes from the centre.
    """
    radius = np.hypot(place[:, None], place[None, :]).ravel()
    n_images, n_patches = len(means), radius.size
    flat = means.reshape(n_images, n_patches)
    background = np.flatnonzero(radius > _BACKGROUND_RADIUS)
    levels = np.take(flat, background, axis=1)
    noise = np.take(variances.reshape(n_images, n_patches), background, axis=1).mean(axis=1)
    noise += levels.var(axis=1)
    # A background that was masked before has no noise: powers of its distances must stay numbers.
    whole = flat.var(axis=1) + variances.reshape(n_images, n_patches).mean(axis=1)
    scale = np.sqrt(np.maximum(noise, np.maximum(_LEAST_NOISE * whole, np.finfo(np.float64).tiny)))
    z = (flat - levels.mean(axis=1)[:, None]) / scale[:, None]
    deviation = z - z.mean(axis=1, keepdims=True)
    squares = np.square(deviation)
    power = np.maximum(squares.mean(axis=1), np.finfo(np.float64).tiny)
    far = np.abs(z - np.median(z, axis=1, keepdims=True)).max(axis=1)
    along_x, along_y = np.tile(place, len(place)), np.repeat(place, len(place))
    moment = np.hypot((z * along_x).mean(axis=1), (z * along_y).mean(axis=1))
    outer = np.take(z, np.flatnonzero(radius > _OUTER_RADIUS), axis=1)
    columns = (
        _log(power),
        _log(outer.var(axis=1)),
        _log(far),
        np.sqrt(np.abs((squares * deviation).mean(axis=1)) / power**1.5),
        np.cbrt(moment**2),
    )
    return np.stack(columns, axis=1)


def _log(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the logarithm, bounded where a value is zero."""
    logarithm: npt.NDArray[np.float64] = np.log(np.maximum(values, 1e-6))
    return logarithm
