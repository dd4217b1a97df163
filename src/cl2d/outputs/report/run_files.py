"""What the page is made from: the tables, arrays and pictures that a run has written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io import read_stack, read_star
from cl2d.io.npz import read_npz
from cl2d.outputs.evaluation import SELECTED_COLUMN
from cl2d.outputs.folder import (
    CLASS_AVERAGES,
    CLASS_TABLE,
    HIERARCHY,
    LEVEL_CURVES,
    LEVEL_PARTICLES,
    LEVELS,
)
from cl2d.outputs.own_folders import level_name
from cl2d.outputs.tables import CLASS_BLOCK

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io import StarBlock

    Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RunFiles:
    """The files of a finished run, each read when it is first asked for.

    Attributes
    ----------
    folder : Path
    record : what run.json says, or is about to say
    """

    folder: Path
    record: dict[str, Any]

    @cached_property
    def classes(self) -> StarBlock:
        """The class table of the last level."""
        return read_star(self.folder / CLASS_TABLE)[CLASS_BLOCK]

    @cached_property
    def tree(self) -> list[dict[str, Any]]:
        """Levels, classes and flows of hierarchy.json."""
        text = (self.folder / HIERARCHY).read_text(encoding="utf-8")
        levels: list[dict[str, Any]] = json.loads(text)["levels"]
        return levels

    @cached_property
    def particles(self) -> dict[str, npt.NDArray[Any]]:
        """What the last level says of each particle."""
        return read_npz(self._last_level / LEVEL_PARTICLES)

    @cached_property
    def curves(self) -> dict[str, npt.NDArray[Any]] | None:
        """Curves of the evaluation of the last level; None without one."""
        path = self._last_level / LEVEL_CURVES
        return read_npz(path) if self.evaluated and path.is_file() else None

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Class of each particle at the last level from 0; -1: in none."""
        labels: npt.NDArray[np.int64] = self.particles["class_number"].astype(np.int64) - 1
        return labels

    @property
    def n_classes(self) -> int:
        """Number of classes of the last level."""
        return self.classes.n_rows

    @property
    def evaluated(self) -> bool:
        """Whether resolution and quality of the classes are known."""
        return SELECTED_COLUMN in self.classes

    @property
    def has_cores(self) -> bool:
        """Whether cores were found."""
        return "is_core" in self.particles

    @property
    def pixel_size_angstrom(self) -> float | None:
        """Sampling of images and averages; None: not known."""
        size: float | None = self.record["input"]["pixel_size_angstrom"]
        return size

    @property
    def box_px(self) -> int:
        """Side of images and averages."""
        return int(self.record["input"]["box_px"])

    @property
    def mask_radius_px(self) -> float | None:
        """Radius of the mask in pixels of the input."""
        radius: float | None = self.record["automatic"]["mask_radius_px"]
        return radius

    def numbers(self, column: str) -> Numbers:
        """Return a column of the class table as numbers."""
        return np.atleast_1d(self.classes.numbers(column))

    def averages(self, name: str = CLASS_AVERAGES) -> npt.NDArray[np.float32] | None:
        """Return one of the stacks of averages, None where the run has none."""
        path = self.folder / name
        return read_stack(path) if path.is_file() else None

    def level_averages(self, level: int) -> npt.NDArray[np.float32]:
        """Return the averages of a level."""
        return read_stack(self._level(level) / CLASS_AVERAGES)

    @property
    def _last_level(self) -> Path:
        return self._level(int(self.tree[-1]["level"]))

    def _level(self, level: int) -> Path:
        return self.folder / LEVELS / level_name(level)
