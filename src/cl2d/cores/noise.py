"""How well pure noise fits the classes: what every fit is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from cl2d.cores.robust import centre_and_spread
from cl2d.engine import ClassicalRule, normalised_references

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import LevelResult

NOISE_IMAGES = 256


@dataclass(frozen=True)
class NoiseFit:
    """Typical best correlation of a noise image with any class, over all poses; its spread."""

    typical: float
    spread: float


def noise_images(plan: PreprocessPlan, n_images: int = NOISE_IMAGES) -> npt.NDArray[np.float32]:
    """Return Gaussian noise with the spectrum that was found in the images, (n, box, box)."""
    box = plan.box_px
    white = np.random.default_rng(0).standard_normal((n_images, box, box))
    row, column = scipy.fft.fftfreq(box) * box, scipy.fft.rfftfreq(box) * box
    ring = np.rint(np.hypot(row[:, None], column[None, :])).astype(np.intp)
    amplitude = np.sqrt(plan.noise_power)[np.minimum(ring, len(plan.noise_power) - 1)]
    coloured = scipy.fft.irfft2(scipy.fft.rfft2(white) * amplitude, s=(box, box))
    return np.asarray(coloured, dtype=np.float32)


def fit_of_noise(engine: Engine, noise_engine: Engine, level: LevelResult) -> NoiseFit:
    """Search noise images against the averages of a level as its members were searched.

    Parameters
    ----------
    engine : Engine with the particles
    noise_engine : Engine with the images of ``noise_images``, same grid and search
    level : LevelResult of the particles
    """
    sums = engine.update(level.labels, level.poses, level.n_classes).sums
    found = noise_engine.assign(normalised_references(sums), ClassicalRule())
    return NoiseFit(*centre_and_spread(found.scores[found.labels >= 0].astype(np.float64)))
