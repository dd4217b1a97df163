"""Splitting classes: which to cut in two, and along what."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cl2d.engine import normalised_references
from cl2d.levels.halves import (
    TotalGain,
    clearly_better,
    held_out_gains,
    least_gain,
    total_gain,
)
from cl2d.levels.two_groups import two_group_evidence

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.options import LevelOptions
    from cl2d.results import LevelResult, Poses

    Rows = npt.NDArray[np.intp]
    Half = npt.NDArray[np.bool_]

SAMPLE_MEMBERS = 1000
"""Members looked at when a class is judged or cut; the next iteration assigns all of them."""

SMALLEST_CLASS = 10
"""Members below which a group is no class where the number of classes is found automatically."""

FEWEST_MEMBERS = 2 * SMALLEST_CLASS
"""Members below which a cut is not judged: the held-out half of them says nothing."""


class Fitted(Protocol):
    """Classes, poses and scores of all images: an assignment, or the result of a level."""

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """Class of each image, -1 for none."""

    @property
    def poses(self) -> Poses:
        """Pose of each image in its class."""

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """Score of each image in its class."""


@dataclass(frozen=True)
class Cut:
    """Two halves of (a sample of) a class, and what two averages are worth to all its members."""

    gain: TotalGain
    first: Rows
    second: Rows

    @property
    def priority(self) -> float:
        """What a member surely gains: large for a class of several views, however small."""
        return self.gain.at_least / self.gain.n_members


@dataclass(frozen=True)
class Growth:
    """References of a larger number of classes, and the class each came from."""

    references: npt.NDArray[np.complex64]
    parents: npt.NDArray[np.int32]


@dataclass(frozen=True)
class CutRule:
    """How a class is cut in two.

    Attributes
    ----------
    split_by : "component", "fit" or "better"
    min_class_percent : float
        Share of the mean class below which a class counts as small. Half of it is the share of a
        class below which a half is not taken but filled up: a few odd images are no class.
    smallest_half : int
        Members that a half must have in any case.
    """

    split_by: str
    min_class_percent: float
    smallest_half: int = 1

    def fewest(self, n_members: int) -> int:
        """Return how many members either half must have."""
        return max(self.smallest_half, int(self.min_class_percent / 200 * n_members))


def cut_rule(options: LevelOptions) -> CutRule:
    """Return the rule by which a run cuts its classes."""
    smallest = SMALLEST_CLASS if options.automatic else 1
    return CutRule(options.split_by, options.min_class_percent, smallest)


def find_cut(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Cut the members of a class along the leading component, or as CL2D at the median score.

    With the rule "better" the cut by the scores is kept if its halves fit held-out members clearly
    better (:func:`held_out_gains`), by two standard errors, else that along the component.

    The judges had a part in the component, not in the averages. With many more coefficients than
    members that favours a cut of noise by less than the error; components of half the members
    would be free of it, but too noisy to find the views of small classes.

    Parameters
    ----------
    engine : Engine
    rows : (n,) images of the class, n >= 2; at most ``SAMPLE_MEMBERS``, evenly spread, are used
    fitted : poses and scores of all images of the engine
    rule : CutRule
    """
    n_members = len(rows)
    if n_members > SAMPLE_MEMBERS:
        rows = rows[np.linspace(0, n_members - 1, SAMPLE_MEMBERS).astype(np.intp)]
    members = engine.aligned_members(rows, fitted.poses.take(rows))
    by_fit = fit_half(rows, fitted)
    gains_by_fit = held_out_gains(members, by_fit, engine.n_independent)
    if rule.split_by == "fit":
        return _cut(rows, by_fit, gains_by_fit, fitted, n_members)
    first = component_half(engine, rows, fitted, rule)
    gains = held_out_gains(members, first, engine.n_independent)
    if rule.split_by == "better" and clearly_better(gains_by_fit, gains):
        first, gains = by_fit, gains_by_fit
    return _cut(rows, first, gains, fitted, n_members)


