"""Images of noise as it was found in the particles: what content is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.preprocess.plan import PreprocessPlan

NOISE_IMAGES = 256


def noise_images(plan: PreprocessPlan, n_images: int = NOISE_IMAGES) -> npt.NDArray[np.float32]:
    """Return Gaussian noise with the spectrum that was found in the images, (n, box, box)."""
    box = plan.box_px
    rng = np.random.default_rng(0)
    row, column = scipy.fft.fftfreq(box) * box, scipy.fft.rfftfreq(box) * box
    ring = np.rint(np.hypot(row[:, None], column[None, :])).astype(np.intp)
    amplitude = np.sqrt(plan.noise_power)[np.minimum(ring, len(plan.noise_power) - 1)]
    noise = np.empty((n_images, box, box), dtype=np.float32)
    for image in noise:  # one by one, for all in double precision would take more than a run
        white = rng.standard_normal((box, box))
        image[:] = scipy.fft.irfft2(scipy.fft.rfft2(white) * amplitude, s=(box, box))
    return noise
