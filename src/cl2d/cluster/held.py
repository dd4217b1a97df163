"""What a worker holds: the coefficients of the parts it was given, for the whole run."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cluster.worker_threads import threads_here
from cl2d.engine import set_simd_level
from cl2d.engine.ingest import ingest
from cl2d.errors import InputError
from cl2d.preprocess.ctf_source import subset_of

if TYPE_CHECKING:
    from cl2d.cluster.job import Job
    from cl2d.cluster.parts import Part
    from cl2d.engine import LocalEngine
    from cl2d.engine.ingest import Ingested
    from cl2d.engine.packed_images import Block
    from cl2d.io import ParticleSource

_held: dict[str, HeldImages] = {}
_guard = threading.Lock()


def held_images(job: Job) -> HeldImages:
    """Return what this process holds of a run."""
    with _guard:
        return _held.setdefault(job.name, HeldImages(job))


def forget(name: str) -> None:
    """Let go of all that this process holds of a run."""
    with _guard:
        _held.pop(name, None)


def is_held(images: HeldImages) -> bool:
    """Tell whether a run has not let go of what this process holds."""
    with _guard:
        return any(held is images for held in _held.values())


def worker_threads() -> int:
    """Return the threads of this worker, which computes one thing at a time."""
    from distributed import get_worker  # noqa: PLC0415 - workers alone have it

    return threads_here(int(get_worker().state.nthreads))


class HeldImages:
    """Blocks of a run that this process holds; those it lacks are read when they are wanted.

    So a part can be worked on anywhere: who was not given it takes the time of reading it.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._source: ParticleSource | None = None
        self._blocks: dict[int, Block] = {}
        self.lock = threading.RLock()

    def read(self, part: Part) -> Ingested:
        """Read the images of a part, and hold their coefficients."""
        source = self.source()
        images = subset_of(source, np.arange(part.start, part.stop))
        set_simd_level(self._job.simd_level)
        found = ingest(images, self._job.plan, worker_threads(), storage=self._job.storage)
        self._blocks.update(zip(range(part.first_block, part.end_block), found.blocks, strict=True))
        return found

    def engine(self, part: Part) -> LocalEngine:
        """Return an engine of the images of a part, all of which count as usable."""
        blocks = self.blocks(part)
        set_simd_level(self._job.simd_level)
        usable = np.ones(part.n_images, dtype=bool)
        return self._job.engine(blocks, usable, worker_threads(), self._job.storage)

    def blocks(self, part: Part) -> list[Block]:
        """Return the blocks of a part."""
        numbers = range(part.first_block, part.end_block)
        if any(number not in self._blocks for number in numbers):
            self.read(part)
        return [self._blocks[number] for number in numbers]

    def keep_only(self, parts: list[Part]) -> None:
        """Let go of all blocks that are in none of some parts."""
        kept = {number for part in parts for number in range(part.first_block, part.end_block)}
        with self.lock:
            self._blocks = {n: block for n, block in self._blocks.items() if n in kept}

    def source(self) -> ParticleSource:
        """Return the particles of the run, opened by this process.

        Raises
        ------
        InputError
            If they are others than those of the run, or cannot be opened.
        """
        if self._source is None:
            source = self._job.open_source()
            if source.fingerprint() != self._job.fingerprint:
                message = (
                    f"{source.name} must be the same on all machines, but it is another one on "
                    f"{os.uname().nodename}"
                )
                raise InputError(message)
            self._source = source
        return self._source
