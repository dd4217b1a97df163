"""What a worker holds: the coefficients of the parts it was given, for the whole run."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cluster.work import in_turn
from cl2d.cluster.worker_threads import threads_here
from cl2d.engine import set_simd_level
from cl2d.engine.ingest import ingest
from cl2d.errors import InputError
from cl2d.preprocess.ctf_source import subset_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cl2d.cluster.job import Job
    from cl2d.cluster.parts import Part
    from cl2d.cluster.told import Found
    from cl2d.engine import LocalEngine, WorkingImages
    from cl2d.engine.ingest import Ingested
    from cl2d.engine.packed_images import Block, Images
    from cl2d.io import ParticleSource

_held: dict[str, HeldImages] = {}
_guard = threading.Lock()


def held_images(job: Job) -> HeldImages:
    """Return what this process holds of a run."""
    with _guard:
        return _held.setdefault(job.name, HeldImages(job))


def forget(name: str) -> None:
    """Let go of all that this process holds of a run, and of subsets of it."""
    with _guard:
        for held in [held for held in _held if held == name or held.startswith(f"{name}/")]:
            del _held[held]


def is_held(images: HeldImages) -> bool:
    """Tell whether a run has not let go of what this process holds."""
    with _guard:
        return any(held is images for held in _held.values())


def worker_threads() -> int:
    """Return the threads of this worker, which computes one thing at a time."""
    from distributed import get_worker  # noqa: PLC0415 - workers alone have it

    return threads_here(int(get_worker().state.nthreads))


class ForgottenError(RuntimeError):
    """What the client believes that a worker has found, it has not."""


class HeldImages:
    """Blocks of a run that this process holds; those it lacks are read when they are wanted.

    So a part can be worked on anywhere: who was not given it takes the time of reading it.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._source: ParticleSource | None = None
        self._blocks: dict[int, Block] = {}
        self._images: dict[int, Images] = {}
        self._found: dict[Part, tuple[int, Found]] = {}
        self._lock = threading.RLock()

    def in_turn(self) -> AbstractContextManager[None]:
        """Return what makes threads wait for each other: one of them uses all there are."""
        return in_turn(self._lock)

    def remember(self, part: Part, number: int, found: Found) -> None:
        """Remember what was found last for a part, under a number of the client's."""
        self._found[part] = number, found

    def recall(self, part: Part, number: int | None) -> Found | None:
        """Return what was found last, if there is a number.

        Raises
        ------
        ForgottenError
            If that was another one: this worker is not the one the client takes it for.
        """
        if number is None:
            return None
        known, found = self._found.get(part, (None, None))
        if known != number:
            message = f"images {part.start + 1} to {part.stop} must be told of anew"
            raise ForgottenError(message)
        return found

    def read(self, part: Part) -> Ingested:
        """Read the images of a part, and hold their coefficients."""
        source = self.source()
        images = subset_of(source, np.arange(part.start, part.stop))
        set_simd_level(self._job.simd_level)
        found = ingest(
            images,
            self._job.plan,
            worker_threads(),
            keep_images=self._job.keeps_images,
            storage=self._job.storage,
        )
        numbers = range(part.first_block, part.end_block)
        self._blocks.update(zip(numbers, found.blocks, strict=True))
        self._images.update(zip(numbers, found.image_blocks() or (), strict=False))
        return found

    def engine(self, part: Part) -> LocalEngine:
        """Return an engine of the images of a part, all of which count as usable."""
        blocks = self.blocks(part)
        set_simd_level(self._job.simd_level)
        usable = np.ones(part.n_images, dtype=bool)
        images = self._image_blocks(part) if self._job.keeps_images else None
        return self._job.engine(blocks, usable, worker_threads(), self._job.storage, images)

    def blocks(self, part: Part) -> list[Block]:
        """Return the blocks of a part."""
        numbers = range(part.first_block, part.end_block)
        if any(number not in self._blocks for number in numbers):
            self.read(part)
        return [self._blocks[number] for number in numbers]

    def working_images(self, part: Part) -> WorkingImages:
        """Return the working images of a part of a run that keeps them."""
        self.blocks(part)
        return self._job.working_images(self._image_blocks(part), worker_threads())

    def _image_blocks(self, part: Part) -> list[Images]:
        return [self._images[number] for number in range(part.first_block, part.end_block)]

    def hold(self, number: int, block: Block, images: Images | None) -> None:
        """Hold a block that was made elsewhere, and its working images if the run keeps them."""
        self._blocks[number] = block
        if images is not None:
            self._images[number] = images

    def keep_only(self, parts: list[Part]) -> None:
        """Let go of all blocks that are in none of some parts."""
        kept = {number for part in parts for number in range(part.first_block, part.end_block)}
        with self._lock:
            self._found = {part: found for part, found in self._found.items() if part in parts}
            self._blocks = {n: block for n, block in self._blocks.items() if n in kept}
            self._images = {n: images for n, images in self._images.items() if n in kept}

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
            rows = self._job.rows
            self._source = source if rows is None else subset_of(source, rows.unpacked())
        return self._source
