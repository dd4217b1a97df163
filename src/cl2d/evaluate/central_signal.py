"""Where the signal of an average lies: a particle fills the middle of its box."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d.preprocess.windows import radius_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.preprocess import PreprocessPlan

_MIDDLE = 0.5


def central_shares(
    averages: npt.NDArray[np.float32], plan: PreprocessPlan
) -> npt.NDArray[np.float64]:
    """Return how much of the power within the mask lies in the inner half of its radius.

    Power is that of the average within the compared band, about the median of what lies outside
    the mask. An empty average has 0.

    Parameters
    ----------
    averages : (n_classes, box, box), input box and sampling
    plan : PreprocessPlan

    Returns
    -------
    (n_classes,) float64 in [0, 1]
    """
    box = plan.box_px
    radius_px = plan.mask_radius_px * box / plan.working_box_px
    distance = radius_image(box)
    middle, inside = distance < _MIDDLE * radius_px, distance < radius_px
    row, column = fft.fftfreq(box) * box, fft.rfftfreq(box) * box
    band = np.hypot(row[:, None], column[None, :]) <= plan.k_max
    shares = np.zeros(len(averages))
    for k, average in enumerate(averages):
        smooth = fft.irfft2(fft.rfft2(average.astype(np.float64)) * band, s=(box, box))
        power = np.square(smooth - np.median(smooth[~inside]))
        total = power[inside].sum()
        shares[k] = power[middle].sum() / total if total > 0 else 0.0
    return shares
