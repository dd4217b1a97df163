"""How long a run can still take, from the iterations it has made."""

from __future__ import annotations

from dataclasses import dataclass, field

from cl2d.levels.schedule import most_iterations, most_iterations_with
from cl2d.results import IterationReport


@dataclass
class TimeLeft:
    """Estimate of the remaining time: every level to come uses all its iterations.

    An iteration compares each image with each class, so its time is taken as proportional to
    the number of classes, at the rate of the latest iteration. Exchanges of classes and the
    iterations that settle the unsure images, few and short, are not foreseen. Where the number of
    classes is to be found, so is that of levels, and nothing is estimated.
    """

    classes_by_level: tuple[int, ...] | None
    n_iterations: int
    _seconds: float | None = field(default=None, init=False)

    def update(self, report: IterationReport) -> None:
        """Take note of an iteration."""
        if self.classes_by_level is None:
            return
        rate = report.seconds / max(1, report.n_classes)
        most = {
            n: most_iterations(self.n_iterations, last=n == self.classes_by_level[-1])
            for n in self.classes_by_level
        }
        # By size, not by number of the level: references decide how many classes come first.
        later = sum(n * most[n] for n in self.classes_by_level if n > report.n_classes)
        last = report.n_classes == self.classes_by_level[-1]
        most_here = most_iterations_with(report, self.n_iterations, last=last)
        here = report.n_classes * max(0, most_here - report.iteration)
        self._seconds = rate * (here + later)

    def seconds(self) -> float | None:
        """Return the seconds left after the latest iteration; None where they are not known."""
        return self._seconds
