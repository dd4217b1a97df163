"""What is decided once for all images of a run, and the ring weights that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Contrast = Literal["white", "black", "unclear"]
CtfCorrection = Literal["none", "flip", "full"]


@dataclass(frozen=True, eq=False)
class PreprocessPlan:
    """Decisions and measurements that are the same for every image of a run.

    Rings are counted in Fourier pixels of the box: ring k holds the frequencies whose distance
    from the origin rounds to k, that is k / (box_px * pixel size).

    Attributes
    ----------
    box_px : side of the images as read
    working_box_px : side of the prepared images, even; a working pixel is box_px / working_box_px
        pixels of the input
    mask_radius_px : radius, in working pixels, at which the soft mask has fallen to one half
    k_min, k_max : first and last ring to compare; ``k_max < working_box_px / 2``
    noise_power : (k_max + 1,) mean power of the noise by ring; 1 for white noise
    signal_to_noise : (k_max + 1,) power of the signal over that of the noise within the mask
    resolution_angstrom : finest detail compared, None without a pixel size
    pixel_size_angstrom : of the input, None if not known
    contrast : whether particles are brighter ("white") or darker ("black") than their background
    whiten : whether ``ring_weights`` divides by the noise power
    warnings : sentences for the user
    ctf : what was done about the contrast transfer of the images before all this; "full": phases
        are flipped, and averages corrected for the amplitudes
    """

    box_px: int
    working_box_px: int
    mask_radius_px: float
    k_min: int
    k_max: int
    noise_power: npt.NDArray[np.float64]
    signal_to_noise: npt.NDArray[np.float64]
    resolution_angstrom: float | None = None
    pixel_size_angstrom: float | None = None
    contrast: Contrast = "unclear"
    whiten: bool = True
    warnings: tuple[str, ...] = ()
    ctf: CtfCorrection = "none"


def ring_weights(plan: PreprocessPlan) -> npt.NDArray[np.float64]:
    """Return the weight of each compared ring in the inner product of two images.

    The weight of ring k is k, its share of the Fourier plane, divided by the power of the noise
    there if the plan whitens.

    Returns
    -------
    (k_max - k_min + 1,) float64 with mean 1
    """
    rings = np.arange(plan.k_min, plan.k_max + 1)
    weights = rings.astype(np.float64)
    if plan.whiten:
        weights /= plan.noise_power[rings]
    normalised: npt.NDArray[np.float64] = weights / weights.mean()
    return normalised
