"""How well pure noise fits the classes: what every fit is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cores.robust import centre_and_spread
from cl2d.engine import ClassicalRule, normalised_references

if TYPE_CHECKING:
    from cl2d.engine import Engine
    from cl2d.results import LevelResult


@dataclass(frozen=True)
class NoiseFit:
    """Typical best correlation of a noise image with any class, over all poses; its spread."""

    typical: float
    spread: float


def fit_of_noise(engine: Engine, noise_engine: Engine, level: LevelResult) -> NoiseFit:
    """Search noise images against the averages of a level as its members were searched.

    Parameters
    ----------
    engine : Engine with the particles
    noise_engine : Engine with :func:`cl2d.preprocess.noise_images`, same grid and search
    level : LevelResult of the particles
    """
    sums = engine.update(level.labels, level.poses, level.n_classes).sums
    found = noise_engine.assign(normalised_references(sums), ClassicalRule())
    return NoiseFit(*centre_and_spread(found.scores[found.labels >= 0].astype(np.float64)))
