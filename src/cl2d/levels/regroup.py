"""Two classes that hold the same two views: their halves, paired anew.

Both are mixed, yet neither of the two views has a class, nor any other class a place to give. No
image gains by moving alone, and one cut through both finds nothing, as the second view lies in
another pose in either. Halves of the one are joined to halves of the other instead, where all
members gain by the two cuts more than they lose by the two joints. Only pairs are tried that differ
less than their halves do: where one view is most of one class, and the other of the other, images
find their way alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import normalised_references
from cl2d.levels.joints import find_joints
from cl2d.results import joined_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.cuts import Cut, Fitted, Rows
    from cl2d.levels.joints import Joint
    from cl2d.results import Poses

PAIRINGS = (((0, 2), (1, 3)), ((0, 3), (1, 2)))
"""Ways to join the halves of one class, 0 and 1, to those of another, 2 and 3."""


@dataclass(frozen=True)
class Regrouping:
    """Two classes whose halves are to be paired anew.

    Attributes
    ----------
    classes : the two
    cuts : of the first class and of the second
    joints : pairs of ``halves``; the first pair becomes the first class
    sure_gain : float
        What all members gain, less two standard errors of each cut and joint.
    """

    classes: tuple[int, int]
    cuts: tuple[Cut, Cut]
    joints: tuple[Joint, Joint]
    sure_gain: float

    @property
    def halves(self) -> tuple[Rows, Rows, Rows, Rows]:
        """Rows of the halves of the first class, then of the second."""
        return _halves(self.cuts)


@dataclass(frozen=True)
class _Halves:
    """Halves as classes."""

    labels: npt.NDArray[np.int32]
    poses: Poses
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _ToPair:
    """Samples of the halves of two classes as four classes, and how many members both have."""

    halves: _Halves
    n_members: int


def find_regroupings(
    engine: Engine, fitted: Fitted, joints: list[Joint], cuts: dict[int, Cut]
) -> list[Regrouping]:
    """Return regroupings of alike pairs that surely gain, the largest gain first.

    Parameters
    ----------
    engine : Engine
    fitted : classes, poses and scores of all images
    joints : alike pairs of classes
    cuts : of the classes that seem mixed
    """
    cut_pairs = [
        (joint, (cuts[joint.kept], cuts[joint.absorbed]))
        for joint in joints
        if joint.kept in cuts and joint.absorbed in cuts
    ]
    # Classes that differ by more than their halves do are left alone.
    tried = [pair for pair in cut_pairs if _gain(pair[1]) > pair[0].loss.total]
    found = engine.each(_paired_anew, [_to_pair(fitted, of_pair) for _, of_pair in tried])
    regroupings = [
        Regrouping((joint.kept, joint.absorbed), of_pair, pairing[0], _gain(of_pair) - pairing[1])
        for (joint, of_pair), pairing in zip(tried, found, strict=True)
        if pairing is not None
    ]
    sure = [regrouping for regrouping in regroupings if regrouping.sure_gain > 0]
    return sorted(sure, key=lambda regrouping: -regrouping.sure_gain)


def _to_pair(fitted: Fitted, cuts: tuple[Cut, Cut]) -> tuple[Rows, _ToPair]:
    """Return the images of the halves of two classes, and what is known of them."""
    looked_at = np.concatenate([cut.rows for cut in cuts])
    halves = np.concatenate([np.where(cut.in_first, 0, 1) + 2 * i for i, cut in enumerate(cuts)])
    order = np.argsort(looked_at, kind="stable")
    rows = looked_at[order]
    poses = joined_poses([cut.poses for cut in cuts]).take(order)
    as_classes = _Halves(halves[order].astype(np.int32), poses, fitted.scores[rows])
    return rows, _ToPair(as_classes, sum(cut.gain.n_members for cut in cuts))


def _paired_anew(sample: Engine, item: _ToPair) -> tuple[tuple[Joint, Joint], float] | None:
    """Return the better pairing of the halves of two classes, and what it loses at most.

    None where a half cannot be judged.
    """
    halves = item.halves
    references = normalised_references(sample.update(halves.labels, halves.poses, 4).sums)
    alike = find_joints(sample, halves, references)
    by_pair = {tuple(sorted((joint.kept, joint.absorbed))): joint for joint in alike}
    pairings = [
        (by_pair[first], by_pair[second])
        for first, second in PAIRINGS
        if first in by_pair and second in by_pair
    ]
    if not pairings:
        return None
    # Large classes are cut and joined by samples of their members.
    scale = item.n_members / sample.n_images
    losses = [scale * sum(joint.loss.at_most for joint in joints) for joints in pairings]
    best = int(np.argmin(losses))
    return pairings[best], losses[best]


def _gain(cuts: tuple[Cut, Cut]) -> float:
    """Return what two cuts surely gain."""
    return cuts[0].gain.at_least + cuts[1].gain.at_least


def _halves(cuts: tuple[Cut, Cut]) -> tuple[Rows, Rows, Rows, Rows]:
    one, other = cuts
    return one.first, one.second, other.first, other.second
