"""Runs of blocks that one worker holds, and how they are dealt to workers."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import BLOCK_IMAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAIR_SHARE = 1.1
"""Most images of a worker, over its share, for the sake of those that it holds already."""

PARTS_PER_WORKER = 4
"""Parts that a worker holds where there are blocks enough: what is moved or done again is one."""


@dataclass(frozen=True, order=True)
class Part:
    """Blocks that follow each other, and the rows of their images.

    Attributes
    ----------
    first_block, end_block : int
    start, stop : int, rows of the run
    """

    first_block: int
    end_block: int
    start: int
    stop: int

    @property
    def rows(self) -> slice:
        """The rows of the images."""
        return slice(self.start, self.stop)

    @property
    def n_images(self) -> int:
        """Number of images."""
        return self.stop - self.start


def parts_of(n_images: int, n_workers: int) -> list[Part]:
    """Cut the blocks of a run into parts, about ``PARTS_PER_WORKER`` for each worker."""
    n_blocks = -(-n_images // BLOCK_IMAGES)
    n_parts = min(n_blocks, PARTS_PER_WORKER * n_workers)
    ends = np.linspace(0, n_blocks, n_parts + 1).astype(int).tolist()
    return [
        Part(first, end, first * BLOCK_IMAGES, min(end * BLOCK_IMAGES, n_images))
        for first, end in itertools.pairwise(ends)
    ]


def dealt(parts: Sequence[Part], speeds: Mapping[str, float]) -> dict[Part, str]:
    """Deal parts to workers by their speeds; each worker gets neighbours.

    Parameters
    ----------
    parts : in order
    speeds : of each worker, in any unit

    Returns
    -------
    dict
        The worker of each part.
    """
    workers = sorted(speeds)
    shares = np.cumsum([speeds[worker] for worker in workers])
    shares = shares / shares[-1]
    n_images = sum(part.n_images for part in parts)
    owners: dict[Part, str] = {}
    before = 0
    for part in parts:
        middle = (before + part.n_images / 2) / n_images
        owners[part] = workers[int(np.searchsorted(shares[:-1], middle))]
        before += part.n_images
    return owners


def dealt_near(
    parts: Sequence[Part],
    holders: Mapping[Part, Mapping[str, int]],
    speeds: Mapping[str, float],
) -> dict[Part, str]:
    """Deal parts to the workers that hold most of their images already, as far as that is fair.

    No worker gets more than the busiest one would have if the parts were dealt by speeds alone, or
    ``FAIR_SHARE`` of its share; what is too much for one goes to the worker with the least to do.

    Parameters
    ----------
    parts : in order
    holders : how many images of each part a worker holds
    speeds : of each worker, in any unit
    """
    all_seconds = sum(part.n_images for part in parts) / sum(speeds.values())
    by_speed = Counter[str]()
    for part, worker in dealt(parts, speeds).items():
        by_speed[worker] += part.n_images
    longest = max(by_speed[worker] / speeds[worker] for worker in speeds)
    most = max(FAIR_SHARE * all_seconds, longest)
    seconds = dict.fromkeys(speeds, 0.0)
    owners: dict[Part, str] = {}
    for part in sorted(parts, key=lambda part: (-max(holders[part].values()), part)):
        after = {w: seconds[w] + part.n_images / speed for w, speed in speeds.items()}
        near = max(speeds, key=lambda worker: (holders[part].get(worker, 0), worker))
        worker = near if after[near] <= most else min(after, key=lambda w: (after[w], w))
        owners[part] = worker
        seconds[worker] = after[worker]
    return owners


def moved_from(
    owners: Mapping[Part, str], speeds: Mapping[str, float], least_gain: float
) -> dict[Part, str]:
    """Return the owners after moving parts from slow workers to fast ones, where that pays.

    Parameters
    ----------
    owners : the worker of each part, each one of ``speeds``
    speeds : images a second of each worker
    least_gain : float
        Share of the time of an iteration that a move must save: the part has to be read again.
    """
    moved = dict(owners)
    seconds = dict.fromkeys(speeds, 0.0)
    for part, worker in owners.items():
        seconds[worker] += part.n_images / speeds[worker]
    while len(speeds) > 1:
        slowest = max(seconds, key=lambda worker: (seconds[worker], worker))
        fastest = min(speeds, key=lambda worker: (seconds[worker], worker))
        mine = [part for part, worker in moved.items() if worker == slowest]
        if not mine:
            break
        part = min(mine, key=lambda part: (part.n_images, part))
        after = seconds[fastest] + part.n_images / speeds[fastest]
        left = seconds[slowest] - part.n_images / speeds[slowest]
        if max(after, left) > (1 - least_gain) * seconds[slowest]:
            break
        moved[part] = fastest
        seconds[fastest], seconds[slowest] = after, left
    return moved
