"""Power by ring inside and outside the particle: the noise spectrum and the signal-to-noise ratio.

Both regions are soft windows, and a windowed spectrum is not the spectrum: each ring receives
power from its neighbours, and taking away the mean of the background takes away low frequencies.
Both effects are linear in the spectrum, so they are computed (as in the pseudo-spectrum method of
Hivon et al. 2002, for rings of a plane) and undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from cl2d.preprocess.batches import batches
from cl2d.preprocess.windows import background_pixels, background_window, particle_mask

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

# Few: more rounds fit the sampling errors of single rings, and where the spectrum falls by orders
# of magnitude they take the far wings of the window for holes in the spectrum.
_UNFOLD_ROUNDS = 5
# Rings weaker than this share of the strongest, as in denoised images, cannot be told from leakage.
_NOISE_FLOOR = 0.01
# The mean of the background is blind to all but the lowest frequencies; beyond this ring its
# effect on the power is far below the sampling error and is not computed.
_LAST_RING_IN_MEAN = 8
_OUTLIER_SIGMA = 5.0


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Measured rings 0 .. n_rings - 1.

    Attributes
    ----------
    noise_power : mean noise power by ring, 1 for white noise of variance 1
    signal_to_noise : power of the signal over that of the noise inside the mask
    signal_to_noise_error : its standard error, from the scatter between images
    """

    noise_power: FloatArray
    signal_to_noise: FloatArray
    signal_to_noise_error: FloatArray


