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
from cl2d.levels.joints import copied, find_joints

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

    def regrouping(alone: Engine, joint: Joint) -> Regrouping | None:
        return _regrouping(alone, fitted, joint, (cuts[joint.kept], cuts[joint.absorbed]))

    cut_pairs = [joint for joint in joints if joint.kept in cuts and joint.absorbed in cuts]
    found = list(engine.each(regrouping, cut_pairs))
    sure = [regrouping for regrouping in found if regrouping and regrouping.sure_gain > 0]
    return sorted(sure, key=lambda regrouping: -regrouping.sure_gain)


def _regrouping(
    engine: Engine, fitted: Fitted, pair: Joint, cuts: tuple[Cut, Cut]
) -> Regrouping | None:
    """Return the better pairing of the halves of two classes.

    None where the classes differ by more than their halves do, or a half cannot be judged.
    """
    one, other = cuts
    gain = one.gain.at_least + other.gain.at_least
    if gain <= pair.loss.total:
        return None
    halves = _halves(cuts)
    labels = np.full(engine.n_images, -1, dtype=np.int32)
    for half, rows in enumerate(halves):
        labels[rows] = half
    poses = copied(fitted.poses)
    for cut in cuts:
        cut.put_poses(poses)
    references = normalised_references(engine.update(labels, poses, len(halves)).sums)
    alike = find_joints(engine, _Halves(labels, poses, fitted.scores), references)
    by_pair = {tuple(sorted((joint.kept, joint.absorbed))): joint for joint in alike}
    pairings = [
        (by_pair[first], by_pair[second])
        for first, second in PAIRINGS
        if first in by_pair and second in by_pair
    ]
    if not pairings:
        return None
    # Large classes are cut and joined by samples of their members.
    n_members = one.gain.n_members + other.gain.n_members
    scale = n_members / sum(len(rows) for rows in halves)
    losses = [scale * sum(joint.loss.at_most for joint in joints) for joints in pairings]
    best = int(np.argmin(losses))
    return Regrouping((pair.kept, pair.absorbed), cuts, pairings[best], gain - losses[best])


def _halves(cuts: tuple[Cut, Cut]) -> tuple[Rows, Rows, Rows, Rows]:
    one, other = cuts
    return one.first, one.second, other.first, other.second
