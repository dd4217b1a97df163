"""Cutting a class in two, and what that is worth to its members."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cl2d.engine import evenly_spread
from cl2d.levels.halves import (
    TotalGain,
    clearly_better,
    held_out_gains,
    least_gain,
    total_gain,
)
from cl2d.levels.realigned import realigned_halves
from cl2d.levels.two_groups import two_group_evidence

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.options import LevelOptions
    from cl2d.results import Poses

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
    """Two halves of (a sample of) a class, and what two averages are worth to all its members.

    Attributes
    ----------
    gain : TotalGain
    rows : (n,) images that were looked at
    in_first : (n,) bool
    poses : of these images, each in the frame of its half
    """

    gain: TotalGain
    rows: Rows
    in_first: Half
    poses: Poses

    @property
    def first(self) -> Rows:
        """The images of the first half."""
        return self.rows[self.in_first]

    @property
    def second(self) -> Rows:
        """The images of the second half."""
        return self.rows[~self.in_first]

    @property
    def priority(self) -> float:
        """What a member surely gains: large for a class of several views, however small."""
        return self.gain.at_least / self.gain.n_members

    def put_poses(self, poses: Poses) -> None:
        """Give the images their poses in the halves, in place."""
        poses.put(self.rows, self.poses)


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
    realigned : bool
        Whether members are aligned anew (:mod:`cl2d.levels.realigned`) where that may tell more of
        a class that might hold two views.
    """

    split_by: str
    min_class_percent: float
    smallest_half: int = 1
    realigned: bool = False

    def fewest(self, n_members: int) -> int:
        """Return how many members either half must have."""
        return max(self.smallest_half, int(self.min_class_percent / 200 * n_members))


def cut_rule(options: LevelOptions) -> CutRule:
    """Return the rule by which a run cuts its classes where they grow."""
    smallest = SMALLEST_CLASS if options.automatic else 1
    return CutRule(options.split_by, options.min_class_percent, smallest)


def judging_rule(rule: CutRule) -> CutRule:
    """Return the rule by which it is judged whether classes hold two views."""
    return replace(rule, realigned=True)


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
    return cuts_of_groups(engine, [rows], fitted, rule)[0]


def find_cuts(engine: Engine, fitted: Fitted, n_classes: int, rule: CutRule) -> dict[int, Cut]:
    """Return the cut of each class that has members enough to be judged."""
    groups = {k: np.flatnonzero(fitted.labels == k) for k in range(n_classes)}
    judged = {k: rows for k, rows in groups.items() if len(rows) >= FEWEST_MEMBERS}
    cuts = cuts_of_groups(engine, list(judged.values()), fitted, rule)
    return dict(zip(judged, cuts, strict=True))


def cuts_of_groups(engine: Engine, groups: list[Rows], fitted: Fitted, rule: CutRule) -> list[Cut]:
    """Return the cut of each of some groups of two images at least."""
    samples = [evenly_spread(rows, SAMPLE_MEMBERS) for rows in groups]
    items = [
        _ToCut(fitted.poses.take(sample), fitted.scores[sample], len(rows), rule)
        for sample, rows in zip(samples, groups, strict=True)
    ]
    found = engine.each(_halves_of, list(zip(samples, items, strict=True)))
    return [
        Cut(halves.gain, sample, halves.in_first, halves.poses)
        for sample, halves in zip(samples, found, strict=True)
    ]


@dataclass(frozen=True)
class _ToCut:
    """What the cut of a class needs beside the images of its sample: their poses and scores."""

    poses: Poses
    scores: npt.NDArray[np.float32]
    n_members: int
    rule: CutRule


@dataclass(frozen=True)
class _CutSample:
    """A cut, whatever the rows of the sample."""

    gain: TotalGain
    in_first: Half
    poses: Poses


def _halves_of(sample: Engine, item: _ToCut) -> _CutSample:
    """Return the cut of a class by a sample of its members, as :func:`find_cut` does it."""
    rule, poses = item.rule, item.poses
    members = sample.aligned_members(np.arange(sample.n_images), poses)
    by_fit = rule.split_by == "fit"
    first = fit_half(item.scores) if by_fit else component_half(sample, poses, rule)
    gains = held_out_gains(members, first, sample.n_independent)
    if rule.split_by == "better":
        half = fit_half(item.scores)
        gains_by_fit = held_out_gains(members, half, sample.n_independent)
        if clearly_better(gains_by_fit, gains):
            first, gains = half, gains_by_fit
    plain = total_gain(gains, item.n_members)
    if rule.realigned and plain.at_most > 0:
        found = realigned_halves(sample, poses, first, rule.fewest(sample.n_images))
        if found is not None and clearly_better(found[1], gains):
            halves, gains = found
            first, poses = halves.in_first, halves.poses
    edge = least_gain(item.n_members, float(first.mean()), float(item.scores.mean()))
    return _CutSample(total_gain(gains, item.n_members, edge), first, poses)


def component_half(members: Engine, poses: Poses, rule: CutRule) -> Half:
    """Return who is in the first of two groups along the leading component.

    Either half gets at least as many members as the rule says, by moving the cut.
    """
    n_members = members.n_images
    component = members.component(np.arange(n_members), poses)
    order = np.argsort(component.scores, kind="stable")
    _, size = two_group_evidence(component.scores[order].astype(np.float64))
    fewest = rule.fewest(n_members)
    return _first_of(order, int(np.clip(size, fewest, n_members - fewest)))


def fit_half(scores: npt.NDArray[np.float32]) -> Half:
    """Return the worse fitting half of images with these scores."""
    return _first_of(np.argsort(scores, kind="stable"), len(scores) // 2)


def _first_of(order: Rows, size: int) -> Half:
    half = np.zeros(len(order), dtype=bool)
    half[order[:size]] = True
    return half
