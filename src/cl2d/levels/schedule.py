"""How many classes each level has, and how many iterations it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl2d.levels.sampled import ITERATIONS_OF_ALL

if TYPE_CHECKING:
    from cl2d.results import IterationReport


def level_schedule(initial_classes: int, classes: int) -> list[int]:
    """Return the number of classes of each level: K0, 2 K0, 4 K0, ..., K.

    The last step may be partial; with ``initial_classes >= classes`` there is one level.
    """
    schedule = [min(initial_classes, classes)]
    while schedule[-1] < classes:
        schedule.append(min(2 * schedule[-1], classes))
    return schedule


def most_iterations(iterations: int, *, last: bool) -> int:
    """Return the most iterations of a level: twice as many for the last one and for settling.

    A rare or weak view gathers its images one by one, a few more the better its average gets.
    """
    return 2 * iterations if last else iterations


def most_iterations_with(report: IterationReport, iterations: int, *, last: bool) -> int:
    """Return the most iterations of those that count together with a reported one.

    They count anew after an exchange and for settling; ``last`` says of what levels they are else.
    """
    if report.closing:
        return ITERATIONS_OF_ALL
    again = report.exchange > 0 or report.settling
    return most_iterations(iterations, last=report.settling if again else last)
