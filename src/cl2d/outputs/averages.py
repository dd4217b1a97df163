"""Class averages from the images as they were given: full box, original sampling and greys."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d.engine.raw_average import accumulate_raw
from cl2d.events import PhaseFinished, PhaseProgress, PhaseStarted, ignore_event
from cl2d.outputs.wiener import RingSums, even_gain, wiener_gain
from cl2d.preprocess.ctf_weighted import CtfWeightedSource, box_rings, filtered_by_ring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.preprocess.spectrum import RingAverage
    from cl2d.results import LevelResult

    Images = npt.NDArray[np.float32]
    Sums = npt.NDArray[np.float64]

PHASE = "averages"
_BLOCK_BYTES = 64 << 20
_LARGEST_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class ClassAverages:
    """Averages of the classes of one level.

    Attributes
    ----------
    delivered : (n_classes, box, box) float32
    compared : (n_classes, box, box) float32
        What is measured and compared with particles: their noise is that of a plain average. The
        same as ``delivered`` unless that is corrected for the contrast transfer.
    """

    delivered: Images
    compared: Images


def class_averages(
    source: ParticleSource,
    levels: Sequence[LevelResult],
    n_threads: int,
    on_event: Callable[[object], None] | None = None,
) -> list[ClassAverages]:
    """Average the members of every class of every level as their source asks for.

    Means of the images, see :func:`raw_averages`; or, of a
    :class:`cl2d.preprocess.ctf_weighted.CtfWeightedSource`, the Wiener average
    ``sum CTF F / (sum CTF^2 + 1 / SSNR)``, F the transform of a raw image moved by its pose. Its
    denominator goes by rings (:func:`cl2d.outputs.wiener.wiener_gain`), and beside a block and the
    float64 sums of the classes, memory holds three numbers for each class and ring.

    Parameters, events and errors are those of :func:`raw_averages`; images are read once.
    """
    if not isinstance(source, CtfWeightedSource):
        plain = raw_averages(source, levels, n_threads, on_event)
        return [ClassAverages(stack, stack) for stack in plain]
    rings = box_rings(source.box_px)
    all_rings = [RingSums.empty(level.n_classes, rings.n_bins) for level in levels]

    def read(start: int, stop: int) -> Images:
        weighted = source.read_weighted(start, stop)
        for level, ring_sums in zip(levels, all_rings, strict=True):
            ring_sums.add(level.labels[start:stop], weighted)
        return weighted.images

    sums = _class_sums(source, read, levels, n_threads, on_event)
    return [
        _corrected(total, ring_sums, level, rings)
        for total, ring_sums, level in zip(sums, all_rings, levels, strict=True)
    ]


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
    sums = _class_sums(source, source.read, levels, n_threads, on_event)
    return [_mean(total, level) for total, level in zip(sums, levels, strict=True)]


def _class_sums(
    source: ParticleSource,
    read: Callable[[int, int], Images],
    levels: Sequence[LevelResult],
    n_threads: int,
    on_event: Callable[[object], None] | None,
) -> list[Sums]:
    """Return the sum of the moved members of every class of every level."""
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


def _corrected(
    sums: Sums, ring_sums: RingSums, level: LevelResult, rings: RingAverage
) -> ClassAverages:
    """Turn the class sums of images times their CTF into averages."""
    power = np.empty((len(sums), rings.n_bins))
    for total, by_ring in zip(sums, power, strict=True):
        by_ring[:] = rings(np.square(np.abs(fft.rfft2(total - total.mean()))))
    delivered = filtered_by_ring(sums, wiener_gain(ring_sums, power, rings.size))
    compared = filtered_by_ring(sums, even_gain(ring_sums, level.class_sizes()))
    return ClassAverages(delivered, compared)