class RingAverage:
    """Means over rings of a transform in half-plane order; one last ring holds all beyond."""

    def __init__(self, box_px: int, n_rings: int) -> None:
        """Prepare rings 0 .. n_rings - 1 and the one beyond for (box, box // 2 + 1) transforms."""
        rows = scipy.fft.fftfreq(box_px) * box_px
        columns = np.arange(box_px // 2 + 1)
        ring = np.rint(np.hypot(rows[:, None], columns[None, :])).astype(np.intp)
        self.box_px = box_px
        self.n_bins = n_rings + 1
        self.ring = np.minimum(ring, n_rings)
        # All columns but the first, and the last of an even box, stand for their mirror too.
        self.twice = np.full(ring.shape, 2.0)
        self.twice[:, 0] = 1.0
        if box_px % 2 == 0:
            self.twice[:, -1] = 1.0
        self.size = self._sums(np.ones(ring.shape))

    def _sums(self, power: FloatArray) -> FloatArray:
        weighted = (power * self.twice).ravel()
        sums = np.bincount(self.ring.ravel(), weighted, minlength=self.n_bins)
        return sums.astype(np.float64, copy=False)

    def __call__(self, power: FloatArray) -> FloatArray:
        """Return the mean of (box, box // 2 + 1) values in each ring, (n_rings + 1,)."""
        return self._sums(power) / self.size


def windowed_power(
    images: npt.NDArray[np.float32], window: FloatArray, rings: RingAverage
) -> FloatArray:
    """Return the power by ring of each image under a window, (n, n_rings + 1).

    Divided by the sum of the squared window, so that white noise of variance 1 has power 1.
    """
    scale = np.square(window).sum()
    soft = window.astype(np.float32)
    powers = np.empty((len(images), rings.n_bins))
    for rows in batches(len(images), rings.box_px):
        transforms = np.square(np.abs(scipy.fft.rfft2(images[rows] * soft)))
        powers[rows] = [rings(power.astype(np.float64)) for power in transforms]
    powers /= scale
    return powers


def mixing_matrix(
    window: FloatArray, background: npt.NDArray[np.intp], rings: RingAverage
) -> FloatArray:
    """Return what each ring of the true noise spectrum adds to each ring under a window.

    With W the transform of the window and V that of the uniform weights of the background mean, a
    wave of frequency q appears at frequency k with the amplitude W(k - q) - V(-q) W(k).

    Returns
    -------
    (n_rings + 1, n_rings + 1); row = measured ring, column = ring of the spectrum
    """
    box = rings.box_px
    weights = np.zeros(box * box)
    weights[background] = 1.0 / len(background)
    ramp = np.conj(scipy.fft.fft2(weights.reshape(box, box)))
    window_transform = scipy.fft.fft2(window)
    spread = scipy.fft.rfft2(np.square(np.abs(window_transform)))
    # The transform of conj(W) is box^2 times the conjugate of the window.
    window_conj = box * box * np.conj(window)
    full_ring = _full_plane(rings)
    columns = []
    for ring in range(rings.n_bins):
        inside = (full_ring == ring).astype(np.float64)
        power = scipy.fft.irfft2(scipy.fft.rfft2(inside) * spread, s=(box, box))
        if ring <= _LAST_RING_IN_MEAN:
            crossed = scipy.fft.ifft2(scipy.fft.fft2(inside * ramp) * window_conj)
            power -= 2 * np.real(crossed * window_transform)
            power += np.square(np.abs(window_transform)) * (inside * np.square(np.abs(ramp))).sum()
        columns.append(rings(np.maximum(power[:, : box // 2 + 1], 0.0)))
    mixing: FloatArray = np.stack(columns, axis=1) / (np.square(window).sum() * box * box)
    return mixing


def _full_plane(rings: RingAverage) -> npt.NDArray[np.intp]:
    """Return the ring of every frequency of the full plane, (box, box) in transform order."""
    frequency = np.abs(np.rint(scipy.fft.fftfreq(rings.box_px) * rings.box_px)).astype(np.intp)
    full: npt.NDArray[np.intp] = rings.ring[:, frequency]
    return full


def unfold(measured: FloatArray, mixing: FloatArray) -> FloatArray:
    """Return the positive spectrum whose mixture is the measured one.

    Richardson-Lucy iterations: they keep the spectrum positive, leave a flat one flat, and stop
    before they fit the sampling errors of single rings.
    """
    spectrum: FloatArray = measured / mixing.sum(axis=1)
    share = mixing.sum(axis=0)
    for _ in range(_UNFOLD_ROUNDS):
        spectrum *= (mixing.T @ (measured / (mixing @ spectrum))) / share
    return spectrum


def measure_spectrum(
    images: npt.NDArray[np.float32], mask_radius_px: float, n_rings: int
) -> Spectrum:
    """Measure noise and signal by ring of background-normalised, unmasked images.

    Images whose total power inside the mask is far from the others (carbon, ice) are left out.

    Parameters
    ----------
    images : (n, box, box) with n >= 1
    mask_radius_px : half-height radius of the particle mask in pixels of the box
    n_rings : rings 0 .. n_rings - 1 are measured
    """
    box = images.shape[1]
    rings = RingAverage(box, n_rings)
    background = background_pixels(box, mask_radius_px)
    outside, inside = background_window(box, mask_radius_px), particle_mask(box, mask_radius_px)
    power_out = windowed_power(images, outside, rings)
    power_in = windowed_power(images, inside, rings)
    usual = _usual(power_in @ rings.size)
    power_out, power_in = power_out[usual], power_in[usual]
    # Ring 0 holds no information: the mean of the background was taken away.
    mixing_out = mixing_matrix(outside, background, rings)[1:, 1:]
    mixing_in = mixing_matrix(inside, background, rings)[1:, 1:]
    mean_out = np.maximum(power_out.mean(axis=0)[1:], np.finfo(np.float32).tiny)
    noise = unfold(mean_out, mixing_out)
    noise = np.maximum(noise, _NOISE_FLOOR * noise.max())
    noise_in = mixing_in @ noise
    ratio = power_in.mean(axis=0)[1:] / noise_in
    error = ratio * np.hypot(_relative_error(power_in[:, 1:]), _relative_error(power_out[:, 1:]))
    return Spectrum(
        noise_power=_with_first_ring(noise)[:n_rings],
        signal_to_noise=_with_first_ring(ratio - 1.0)[:n_rings],
        signal_to_noise_error=_with_first_ring(error)[:n_rings],
    )


def _usual(total_power: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell the images whose power is like that of the others, by median and MAD of its log."""
    log_power = np.log(np.maximum(total_power, np.finfo(np.float64).tiny))
    distance = np.abs(log_power - np.median(log_power))
    limit = _OUTLIER_SIGMA * 1.4826 * float(np.median(distance)) + 1e-6
    usual: npt.NDArray[np.bool_] = distance <= limit
    return usual


def _relative_error(power: FloatArray) -> FloatArray:
    """Return the standard error of the mean over its value; 1 where one image tells no scatter."""
    if len(power) < 2:
        return np.ones(power.shape[1])
    mean = np.maximum(power.mean(axis=0), np.finfo(np.float32).tiny)
    relative: FloatArray = power.std(axis=0, ddof=1) / (np.sqrt(len(power)) * mean)
    return relative


def _with_first_ring(values: FloatArray) -> FloatArray:
    """Return values for rings 0, 1, ...: ring 0 takes that of ring 1."""
    return np.concatenate([values[:1], values])
