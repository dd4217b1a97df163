"""Averages from outside as references of the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine.ingest import ingest
from cl2d.engine.local import LocalEngine
from cl2d.engine.protocol import SearchSettings
from cl2d.engine.references import normalised_references
from cl2d.errors import InputError
from cl2d.results import identity_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.preprocess import PreprocessPlan


def given_references(
    source: ParticleSource, plan: PreprocessPlan, n_threads: int
) -> npt.NDArray[np.complex64]:
    """Return averages as references, through the mask, band and weights of the particles.

    Parameters
    ----------
    source : ParticleSource
        The averages, in the box of the plan. Their grey values may have any scale and offset,
        and their background may be as smooth as it likes: references are scaled to norm 1.
    plan : PreprocessPlan, that of the particles
    n_threads : int

    Returns
    -------
    references : (n_images, n_rings, n_angles / 2) complex64

    Raises
    ------
    InputError
        If an image is not finite or constant.
    """
    read = ingest(source, plan, n_threads)
    if read.flags.any():
        row = int(np.flatnonzero(read.flags)[0])
        message = (
            f"references must be finite and not constant, as {source.image_name(row)} of "
            f"{source.name} is"
        )
        raise InputError(message)
    n_images = source.n_images
    scale = plan.box_px / plan.working_box_px
    engine = LocalEngine(read.blocks, read.flags == 0, SearchSettings(0.0), scale, n_threads)
    labels = np.arange(n_images, dtype=np.int32)
    return normalised_references(engine.update(labels, identity_poses(n_images), n_images).sums)
