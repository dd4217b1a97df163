"""Class averages from the images as they were given: full box, original sampling and greys."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine.raw_average import Moves, accumulate_moved
from cl2d.events import PhaseFinished, PhaseProgress, PhaseStarted, RunWarned, ignore_event
from cl2d.io.patience import told_of_waits
from cl2d.results import Poses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.results import LevelResult

    Images = npt.NDArray[np.float32]
    Sums = npt.NDArray[np.float64]

PHASE = "averages"
BLOCK_BYTES = 16 << 20
"""Images that are read at once. Memory of larger blocks is handed back to the system and cleared
by it again, which costs more than reading."""
_LARGEST_BLOCK = 4096


def raw_averages(
    source: ParticleSource,
    levels: Sequence[LevelResult],
    n_threads: int,
    on_event: Callable[[object], None] | None = None,
) -> list[Images]:
    """Average the members of every class of every level, moved by their written poses.

    The images are read once, in blocks, whatever the number of levels, and moved once for all
    levels that share one ``poses`` object. Besides a block, memory holds one float64 sum for each
    class of each level.

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
    first = np.cumsum([0, *(level.n_classes for level in levels)]).tolist()
    sums = np.zeros((first[-1], box, box))
    groups = _groups_of_one_pose(levels, first)
    block = block_length(box)
    for start in range(0, n_images, block):
        stop = min(start + block, n_images)
        with told_of_waits(lambda line: emit(RunWarned(line))):
            images = read(start, stop)
        accumulate_moved(sums, images, _moves(groups, start, stop), n_threads)
        emit(PhaseProgress(PHASE, stop, n_images))
    emit(PhaseFinished(PHASE, time.perf_counter() - started))
    return [sums[begin:end] for begin, end in pairwise(first)]


@dataclass(frozen=True, eq=False)
class _PoseGroup:
    """Levels that have their poses in common, as a level and its cores do."""

    poses: Poses
    labels: list[npt.NDArray[np.int32]]
    first_slots: list[int]


def _groups_of_one_pose(levels: Sequence[LevelResult], first: list[int]) -> list[_PoseGroup]:
    """Group levels by their poses: an image is moved once for all levels of a group."""
    groups: dict[int, _PoseGroup] = {}
    for level, slot in zip(levels, first, strict=False):
        group = groups.setdefault(id(level.poses), _PoseGroup(level.poses, [], []))
        group.labels.append(level.labels)
        group.first_slots.append(slot)
    return list(groups.values())


def _moves(groups: Sequence[_PoseGroup], start: int, stop: int) -> Moves:
    """Return where the images of a block go, those of one image next to each other."""
    n_columns = max((len(group.labels) for group in groups), default=0)
    slots = np.full((stop - start, len(groups), n_columns), -1, dtype=np.int32)
    for g, members in enumerate(groups):
        for c, (labels, first) in enumerate(zip(members.labels, members.first_slots, strict=True)):
            part = labels[start:stop]
            slots[:, g, c] = np.where(part >= 0, part + first, -1)
    image, group = np.nonzero((slots >= 0).any(axis=2))
    poses = Poses(np.empty(len(image)), np.empty((len(image), 2)), np.empty(len(image), dtype=bool))
    for g, members in enumerate(groups):
        rows = np.flatnonzero(group == g)
        poses.put(rows, members.poses.take(start + image[rows]))
    return Moves(image.astype(np.int32), poses, slots[image, group])


def block_length(box_px: int) -> int:
    """Return how many images are read at once: 16 MiB of them, at least one."""
    return int(np.clip(BLOCK_BYTES // (4 * box_px * box_px), 1, _LARGEST_BLOCK))


def _mean(total: npt.NDArray[np.float64], level: LevelResult) -> npt.NDArray[np.float32]:
    members = np.maximum(level.class_sizes(), 1)
    return (total / members[:, None, None]).astype(np.float32)
