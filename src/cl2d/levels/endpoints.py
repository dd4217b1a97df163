"""What the iterations of a level start from, and what they end with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cl2d.engine import Assignment
    from cl2d.results import IterationReport


@dataclass(frozen=True)
class LevelStart:
    """What a level starts from.

    Attributes
    ----------
    level : int
    references : (n_classes, n_rings, n_angles / 2) complex64
    parents : (n_classes,) int32, classes of the level before; -1 at level 0
    given : bool
        Whether the references are the user's own views. A view few images show is kept then, and
        one that none shows stays as it was given.
    exchange : int, how many exchanges of classes went before
    last : bool
        Whether this is the last level, which may go on for longer.
    settling : (n_classes,) bool, optional
        Classes whose averages are made of the members that are sure of them; of all by default.
    before : Assignment, optional
        Of all images, to the classes before: where a fast search begins.
    closing : int, optional
        The number of iterations, which then refill no class: all that matters has been done on a
        sample of the images. Without it as many are made as it takes.
    """

    level: int
    references: npt.NDArray[np.complex64]
    parents: npt.NDArray[np.int32]
    given: bool = False
    exchange: int = 0
    last: bool = False
    settling: npt.NDArray[np.bool_] | None = None
    before: Assignment | None = None
    closing: int | None = None

    def take(self, rows: npt.NDArray[np.intp]) -> LevelStart:
        """Return the start of the same level of some of the images."""
        before = None if self.before is None else self.before.take(rows)
        return replace(self, before=before)


@dataclass(frozen=True)
class LevelEnd:
    """The last assignment of a level, its poses centred, and how it came about.

    Attributes
    ----------
    assignment : Assignment
    parents : (n_classes,) int32
    reports : of all iterations
    kept : (n_classes,) intp, classes that are left where empty ones were dropped
    settling : (n_classes,) bool, as of the start of the last iterations
    """

    assignment: Assignment
    parents: npt.NDArray[np.int32]
    reports: tuple[IterationReport, ...]
    kept: npt.NDArray[np.intp] | None = None
    settling: npt.NDArray[np.bool_] | None = None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.parents)

    @property
    def mean_score(self) -> float:
        """Mean score of all images that are in a class."""
        return self.reports[-1].mean_score
