"""Class averages from the images as they were given: full box, original sampling and greys."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine.member_sums import Members, SummedHere
from cl2d.events import PhaseFinished, PhaseProgress, PhaseStarted, RunWarned, ignore_event
from cl2d.io.patience import told_of_waits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cl2d.engine.member_sums import MemberSums, SummedBy
    from cl2d.io import ParticleSource
    from cl2d.results import LevelResult

    Images = npt.NDArray[np.float32]

PHASE = "averages"


def raw_averages(
    source: ParticleSource,
    levels: Sequence[LevelResult],
    n_threads: int,
    on_event: Callable[[object], None] | None = None,
    summed_by: SummedBy | None = None,
) -> list[Images]:
    """Average the members of every class of every level, moved by their written poses.

    The images are read once, in blocks, whatever the number of levels, and moved once for all
    levels that share one ``poses`` object. Besides a block, memory holds one float64 sum for each
    class of each level; two above some 28,000 images, three above 290,000
    (:mod:`cl2d.engine.stretches`).

    Parameters
    ----------
    source
        The particles.
    levels
        Levels whose ``labels`` and ``poses`` have one entry an image; label -1 is skipped.
    n_threads
        Threads of the engine.
    on_event
        Called with ``PhaseStarted``, ``PhaseProgress`` (images done) and ``PhaseFinished``.
    summed_by
        Who sums the members, if not this process; the bits are the same.

    Returns
    -------
    list of (n_classes, box, box) float32
        One stack for each level, in the order given. A class without members is zero.

    Raises
    ------
    ValueError
        If a level does not have one label an image.

    Notes
    -----
    Pixel ``p`` of an average is the mean over the members of ``image(x)`` where
    ``p = F R(psi) (x + origin)``: what a reader of the written poses computes, except for the
    interpolation, which is a quintic B-spline here.
    """
    sums = class_sums(source, levels, n_threads, on_event, summed_by=summed_by)
    return [_mean(total.images, level) for total, level in zip(sums, levels, strict=True)]


def class_sums(
    source: ParticleSource,
    levels: Sequence[LevelResult],
    n_threads: int,
    on_event: Callable[[object], None] | None,
    *,
    weighted: bool = False,
    summed_by: SummedBy | None = None,
) -> list[MemberSums]:
    """Return the sums of the moved members of the classes of every level.

    Parameters, events and errors are those of :func:`raw_averages`; ``weighted`` says whether the
    images of a ``CtfWeightedSource`` are to be weighted by their CTF.
    """
    n_images = source.n_images
    for level in levels:
        if len(level.labels) != n_images:
            msg = f"level {level.level} must have {n_images} labels, not {len(level.labels)}"
            raise ValueError(msg)
    emit = on_event or ignore_event
    started = time.perf_counter()
    emit(PhaseStarted(PHASE, n_images))
    summed_by = summed_by or SummedHere(source, n_threads)
    with told_of_waits(lambda line: emit(RunWarned(line))):
        sums = summed_by(
            Members.of(levels),
            weighted=weighted,
            on_progress=lambda done: emit(PhaseProgress(PHASE, done, n_images)),
        )
    emit(PhaseFinished(PHASE, time.perf_counter() - started))
    first = np.cumsum([0, *(level.n_classes for level in levels)]).tolist()
    return [sums.of_slots(slice(begin, end)) for begin, end in pairwise(first)]


def _mean(total: npt.NDArray[np.float64], level: LevelResult) -> npt.NDArray[np.float32]:
    members = np.maximum(level.class_sizes(), 1)
    return (total / members[:, None, None]).astype(np.float32)
