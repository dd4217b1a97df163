"""Reading particles once: from a source, through preprocessing, to blocks of coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d import _native
from cl2d.engine.block_size import BLOCK_IMAGES, polar_grid
from cl2d.engine.correntropy import WorkingImages
from cl2d.engine.storage import IN_MEMORY
from cl2d.preprocess import (
    STATISTICS,
    PreprocessPlan,
    image_statistics,
    prepare_images,
    ring_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine.storage import Storage
    from cl2d.io import ParticleSource
    from cl2d.preprocess import Prepared

READ_IMAGES = 256
"""Images read and transformed at a time: whole tiles, and a padded transform of a few megabytes."""


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


class Ingestor:
    """Turns preprocessed images into polar coefficients, by one plan."""

    def __init__(self, plan: PreprocessPlan, n_threads: int) -> None:
        self._plan = plan
        self._n_threads = n_threads
        self.grid = polar_grid(plan.working_box_px, plan.k_min, plan.k_max, plan.mask_radius_px)
        self._sampler = _native.PolarSampler(self.grid, ring_weights(plan))
        correction = _native.gridding_correction(plan.working_box_px)
        self._correction = np.outer(correction, correction).astype(np.float32)
        self._whitening = _whitening_filter(plan)

    def fill(
        self, block: _native.ImageBlock, first: int, images: npt.NDArray[np.float32]
    ) -> Prepared:
        """Put images (n, box, box) as read into the block, and return them prepared."""
        prepared = prepare_images(images, self._plan)
        self._sampler.fill(block, first, self._padded_transform(prepared.images), self._n_threads)
        return prepared

    def whitened(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return prepared images within the band, each ring divided by the noise found there.

        These are the images whose inner products the coefficients give: what a gradient of the ice
        or the edge of the carbon adds is weighed down in the same way.
        """
        box = self._plan.working_box_px
        filtered: npt.NDArray[np.float32] = fft.irfft2(
            fft.rfft2(images, workers=self._n_threads) * self._whitening,
            s=(box, box),
            workers=self._n_threads,
        )
        return filtered

    def _padded_transform(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
        """Return the transforms on a grid twice as fine; origin of the image at pixel ``box``."""
        box = self._plan.working_box_px
        padded = np.zeros((len(images), 2 * box, 2 * box), dtype=np.float32)
        edge = box - box // 2
        padded[:, edge : edge + box, edge : edge + box] = images * self._correction
        return np.ascontiguousarray(fft.rfft2(padded, workers=self._n_threads))


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

    Parameters
    ----------
    source : ParticleSource
    plan : PreprocessPlan
    n_threads : int
        Threads of the transforms; the coefficients do not depend on it.
    on_progress : callable, optional
        Called with the number of images read.
    keep_images : bool
        Whether to keep the prepared images, whitened, as well.
    storage : Storage
        What keeps the coefficients.
    """
    ingestor = Ingestor(plan, n_threads)
    blocks: list[_native.ImageBlock] = []
    new_blocks = storage.blocks(ingestor.grid, source.n_images)
    flags = np.zeros(source.n_images, dtype=np.uint8)
    statistics = np.zeros((source.n_images, len(STATISTICS)), dtype=np.float32)
    box = plan.working_box_px
    images = np.empty((source.n_images, box, box), np.float32) if keep_images else None
    for start in range(0, source.n_images, BLOCK_IMAGES):
        n_block = min(BLOCK_IMAGES, source.n_images - start)
        block = next(new_blocks)
        for first in range(0, n_block, READ_IMAGES):
            rows = slice(start + first, start + min(first + READ_IMAGES, n_block))
            as_read = source.read(rows.start, rows.stop)
            statistics[rows] = image_statistics(as_read)
            prepared = ingestor.fill(block, first, as_read)
            flags[rows] = prepared.flags
            if images is not None:
                images[rows] = ingestor.whitened(prepared.images)
            if on_progress is not None:
                on_progress(rows.stop)
        blocks.append(block)
    return Ingested(blocks, flags, statistics, images)


def working_images(
    ingested: Ingested, plan: PreprocessPlan, n_threads: int
) -> WorkingImages | None:
    """Return the prepared images for comparison in real space, None if they were not kept."""
    if ingested.images is None:
        return None
    return WorkingImages(ingested.images, plan.mask_radius_px, n_threads)
