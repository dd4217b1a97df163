"""A finished run made by hand: what the writers need, and nothing computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cl2d.options import ClassifyOptions
from cl2d.outputs.averages import raw_averages
from cl2d.preprocess import CONSTANT, NOT_FINITE, USABLE, PreprocessPlan

if TYPE_CHECKING:
    from cl2d.cores import LevelCores
    from cl2d.evaluate import LevelEvaluation
    from cl2d.io import ParticleSource
    from cl2d.results import LevelResult


REASONS = (NOT_FINITE, CONSTANT)
"""Why the first images in no class are flagged."""


@dataclass
class FinishedClassification:
    """The fields of a classification that are written."""

    source: ParticleSource
    levels: list[LevelResult]
    level_averages: list[npt.NDArray[np.float32]]
    averages: npt.NDArray[np.float32]
    flags: npt.NDArray[np.uint8]
    plan: PreprocessPlan
    options: ClassifyOptions = field(default_factory=ClassifyOptions)
    timings: dict[str, float] = field(default_factory=lambda: {"align": 1.0})
    warnings: tuple[str, ...] = ()
    evaluations: tuple[LevelEvaluation, ...] = ()
    cores: tuple[LevelCores, ...] = ()
    core_averages: None = None
    stable_core_averages: None = None
    rejected: None = None
    memory: None = None
    cluster: None = None


def plan_for(source: ParticleSource) -> PreprocessPlan:
    """Return a plan for images of some source: a working box of 32 px, white noise."""
    return PreprocessPlan(
        box_px=source.box_px,
        working_box_px=32,
        mask_radius_px=14.0,
        k_min=1,
        k_max=12,
        noise_power=np.ones(13),
        signal_to_noise=np.ones(13),
        resolution_angstrom=None,
        pixel_size_angstrom=source.pixel_size_angstrom,
        contrast="white",
        warnings=(),
    )


def finished(
    source: ParticleSource, levels: list[LevelResult], **options: Any
) -> FinishedClassification:
    """Return a run of some levels with its averages; images in no class are flagged."""
    level_averages = raw_averages(source, levels, 1)
    flags = np.full(source.n_images, USABLE, dtype=np.uint8)
    for row, flag in zip(np.flatnonzero(levels[-1].labels < 0), REASONS, strict=False):
        flags[row] = flag
    plan = plan_for(source)
    chosen = ClassifyOptions.from_flat(**options)
    return FinishedClassification(
        source, levels, level_averages, level_averages[-1], flags, plan, chosen
    )
