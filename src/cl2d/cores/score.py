"""Junk z and PCA z of every image of every level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.cores.find import LevelZscores
from cl2d.cores.junk import junk_zscores
from cl2d.cores.members import measure_members
from cl2d.cores.noise import fit_of_noise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.results import LevelResult


def score_levels(
    engine: Engine,
    noise_engine: Engine,
    levels: Sequence[LevelResult],
    statistics: npt.NDArray[np.float32],
    on_progress: Callable[[int], None] | None = None,
) -> list[LevelZscores]:
    """Return the z-scores of every image at every level.

    Parameters
    ----------
    engine : Engine with the particles
    noise_engine : Engine with :func:`cl2d.preprocess.noise_images`, same grid and search
    levels : LevelResult each
    statistics : (n, m) from :func:`cl2d.preprocess.image_statistics`
    on_progress : callable, optional
        Called with the number of members looked at, over all levels.
    """
    zscores = []
    for i, level in enumerate(levels):
        done = _after(i * engine.n_images, on_progress)
        measured = measure_members(engine, level, done)
        rows = np.flatnonzero(np.isfinite(measured.fit))
        junk = np.zeros(engine.n_images, dtype=np.float32)
        pca = np.zeros(engine.n_images, dtype=np.float32)
        if len(rows):
            noise = fit_of_noise(engine, noise_engine, level)
            own = statistics[rows].astype(np.float64)
            junk[rows] = junk_zscores(measured.fit[rows], own, level.labels[rows], noise)
            pca[rows] = measured.pca_zscore[rows]
        zscores.append(LevelZscores(junk, pca))
    return zscores


def _after(offset: int, tell: Callable[[int], None] | None) -> Callable[[int], None] | None:
    return None if tell is None else lambda done: tell(offset + done)
