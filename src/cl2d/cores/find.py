"""From z-scores to cores: thresholds, stable cores, and what the user should know of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cores.members import SMALLEST_JUDGED
from cl2d.cores.stable import stable_members

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from cl2d.options import CoreOptions
    from cl2d.results import LevelResult

_MOST_CLASSES_NAMED = 10


@dataclass(frozen=True, eq=False)
class LevelZscores:
    """Junk z and PCA z of every image at one level, (n,) float32.

    Both are 0 for an image in no class and for the members of a class too small to judge.
    """

    junk: npt.NDArray[np.float32]
    pca: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LevelCores:
    """Z-scores and cores of one level.

    Attributes
    ----------
    zscores : LevelZscores
    is_core : (n,) bool
    is_stable_core : (n,) bool, None if no stable cores were asked for
    """

    zscores: LevelZscores
    is_core: npt.NDArray[np.bool_]
    is_stable_core: npt.NDArray[np.bool_] | None

    def core_labels(self, level: LevelResult) -> npt.NDArray[np.int32]:
        """Return the class of each core member, -1 for every other image."""
        return np.where(self.is_core, level.labels, np.int32(-1)).astype(np.int32)

    def stable_core_labels(self, level: LevelResult) -> npt.NDArray[np.int32]:
        """Return the class of each stable-core member, -1 for every other image."""
        stable = np.zeros_like(self.is_core) if self.is_stable_core is None else self.is_stable_core
        return np.where(stable, level.labels, np.int32(-1)).astype(np.int32)


def find_cores(
    levels: Sequence[LevelResult], zscores: Sequence[LevelZscores], options: CoreOptions
) -> tuple[LevelCores, ...]:
    """Return the cores, and the stable cores if asked for, of every level.

    Parameters
    ----------
    levels : LevelResult each, from level 0
    zscores : LevelZscores of each
    options : CoreOptions
    """
    cores: list[LevelCores] = []
    core_labels: list[npt.NDArray[np.int32]] = []
    for level, z in zip(levels, zscores, strict=True):
        is_core = (
            (level.labels >= 0) & (z.junk < options.junk_zscore) & (z.pca < options.pca_zscore)
        )
        core_labels.append(np.where(is_core, level.labels, np.int32(-1)).astype(np.int32))
        stable = stable_members(core_labels, options.tolerance) if options.stable_core else None
        cores.append(LevelCores(z, is_core, stable))
    return tuple(cores)


def core_warnings(
    levels: Sequence[LevelResult], cores: Sequence[LevelCores], options: CoreOptions
) -> list[str]:
    """Return what the user should know of the cores of the last level, a sentence each."""
    last, core = levels[-1], cores[-1]
    sizes = last.class_sizes()
    n_core = np.bincount(last.labels[core.is_core], minlength=last.n_classes)
    warnings = []
    small = np.flatnonzero((sizes < SMALLEST_JUDGED) & (sizes > 0))
    if len(small):
        warnings.append(
            f"{_named(small)} of fewer than {SMALLEST_JUDGED} members cannot be judged: all of it "
            "is core"
        )
    empty = np.flatnonzero((n_core == 0) & (sizes > 0))
    if len(empty):
        warnings.append(f"the core of {_named(empty)} is empty: no member passes both z-scores")
    if core.is_stable_core is None:
        return warnings
    n_earlier = len(levels) - 1
    if n_earlier <= options.tolerance:
        warnings.append(
            f"the stable core is the whole core: a tolerance of {options.tolerance} needs at "
            f"least {options.tolerance + 2} levels, and there are {len(levels)}"
        )
    n_stable = np.bincount(last.labels[core.is_stable_core], minlength=last.n_classes)
    unstable = np.flatnonzero((n_stable == 0) & (n_core > 0))
    if len(unstable):
        warnings.append(
            f"the stable core of {_named(unstable)} is empty: its members come from different "
            "classes of the earlier levels"
        )
    return warnings


def _named(classes: npt.NDArray[np.intp]) -> str:
    """Return "class 3" or "each of classes 1, 4, 7", numbered as in files."""
    if len(classes) == 1:
        return f"class {classes[0] + 1}"
    numbers = ", ".join(str(k + 1) for k in classes[:_MOST_CLASSES_NAMED])
    more = len(classes) - _MOST_CLASSES_NAMED
    return f"each of classes {numbers}{f' and {more} more' if more > 0 else ''}"
