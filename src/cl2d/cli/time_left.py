"""How long a run can still take, from the iterations it has made."""

from __future__ import annotations

from dataclasses import dataclass, field

from cl2d.levels.sampled import ITERATIONS_OF_ALL, sample_size
from cl2d.levels.schedule import most_iterations, most_iterations_with
from cl2d.results import IterationReport


@dataclass
class TimeLeft:
    """Estimate of the remaining time: every level to come uses all its iterations.

    An iteration compares each of its images with each class, so its time is taken as proportional
    to their numbers, at the rate of the latest iteration. Exchanges of classes and the
    iterations that settle the unsure images, few and short, are not foreseen. Where the number of
    classes is to be found, so is that of levels, and nothing is estimated.
    """

    classes_by_level: tuple[int, ...] | None
    n_iterations: int
    images_per_class: int = 0
    n_images: int = 0
    _seconds: float | None = field(default=None, init=False)

    def update(self, report: IterationReport) -> None:
        """Take note of an iteration."""
        if self.classes_by_level is None:
            return
        # The number of all images is learnt before the first iteration, or from the first.
        n_images = max(self.n_images, report.n_images)
        rate = report.seconds / max(1, report.n_classes * report.n_images)
        # By size, not by number of the level: references decide how many classes come first.
        later = sum(
            self._comparisons(n, n_images) for n in self.classes_by_level if n > report.n_classes
        )
        last = report.n_classes == self.classes_by_level[-1]
        most_here = most_iterations_with(report, self.n_iterations, last=last)
        looks = max(0, most_here - report.iteration) * report.n_images
        if report.sampled:
            looks += ITERATIONS_OF_ALL * n_images
        self._seconds = rate * (report.n_classes * looks + later)

    def _comparisons(self, n_classes: int, n_images: int) -> int:
        """Return how often a level compares an image with a class."""
        assert self.classes_by_level is not None
        looked_at = sample_size(n_images, n_classes, self.images_per_class)
        most = most_iterations(self.n_iterations, last=n_classes == self.classes_by_level[-1])
        closing = ITERATIONS_OF_ALL * n_images if looked_at < n_images else 0
        return n_classes * (most * looked_at + closing)

    def seconds(self) -> float | None:
        """Return the seconds left after the latest iteration; None where they are not known."""
        return self._seconds
