"""Where the levels of a run have come to, so that another process can go on from there.

All that the levels know is in these records. What lies between two of them is worked out from the
images again, and comes out the same to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cl2d.engine import Assignment, ClassSums
from cl2d.levels.endpoints import LevelEnd, LevelStart
from cl2d.levels.size_control import Reseeding
from cl2d.levels.step import Step
from cl2d.results import ClassHomogeneity, IterationReport, LevelResult, Poses

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Iterating:
    """Iterations under way: the last one, and what all of them have left so far."""

    step: Step
    parents: npt.NDArray[np.int32]
    reports: tuple[IterationReport, ...]


@dataclass(frozen=True)
class Continuation:
    """Iterations that go on where others have ended, whose reports go before theirs."""

    start: LevelStart
    reports: tuple[IterationReport, ...]


@dataclass(frozen=True)
class Exchanging:
    """Exchanges or adjustments of classes under way.

    Attributes
    ----------
    end : LevelEnd, the best so far
    number : int, how many are behind
    under_way : LevelStart, optional
        What the next one has left, and is iterated from.
    of_one_view : bool, whether the classes that it joined surely show one view
    n_most : int, number of classes that adjustments may reach
    was_cut : bool, whether an adjustment has cut a class
    """

    end: LevelEnd
    number: int = 0
    under_way: LevelStart | None = None
    of_one_view: bool = False
    n_most: int = 0
    was_cut: bool = False


@dataclass(frozen=True)
class Place:
    """All that the levels need to go on from; what is None is not under way.

    Attributes
    ----------
    levels : those that are finished
    level : start of the level under way
    exchanging, adjusting : of the classes of this level, or of a sample of its images
    settling : the iterations that settle the level, or the sample
    closing : the iterations of all images after those of a sample
    ended : the end of the level, which is still to be judged
    iterating : the iterations under way, of whichever of these
    """

    levels: tuple[LevelResult, ...] = ()
    level: LevelStart | None = None
    exchanging: Exchanging | None = None
    adjusting: Exchanging | None = None
    settling: Continuation | None = None
    closing: Continuation | None = None
    ended: LevelEnd | None = None
    iterating: Iterating | None = None

    @property
    def n_iterations(self) -> int:
        """Number of iterations that are behind."""
        past = (self.exchanging, self.adjusting)
        ends = [self.ended, *(None if done is None else done.end for done in past)]
        of_level = [*ends, self.settling, self.closing, self.iterating]
        reports = [part.reports for part in of_level if part is not None]
        return sum(map(len, (*reports, *(level.iterations for level in self.levels))))


RECORDS: tuple[type, ...] = (
    *(Place, Iterating, Continuation, Exchanging, LevelStart, LevelEnd, Step, Reseeding),
    *(Assignment, ClassSums, Poses, IterationReport, LevelResult, ClassHomogeneity),
)
"""The records that a place is made of."""

OF_A_LEVEL: dict[str, None] = dict.fromkeys(
    ("exchanging", "adjusting", "settling", "closing", "ended", "iterating")
)
"""What is under way within a level: nothing, where a new one begins."""


def _not_saved(_place: Place) -> None:
    """Take the place of whoever saves, where nobody does."""


@dataclass
class Bookmark:
    """Holds the place of a run, and has it saved where another process could go on.

    Attributes
    ----------
    place : Place
        That of an earlier process to go on from, else the beginning.
    on_save : callable
        Gets the place after each iteration, and where a level begins or ends.
    """

    place: Place = field(default_factory=Place)
    on_save: Callable[[Place], None] = _not_saved

    def keep(self, **changes: Any) -> None:
        """Note what has changed, by the names of the attributes of a place."""
        self.place = replace(self.place, **changes)

    def save(self) -> None:
        """Have the place saved."""
        self.on_save(self.place)
