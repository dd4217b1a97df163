"""Whether the particles are brighter or darker than the ice around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from cl2d.preprocess.batches import batches
from cl2d.preprocess.windows import radius_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.preprocess.plan import Contrast

_CLEAR_Z = 5.0
_FEWEST_IMAGES = 10
_LOW_PASS_SHARE_OF_BOX = 0.125


def contrast_sign(images: npt.NDArray[np.float32], mask_radius_px: float) -> Contrast:
    """Judge the sign of the contrast from many background-normalised images.

    Two signs are asked: that of the mean over the middle of the box against the background, and
    that of the skewness of the low-pass filtered particle region (protein is compact and dense, so
    its grey values have a long tail on its own side). CTF fringes can turn the first, neighbours
    and carbon either; so the answer is clear only if one of them is beyond 5 standard errors and
    the other does not contradict it.

    Parameters
    ----------
    images : (n, box, box), background of mean 0
    mask_radius_px : half-height radius of the particle mask in pixels of the box
    """
    if len(images) < _FEWEST_IMAGES:
        return "unclear"
    radius = radius_image(images.shape[1])
    middle = images[:, radius < 0.6 * mask_radius_px].mean(axis=1, dtype=np.float64)
    votes = {_vote(middle), _vote(_low_pass_skewness(images, radius < mask_radius_px))}
    if votes in ({1}, {0, 1}):
        return "white"
    if votes in ({-1}, {0, -1}):
        return "black"
    return "unclear"


def _low_pass_skewness(
    images: npt.NDArray[np.float32], region: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the skewness of each image in a region, below an eighth of the sampling rate."""
    box = images.shape[1]
    frequency = np.hypot(scipy.fft.fftfreq(box)[:, None], scipy.fft.rfftfreq(box)[None, :])
    passed = (frequency <= _LOW_PASS_SHARE_OF_BOX).astype(np.float32)
    skewness = np.zeros(len(images))
    for rows in batches(len(images), box):
        smooth = scipy.fft.irfft2(scipy.fft.rfft2(images[rows]) * passed, s=(box, box))
        deviation = smooth[:, region].astype(np.float64)
        deviation -= deviation.mean(axis=1, keepdims=True)
        squares = np.square(deviation)
        variance = squares.mean(axis=1)
        moment = np.multiply(squares, deviation, out=squares).mean(axis=1)
        skewness[rows] = moment / np.where(variance > 0, variance, 1.0) ** 1.5
    return skewness


def _vote(values: npt.NDArray[np.float64]) -> int:
    """Return the sign of the mean of values if it is beyond 5 standard errors, else 0."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return int(np.sign(values.mean())) if abs(values.mean()) > _CLEAR_Z * error else 0
