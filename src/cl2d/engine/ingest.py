"""Reading particles once: from a source, through preprocessing, to blocks of coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d import _native
from cl2d.engine.block_size import BLOCK_IMAGES, polar_grid
from cl2d.engine.correntropy import WorkingImages
from cl2d.engine.grey_values import normalise_and_mask, patch_moments
from cl2d.engine.read_ahead import read_ahead
from cl2d.engine.storage import IN_MEMORY
from cl2d.preprocess import (
    STATISTICS,
    Preparation,
    PreprocessPlan,
    image_statistics,
    ring_weights,
)
from cl2d.preprocess.ctf_source import SplitReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from cl2d.engine.storage import Storage
    from cl2d.io import ParticleSource
    from cl2d.preprocess import Prepared

READ_IMAGES = 256
"""Most images read and transformed at a time; a multiple of a tile."""

_READ_BYTES = 4 << 20
_TILE_IMAGES = 16


def _whitening_filter(plan: PreprocessPlan) -> npt.NDArray[np.float32]:
    """Return the factor on each Fourier coefficient of a working image, (w, w / 2 + 1).

    The square root of the ring weights without the factor k, which is the area of the ring.
    """
    box = plan.working_box_px
    rows, columns = fft.fftfreq(box) * box, fft.rfftfreq(box) * box
    ring = np.rint(np.hypot(rows[:, None], columns[None, :])).astype(np.intp)
    rings = np.arange(plan.k_min, plan.k_max + 1)
    by_ring = np.zeros(int(ring.max()) + 1)
    by_ring[rings] = np.sqrt(ring_weights(plan) / rings)
    factors = by_ring / np.sqrt(np.square(by_ring[rings]).mean())
    whitening: npt.NDArray[np.float32] = factors[ring].astype(np.float32)
    return whitening


@dataclass(frozen=True)
class Ingested:
    """Blocks of coefficients of all images, and the flag of each (0 usable).

    ``statistics`` (n, m) float32 are those of the images as read, see ``image_statistics``;
    ``images`` (n, w, w) are the prepared and whitened images where they are kept.
    """

    blocks: list[_native.ImageBlock]
    flags: npt.NDArray[np.uint8]
    statistics: npt.NDArray[np.float32]
    images: npt.NDArray[np.float32] | None = None

    def image_blocks(self) -> list[npt.NDArray[np.float32]] | None:
        """Return the images that are kept, block by block."""
        if self.images is None:
            return None
        starts = range(0, len(self.images), BLOCK_IMAGES)
        return [self.images[start : start + BLOCK_IMAGES] for start in starts]


class Ingestor:
    """Turns images into polar coefficients, by one plan.

    It is not changed by what it does, so threads may share it.
    """

    def __init__(self, plan: PreprocessPlan) -> None:
        self._plan = plan
        self._preparation = Preparation(plan, normalise_and_mask)
        self.grid = polar_grid(plan.working_box_px, plan.k_min, plan.k_max, plan.mask_radius_px)
        self._sampler = _native.PolarSampler(self.grid, ring_weights(plan))
        correction = _native.gridding_correction(plan.working_box_px)
        self._correction = np.outer(correction, correction).astype(np.float32)
        self._whitening = _whitening_filter(plan)

    def fill(
        self, block: _native.ImageBlock, first: int, images: npt.NDArray[np.float32]
    ) -> Prepared:
        """Put images (n, box, box) as read into the block, and return them prepared."""
        prepared = self._preparation(images)
        self._sampler.fill(block, first, self._padded_transform(prepared.images), 1)
        return prepared

    def whitened(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return prepared images within the band, each ring divided by the noise found there.

        These are the images whose inner products the coefficients give: what a gradient of the ice
        or the edge of the carbon adds is weighed down in the same way.
        """
        box = self._plan.working_box_px
        filtered: npt.NDArray[np.float32] = fft.irfft2(
            fft.rfft2(images) * self._whitening, s=(box, box)
        )
        return filtered

    def _padded_transform(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
        """Return the transforms on a grid twice as fine; origin of the image at pixel ``box``."""
        box = self._plan.working_box_px
        padded = np.zeros((len(images), 2 * box, 2 * box), dtype=np.float32)
        edge = box - box // 2
        padded[:, edge : edge + box, edge : edge + box] = images * self._correction
        return np.ascontiguousarray(fft.rfft2(padded))


@dataclass(frozen=True)
class _Portion:
    """Some images of a block, as read."""

    block: _native.ImageBlock
    start: int  # row of the first image of the block
    first: int  # place of the first image of the portion in its block
    images: npt.NDArray[np.float32]

    @property
    def rows(self) -> slice:
        begin = self.start + self.first
        return slice(begin, begin + len(self.images))

    @property
    def is_last_of_block(self) -> bool:
        return self.first + len(self.images) == self.block.n_images


def ingest(
    source: ParticleSource,
    plan: PreprocessPlan,
    n_threads: int,
    on_progress: Callable[[int], None] | None = None,
    *,
    keep_images: bool = False,
    storage: Storage = IN_MEMORY,
) -> Ingested:
    """Read every particle once and keep its coefficients.

    The calling thread reads, and calls ``on_progress``, while others compute; see
    :func:`cl2d.engine.read_ahead.read_ahead`.

    Parameters
    ----------
    source : ParticleSource
    plan : PreprocessPlan
    n_threads : int
        Threads that compute; the coefficients do not depend on it.
    on_progress : callable, optional
        Called with the number of images read.
    keep_images : bool
        Whether to keep the prepared images, whitened, as well.
    storage : Storage
        What keeps the coefficients.
    """
    ingestor = Ingestor(plan)
    reading = SplitReading.of(source)
    new_blocks = storage.blocks(ingestor.grid, source.n_images)
    flags = np.zeros(source.n_images, dtype=np.uint8)
    statistics = np.zeros((source.n_images, len(STATISTICS)), dtype=np.float32)
    box = plan.working_box_px
    images = np.empty((source.n_images, box, box), np.float32) if keep_images else None
    blocks: list[_native.ImageBlock] = []

    def compute(portion: _Portion) -> _Portion:
        rows = portion.rows
        as_seen = reading.filtered(rows.start, portion.images)
        statistics[rows] = image_statistics(as_seen, patch_moments)
        prepared = ingestor.fill(portion.block, portion.first, as_seen)
        flags[rows] = prepared.flags
        if images is not None:
            images[rows] = ingestor.whitened(prepared.images)
        return portion

    def note(done: _Portion) -> None:
        if done.is_last_of_block:
            blocks.append(done.block)
        if on_progress is not None:
            on_progress(done.rows.stop)

    read_ahead(_portions(reading.unfiltered, new_blocks), compute, n_threads, note)
    return Ingested(blocks, flags, statistics, images)


def _portions(
    source: ParticleSource, new_blocks: Iterator[_native.ImageBlock]
) -> Iterator[_Portion]:
    """Read all images, a few megabytes at a time, and make room for their coefficients."""
    tiles = _READ_BYTES // (4 * source.box_px**2 * _TILE_IMAGES)
    length = min(READ_IMAGES, _TILE_IMAGES * max(1, tiles))
    for start in range(0, source.n_images, BLOCK_IMAGES):
        n_block = min(BLOCK_IMAGES, source.n_images - start)
        block = next(new_blocks)
        for first in range(0, n_block, length):
            last = min(first + length, n_block)
            yield _Portion(block, start, first, source.read(start + first, start + last))


def working_images(
    ingested: Ingested, plan: PreprocessPlan, n_threads: int
) -> WorkingImages | None:
    """Return the prepared images for comparison in real space, None if they were not kept."""
    blocks = ingested.image_blocks()
    if blocks is None:
        return None
    return WorkingImages(blocks, plan.mask_radius_px, n_threads)
