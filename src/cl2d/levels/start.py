"""The start without references: random classes of unaligned images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import normalised_references
from cl2d.results import identity_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine


def random_references(
    engine: Engine, n_classes: int, rng: np.random.Generator
) -> npt.NDArray[np.complex64]:
    """Return averages of random classes of equal size.

    They are near-identical blurs that differ by noise alone; the first exhaustive iterations tell
    them apart.
    """
    usable = np.flatnonzero(engine.usable)
    labels = np.full(engine.n_images, -1, dtype=np.int32)
    labels[usable] = rng.permutation(len(usable)) % n_classes
    sums = engine.update(labels, identity_poses(engine.n_images), n_classes)
    return normalised_references(sums.sums)
