"""What levels do alone with the labels and poses of many images: the engine does nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.engine import Assignment, ClassSums
from cl2d.levels import run_levels
from cl2d.options import LevelOptions
from cl2d.results import IterationReport, Poses

if TYPE_CHECKING:
    import numpy.typing as npt

FEW_IMAGES, MANY_IMAGES = 1 << 18, 1 << 21
CLASSES = 8
RING_SHAPE = (12, 40)
MOVING_SHARE = 0.02
ITERATIONS, LEFT_OUT = 7, 2


class EnoughError(Exception):
    """Ends a run whose iterations have been timed."""


@dataclass(frozen=True, eq=False)
class IdleEngine:
    """An engine whose answers are there before it is asked; labels of a few images change."""

    answers: tuple[Assignment, Assignment]
    sums: ClassSums
    asked: list[int]

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self.answers[0].labels)

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """All of them."""
        return np.ones(self.n_images, dtype=bool)

    @property
    def n_independent(self) -> int:
        """Number of independent numbers in the noise of an image."""
        return 2 * int(np.prod(RING_SHAPE))

    def assign(self, *_: Any, **__: Any) -> Assignment:
        """Return one answer or the other."""
        self.asked.append(1)
        return self.answers[len(self.asked) % 2]

    def update(self, *_: Any) -> ClassSums:
        """Return the same sums each time."""
        return self.sums

    def averages(self, *_: Any) -> None:
        """Return None."""


def idle_engine(n_images: int) -> IdleEngine:
    """Return such an engine."""
    rng = np.random.default_rng(0)
    poses = Poses(
        rng.uniform(-np.pi, np.pi, n_images),
        rng.normal(size=(n_images, 2)),
        rng.random(n_images) < 0.5,
    )
    labels = rng.integers(0, CLASSES, n_images).astype(np.int32)
    others = np.where(rng.random(n_images) < MOVING_SHARE, (labels + 1) % CLASSES, labels)
    values = [rng.random(n_images, dtype=np.float32) for _ in range(3)]
    first = Assignment(labels, poses, *values, fast=True)
    second = replace(first, labels=others.astype(np.int32))
    shape = (CLASSES, *RING_SHAPE)
    sums = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    counts = np.bincount(labels, minlength=CLASSES)
    return IdleEngine((first, second), ClassSums(sums, counts), [])


def image_seconds() -> float:
    """Return the processor time of an iteration for each image, beside engine and messages."""
    few, many = (iteration_seconds(n) for n in (FEW_IMAGES, MANY_IMAGES))
    return max(0.0, (many - few) / (MANY_IMAGES - FEW_IMAGES))


def iteration_seconds(n_images: int) -> float:
    """Return the processor time of an iteration, the least of some."""
    found: list[float] = []

    def note(event: object) -> None:
        if isinstance(event, IterationReport):
            found.append(time.process_time())
            if len(found) == ITERATIONS:
                raise EnoughError

    options = LevelOptions(
        classes=CLASSES, initial_classes=CLASSES, images_per_class=0, min_change_percent=0
    )
    engine: Any = idle_engine(n_images)
    try:
        run_levels(engine, options, note, fast=True)
    except EnoughError:
        return float(np.diff(found)[LEFT_OUT:].min())
    message = f"there must be {ITERATIONS} iterations, not {len(found)}"
    raise RuntimeError(message)