def _cut(
    rows: Rows, first: Half, gains: npt.NDArray[np.float64], fitted: Fitted, n_members: int
) -> Cut:
    edge = least_gain(n_members, float(first.mean()), float(fitted.scores[rows].mean()))
    return Cut(total_gain(gains, n_members, edge), rows[first], rows[~first])


def component_half(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Half:
    """Return who is in the first of two groups along the leading component.

    Either half gets at least as many members as the rule says, by moving the cut.
    """
    component = engine.component(rows, fitted.poses.take(rows))
    order = np.argsort(component.scores, kind="stable")
    _, size = two_group_evidence(component.scores[order].astype(np.float64))
    fewest = rule.fewest(len(rows))
    return _first_of(order, int(np.clip(size, fewest, len(rows) - fewest)))


def fit_half(rows: Rows, fitted: Fitted) -> Half:
    """Return the worse fitting half of some images."""
    return _first_of(np.argsort(fitted.scores[rows], kind="stable"), len(rows) // 2)


def _first_of(order: Rows, size: int) -> Half:
    half = np.zeros(len(order), dtype=bool)
    half[order[:size]] = True
    return half


class CutQueue:
    """Groups of images and the ways to cut them, first where held-out members gain most.

    A half can be cut again at once, so a class of five views is not held back by the number of
    cuts its siblings need.
    """

    def __init__(
        self, engine: Engine, fitted: Fitted, rule: CutRule, fewest_members: int = 2
    ) -> None:
        self._engine = engine
        self._fitted = fitted
        self._rule = rule
        self._fewest_members = fewest_members
        self._queue: list[tuple[float, int, Cut]] = []

    def add(self, slot: int, rows: Rows) -> None:
        """Propose the images of a class, unless they are too few; one alone cannot be cut."""
        if len(rows) >= self._fewest_members:
            cut = find_cut(self._engine, rows, self._fitted, self._rule)
            heapq.heappush(self._queue, (-cut.priority, slot, cut))

    def best_gain(self) -> TotalGain | None:
        """Return what the best cut is worth; None if there is none."""
        return self._queue[0][2].gain if self._queue else None

    def pop(self, *, only_if_sure: bool = False) -> tuple[int, Cut] | None:
        """Return the best cut and the class it is of; None if there is none, or no sure one."""
        if not self._queue or (only_if_sure and self._queue[0][0] >= 0):
            return None
        _, slot, cut = heapq.heappop(self._queue)
        return slot, cut


def grow_classes(
    engine: Engine,
    last: LevelResult,
    n_wanted: int,
    rule: CutRule,
) -> Growth:
    """Split the classes of a level, the most surely mixed first, until there are ``n_wanted``.

    Classes keep their numbers, the second half of a cut gets the next free one. Where nothing is
    left to cut (classes of one image) the remaining references are zero.
    """
    groups = [np.flatnonzero(last.labels == k) for k in range(last.n_classes)]
    parents = list(range(last.n_classes))
    queue = CutQueue(engine, last, rule)
    for slot, rows in enumerate(groups):
        queue.add(slot, rows)
    while len(groups) < n_wanted and (best := queue.pop()) is not None:
        slot, cut = best
        groups[slot] = cut.first
        groups.append(cut.second)
        parents.append(parents[slot])
        queue.add(slot, cut.first)
        queue.add(len(groups) - 1, cut.second)
    parents += [0] * (n_wanted - len(parents))
    references = group_references(engine, groups, last.poses, n_wanted)
    return Growth(references, np.array(parents, dtype=np.int32))


def group_references(
    engine: Engine, groups: list[Rows], poses: Poses, n_classes: int
) -> npt.NDArray[np.complex64]:
    """Return the normalised averages of groups of images at their present poses."""
    labels = np.full(engine.n_images, -1, dtype=np.int32)
    for slot, rows in enumerate(groups):
        labels[rows] = slot
    return normalised_references(engine.update(labels, poses, n_classes).sums)
