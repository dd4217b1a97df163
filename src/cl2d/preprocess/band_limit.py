"""The last ring worth comparing, and the smallest box that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.preprocess.spectrum import Spectrum

SMALLEST_BOX_PX = 16

# Where assignment to known views stops getting better (docs/preprocessing.md): rings weaker than
# 5 % of the noise help no view and, in averages of few images, only add noise; sets whose
# strongest ring is below one half of the noise still gain from rings 10 times weaker than that.
_USEFUL_SNR = 0.05
_USEFUL_SHARE_OF_PEAK = 0.1
_SIGNIFICANCE = 3.0
_SMOOTHING = np.array([0.25, 0.5, 0.25])

_LOWEST_K_MAX = 6
_HIGHEST_SHARE_OF_BOX = 0.47
_SHARE_OF_WORKING_BOX = 0.45
_SHARE_OF_BOX_WITHOUT_SIGNAL = 0.2


def highest_k_max(box_px: int) -> int:
    """Return the last ring that can be compared in a box: 94 % of its Nyquist frequency."""
    return int(_HIGHEST_SHARE_OF_BOX * box_px)


def automatic_k_max(spectrum: Spectrum, box_px: int) -> tuple[int, bool]:
    """Return the last ring whose signal helps alignment.

    That is the last ring whose signal-to-noise ratio, smoothed over three rings, reaches 0.05 (or
    a tenth of the peak, if that is less) and three standard errors. Rings below it may be weaker:
    zeros of the CTF do not end the signal.

    Returns
    -------
    k_max : within [6, 0.47 box]
    measured : False if no ring shows signal and k_max is a guess of 0.2 box
    """
    # Ring 0 repeats ring 1, so ring 1 is smoothed by itself and its outer neighbour.
    snr = _smooth(spectrum.signal_to_noise)
    error = np.sqrt(_smooth(np.square(spectrum.signal_to_noise_error)))
    peak = float(np.max(snr[2:], initial=0.0))
    threshold = min(_USEFUL_SNR, _USEFUL_SHARE_OF_PEAK * peak)
    useful = np.flatnonzero((snr >= threshold) & (snr > _SIGNIFICANCE * error))
    useful = useful[useful > 0]
    measured = len(useful) > 0
    k_max = int(useful[-1]) if measured else round(_SHARE_OF_BOX_WITHOUT_SIGNAL * box_px)
    return min(max(k_max, _LOWEST_K_MAX), highest_k_max(box_px)), measured


def _smooth(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.convolve(np.pad(values, 1, mode="edge"), _SMOOTHING, mode="valid")


def working_box(k_max: int, box_px: int) -> int:
    """Return the smallest even side, quick to transform, that holds rings up to ``k_max``.

    ``k_max`` stays below 0.45 of it, unless the box itself is smaller than that.
    """
    largest = box_px - box_px % 2
    side = 2 * int(np.ceil(k_max / _SHARE_OF_WORKING_BOX / 2))
    while side < largest and not _is_smooth(side):
        side += 2
    return min(side, largest)


def _is_smooth(number: int) -> bool:
    """Tell whether a number has no prime factor above 7."""
    for prime in (2, 3, 5, 7):
        while number % prime == 0:
            number //= prime
    return number == 1
