"""What a worker has to know of a run to hold a part of its images."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cl2d.cluster.rows import PackedRows
from cl2d.engine import LocalEngine, WorkingImages
from cl2d.engine.block_size import polar_grid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from cl2d.engine import SearchSettings, Storage
    from cl2d.engine.packed_images import Block, Grid, Images
    from cl2d.io import ParticleSource
    from cl2d.preprocess import PreprocessPlan


@dataclass(frozen=True, eq=False)
class Job:
    """A run as its workers know it; small, for it travels with every task.

    Attributes
    ----------
    name : str
        Tells the images of this run from those of all others. That of a subset begins with the
        name of the whole and a slash.
    open_source : callable
        Opens the particles anew, from files that all workers see. A function of a module, or a
        ``functools.partial`` of one, as it is pickled.
    fingerprint : str
        That of the particles: a worker that sees others refuses.
    n_images : int
        Particles that are meant.
    plan : PreprocessPlan
    search : SearchSettings
    storage : Storage
        How each worker keeps its coefficients.
    simd_level : str
        Kernels that all workers can run.
    keeps_images : bool
        Whether workers hold the working images as well, for correntropy.
    rows : PackedRows, optional
        The particles of the source that are meant; all by default.
    """

    name: str
    open_source: Callable[[], ParticleSource]
    fingerprint: str
    n_images: int
    plan: PreprocessPlan
    search: SearchSettings
    storage: Storage
    simd_level: str
    keeps_images: bool = False
    rows: PackedRows | None = None

    @property
    def pixels_per_working_px(self) -> float:
        """Pixels of the input box in one working pixel."""
        return self.plan.box_px / self.plan.working_box_px

    @property
    def grid(self) -> Grid:
        """The polar grid of all images."""
        plan = self.plan
        return polar_grid(plan.working_box_px, plan.k_min, plan.k_max, plan.mask_radius_px)

    def subset(self, rows: npt.NDArray[np.intp]) -> Job:
        """Return a new job of some of the images."""
        of_source = rows if self.rows is None else self.rows.unpacked()[rows]
        name = f"{self.name}/{uuid.uuid4().hex}"
        return replace(self, name=name, n_images=len(rows), rows=PackedRows.of(of_source))

    def engine(
        self,
        blocks: Sequence[Block],
        usable: npt.NDArray[np.bool_],
        n_threads: int,
        storage: Storage,
        images: Sequence[Images] | None = None,
    ) -> LocalEngine:
        """Return an engine of blocks of this run, and of the working images if there are any."""
        return LocalEngine(
            blocks,
            usable,
            self.search,
            self.pixels_per_working_px,
            n_threads,
            working_images=None if images is None else self.working_images(images, n_threads),
            storage=storage,
        )

    def working_images(self, blocks: Sequence[Images], n_threads: int) -> WorkingImages:
        """Return blocks of working images for comparison in real space."""
        return WorkingImages(blocks, self.plan.mask_radius_px, n_threads)
