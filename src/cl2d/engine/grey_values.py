"""The engine's passes over grey values: what preprocessing defines, in one go for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d import _native
from cl2d.preprocess import normalise

if TYPE_CHECKING:
    import numpy.typing as npt

    Greys = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.uint8]
    Moments = npt.NDArray[np.float64]

_RULES = _native.GreyRules(
    clip_sigma=normalise.CLIP_SIGMA,
    clip_rounds=normalise.CLIP_ROUNDS,
    clipped_std=normalise.CLIPPED_STD,
    spike_rms=normalise.SPIKE_RMS,
    spike_rounds=normalise.SPIKE_ROUNDS,
    largest=normalise.LARGEST,
    beyond_sums=normalise.BEYOND_SUMS,
    least_spread=normalise.ROUNDING,
    least_range=normalise.LEAST_RANGE,
    least_deviation=normalise.LEAST_DEVIATION,
)


def normalise_and_mask(
    images: Greys, background: npt.NDArray[np.intp], mask: Greys
) -> tuple[Greys, Flags]:
    """Do what :func:`cl2d.preprocess.normalise.normalise_and_mask` does."""
    return _native.normalise_images(
        np.ascontiguousarray(images, dtype=np.float32),
        np.ascontiguousarray(background, dtype=np.int64),
        np.ascontiguousarray(mask, dtype=np.float32).ravel(),
        _RULES,
    )


def patch_moments(
    images: Greys, first: npt.NDArray[np.intp]
) -> tuple[Moments, Moments, npt.NDArray[np.bool_]]:
    """Do what :func:`cl2d.preprocess.statistics.patch_moments` does."""
    means, variances, usable = _native.patch_moments(
        np.ascontiguousarray(images, dtype=np.float32), np.ascontiguousarray(first, dtype=np.int64)
    )
    return means, variances, usable.astype(np.bool_)
