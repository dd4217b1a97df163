"""Fourier ring correlation of two averages, and the resolution it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d.preprocess.windows import background_pixels, particle_mask

if TYPE_CHECKING:
    import numpy.typing as npt

    Curve = npt.NDArray[np.float64]

HIGHEST_FRC = 0.9999
"""Two averages cannot be told to agree better than this; keeps the SSNR finite."""


def ring_correlations(
    first: npt.NDArray[np.floating], second: npt.NDArray[np.floating], mask_radius_px: float
) -> Curve:
    """Return the Fourier ring correlation of pairs of images.

    Parameters
    ----------
    first, second : (n, box, box)
        The mean of the background is taken off and the soft circular mask of the run applied.
    mask_radius_px : float
        Radius of half height, in pixels of these images.

    Returns
    -------
    (n, box // 2 + 1) float64
        By ring, k / box in 1/px; ring 0, the mean, is 1 by definition. A ring without power in one
        of the images is 0.

    Notes
    -----
    Each ring takes every Fourier sample whose distance from the origin rounds to k, on both sides
    of the plane (M. van Heel & M. Schatz, J. Struct. Biol. 151, 2005). Correlation of real
    images is real, so the imaginary parts of the two sides cancel.
    """
    box = first.shape[-1]
    spectra_a = fft.fft2(_masked(first, mask_radius_px))
    spectra_b = fft.fft2(_masked(second, mask_radius_px))
    ring = _ring_of_sample(box)
    n_rings = box // 2 + 1
    inside = ring < n_rings
    curves = np.zeros((len(first), n_rings))
    for curve, a, b in zip(curves, spectra_a, spectra_b, strict=True):
        cross, power_a, power_b = (
            np.bincount(ring[inside], values[inside], minlength=n_rings)
            for values in ((a * b.conj()).real, np.abs(a) ** 2, np.abs(b) ** 2)
        )
        norm = np.sqrt(power_a * power_b)
        curve[:] = np.divide(cross, norm, out=np.zeros(n_rings), where=norm > 0)
    curves[:, 0] = 1.0
    return curves


def signal_to_noise(curves: Curve) -> Curve:
    """Return the spectral signal-to-noise ratio of the average of both halves, 2 F / (1 - F).

    Negative correlations count as no signal.
    """
    limited = np.clip(curves, 0.0, HIGHEST_FRC)
    return 2 * limited / (1 - limited)


def crossing_ring(curve: Curve, threshold: float) -> float:
    """Return where a curve falls below a threshold, between rings by a straight line.

    It must stay below for two rings running, or do so in the last: the innermost rings hold a
    dozen samples each, and one of them dips now and then by noise alone.

    Parameters
    ----------
    curve : (n_rings,), its value at ring 0 is taken to be 1
    threshold : float below 1

    Returns
    -------
    float
        In rings; the last ring if the curve never falls below, nan for a curve that has nan.
    """
    if np.isnan(curve).any():
        return float("nan")
    below = curve[1:] < threshold
    fallen = np.flatnonzero(below & np.append(below[1:], True))
    if len(fallen) == 0:
        return float(len(curve) - 1)
    k = int(fallen[0]) + 1
    before = 1.0 if k == 1 else float(curve[k - 1])
    return k - 1 + (before - threshold) / (before - float(curve[k]))


def _masked(images: npt.NDArray[np.floating], mask_radius_px: float) -> npt.NDArray[np.float64]:
    box = images.shape[-1]
    background = background_pixels(box, mask_radius_px)
    flat = images.reshape(len(images), -1).astype(np.float64)
    level = flat[:, background].mean(axis=1) if len(background) else flat.mean(axis=1)
    masked: npt.NDArray[np.float64] = (images - level[:, None, None]) * particle_mask(
        box, mask_radius_px
    )
    return masked


def _ring_of_sample(box: int) -> npt.NDArray[np.intp]:
    frequency = fft.fftfreq(box) * box
    rings: npt.NDArray[np.intp] = np.rint(np.hypot(frequency[:, None], frequency[None, :])).astype(
        np.intp
    )
    return rings
