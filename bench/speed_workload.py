"""Images, references and grids to time the engine on, and how much of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import (
    BLOCK_IMAGES,
    LastPoses,
    LocalEngine,
    SearchSettings,
    covering_radius_px,
    normalised_references,
    shift_grid,
)
from cl2d.engine.ingest import ingest
from cl2d.io import array_source
from cl2d.levels.doubt import DOUBTED_SHARE, TURNS
from cl2d.preprocess import PreprocessPlan
from cl2d.results import Poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d import _native

Row = dict[str, str | float]

# What automatic plans come to: the mask fills the box, and the shift limit is the default.
K_MIN = 1
MASK_RADIUS = 0.475
MAX_SHIFT = 0.1
TILE = 16


@dataclass(frozen=True)
class Grid:
    """Sizes of a run: box of the input, working box, last ring, mask in boxes."""

    box_px: int
    working_box_px: int
    k_max: int
    mask_radius: float = MASK_RADIUS

    def __str__(self) -> str:
        return f"{self.working_box_px}/{self.k_max}"


@dataclass(frozen=True)
class Effort:
    """How much is timed."""

    grids: tuple[Grid, ...]
    n_images: int
    n_references: int
    classes: tuple[int, ...]
    repeats: int
    fast_repeats: int = 5
    block_share: int = 1  # of the images of a block, where one is timed whole


# The third comes to 21 rings of 128 angles, which no automatic plan does.
GRIDS = (Grid(64, 28, 12), Grid(128, 48, 20), Grid(64, 64, 21, 30 / 64), Grid(256, 64, 28))
BLOCK_PIXELS = 1 << 26
"""Pixels of a block of images at most."""
FULL = Effort(GRIDS, n_images=512, n_references=8, classes=(4, 16, 64, 256), repeats=7)
QUICK = Effort(GRIDS[:1], n_images=128, n_references=4, classes=(4, 16), repeats=5, block_share=8)


def n_shifts_of(grid: Grid) -> int:
    """Return the number of shifts that are searched on a grid."""
    covering_px = covering_radius_px(grid.working_box_px, grid.k_max)
    return len(shift_grid(MAX_SHIFT * grid.working_box_px, covering_px))


def images_of_a_block(grid: Grid, effort: Effort) -> int:
    """Return the images of a whole block, fewer where these would take too much memory."""
    n_images = min(BLOCK_IMAGES, BLOCK_PIXELS // grid.box_px**2)
    return max(effort.n_images, n_images // effort.block_share)


class Workload:
    """Images of noise on one grid: what they show makes no difference to the time taken."""

    def __init__(self, grid: Grid, n_images: int) -> None:
        self.grid = grid
        self.n_images = n_images
        rng = np.random.default_rng(0)
        self.images = rng.normal(size=(n_images, grid.box_px, grid.box_px)).astype(np.float32)
        self.poses = Poses(
            rng.uniform(-np.pi, np.pi, n_images),
            rng.uniform(-0.7, 0.7, (n_images, 2)) * MAX_SHIFT * grid.box_px,
            rng.random(n_images) < 0.5,
        )

    @property
    def n_tiles(self) -> int:
        """Number of tiles the images fill."""
        return -(-self.n_images // TILE)

    @cached_property
    def plan(self) -> PreprocessPlan:
        """A plan with white noise."""
        ones = np.ones(self.grid.k_max + 1)
        return PreprocessPlan(
            box_px=self.grid.box_px,
            working_box_px=self.grid.working_box_px,
            mask_radius_px=self.grid.mask_radius * self.grid.working_box_px,
            k_min=K_MIN,
            k_max=self.grid.k_max,
            noise_power=ones,
            signal_to_noise=ones,
        )

    @cached_property
    def block(self) -> _native.ImageBlock:
        """Coefficients of the images, which must fit in one block."""
        (block,) = ingest(array_source(self.images), self.plan, n_threads=1).blocks
        return block

    @cached_property
    def engine(self) -> LocalEngine:
        """The engine on these images, one thread."""
        return self.engine_on(1)

    def engine_on(self, n_threads: int) -> LocalEngine:
        """Return an engine on these images."""
        return LocalEngine(
            [self.block],
            np.ones(self.n_images, dtype=bool),
            SearchSettings(MAX_SHIFT * self.grid.box_px),
            self.grid.box_px / self.grid.working_box_px,
            n_threads=n_threads,
        )

    @cached_property
    def last_poses(self) -> LastPoses:
        """Last poses as in an iteration of a run: few images are doubted."""
        place = np.random.default_rng(1).permutation(self.n_images) / self.n_images
        return LastPoses(self.poses, place < DOUBTED_SHARE / TURNS, place < 0)

    def labels(self, n_classes: int) -> npt.NDArray[np.int32]:
        """Return the classes in turn."""
        return (np.arange(self.n_images) % n_classes).astype(np.int32)

    def references(self, n_classes: int) -> npt.NDArray[np.complex64]:
        """Return averages of the images."""
        sums = self.engine.update(self.labels(n_classes), self.poses, n_classes)
        return normalised_references(sums.sums)
