"""Class averages from the images as they were given: full box, original sampling and greys."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine.raw_average import accumulate_raw
from cl2d.events import PhaseFinished, PhaseProgress, PhaseStarted, ignore_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.results import LevelResult

    Images = npt.NDArray[np.float32]
    Sums = npt.NDArray[np.float64]

PHASE = "averages"
_BLOCK_BYTES = 64 << 20
_LARGEST_BLOCK = 4096


def raw_averages(
    source: ParticleSource,
    levels: Sequence[LevelResult],
    n_threads: int,
    on_event: Callable[[object], None] | None = None,
) -> list[Images]:
    """Average the members of every class of every level, moved by their written poses.

    The images are read once, in blocks, whatever the number of levels. Besides a block, memory
    holds one float64 sum for each class of each level.

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
    sums = class_sums(source, source.read, levels, n_threads, on_event)
    return [_mean(total, level) for total, level in zip(sums, levels, strict=True)]


def class_sums(
    source: ParticleSource,
    read: Callable[[int, int], Images],
    levels: Sequence[LevelResult],
    n_threads: int,
    on_event: Callable[[object], None] | None,
) -> list[Sums]:
    """Return the sum of the moved members of every class of every level, (n_classes, box, box).

    Parameters, events and errors are those of :func:`raw_averages`, but for ``read``, which returns
    rows ``start`` to ``stop`` of what is to be summed.
    """
    n_images, box = source.n_images, source.box_px
    for level in levels:
        if len(level.labels) != n_images:
            msg = f"level {level.level} must have {n_images} labels, not {len(level.labels)}"
            raise ValueError(msg)
    emit = on_event or ignore_event
    started = time.perf_counter()
    emit(PhaseStarted(PHASE, n_images))
    sums = [np.zeros((level.n_classes, box, box)) for level in levels]
    block = block_length(box)
    for start in range(0, n_images, block):
        stop = min(start + block, n_images)
        images = read(start, stop)
        rows = np.arange(start, stop)
        for level, total in zip(levels, sums, strict=True):
            slots = np.ascontiguousarray(level.labels[start:stop], dtype=np.int32)
            accumulate_raw(total, images, level.poses.take(rows), slots, n_threads)
        emit(PhaseProgress(PHASE, stop, n_images))
    emit(PhaseFinished(PHASE, time.perf_counter() - started))
    return sums


def block_length(box_px: int) -> int:
    """Return how many images are read at once: 64 MiB of them, at least one."""
    return int(np.clip(_BLOCK_BYTES // (4 * box_px * box_px), 1, _LARGEST_BLOCK))


def _mean(total: npt.NDArray[np.float64], level: LevelResult) -> npt.NDArray[np.float32]:
    members = np.maximum(level.class_sizes(), 1)
    return (total / members[:, None, None]).astype(np.float32)
