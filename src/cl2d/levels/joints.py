"""Pairs of like classes, and what would be lost if each pair became one class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import ClassicalRule
from cl2d.levels.cuts import SAMPLE_MEMBERS
from cl2d.levels.halves import TotalGain, held_out_gains, least_gain, total_gain
from cl2d.results import Poses, composed_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.cuts import Fitted, Rows

PAIRS_PER_CLASS = 2
"""The most alike pairs that are tried for joining, for each class there is."""


@dataclass(frozen=True)
class Joint:
    """Two classes and the pose that lays the absorbed one over the kept one."""

    kept: int
    absorbed: int
    pose: Poses
    loss: TotalGain


def find_joints(
    engine: Engine,
    fitted: Fitted,
    references: npt.NDArray[np.complex64],
    only: npt.NDArray[np.bool_] | None = None,
) -> list[Joint]:
    """Return the most alike pairs of classes, those that would lose least first.

    A class of fewer than two members is in no pair.

    Parameters
    ----------
    engine : Engine
    fitted : classes, poses and scores of all images
    references : (n_classes, n_rings, n_angles / 2) complex64, the averages of these classes
    only : (n_classes,) bool, optional
        Classes of which each pair must hold one; all by default.
    """
    groups = [np.flatnonzero(fitted.labels == k) for k in range(len(references))]
    sizes = np.array([len(rows) for rows in groups])
    views = engine.of_references(references)

    def joint_of(alone: Engine, pair: tuple[int, int]) -> Joint:
        return _joint(alone, fitted, references, (groups, views), pair)

    found = engine.each(joint_of, _alike_pairs(views, references, sizes, only))
    return sorted(found, key=lambda joint: joint.loss.at_most)


def put_joint(poses: Poses, joint: Joint, moved: Rows) -> None:
    """Give the absorbed members their poses in the frame of the class that is kept, in place."""
    poses.put(moved, composed_poses(joint.pose, poses.take(moved)))


def copied(poses: Poses) -> Poses:
    """Return poses that may be changed in place."""
    return Poses(poses.psi_rad.copy(), poses.shift_px.copy(), poses.mirror.copy())


def _alike_pairs(
    views: Engine,
    references: npt.NDArray[np.complex64],
    sizes: npt.NDArray[np.intp],
    only: npt.NDArray[np.bool_] | None,
) -> list[tuple[int, int]]:
    """Return pairs of classes, the more alike first and the larger class of each pair first."""
    n_classes = len(references)
    found = views.assign(references, ClassicalRule(), sample=np.arange(n_classes))
    assert found.sampled_scores is not None
    scores = np.maximum(found.sampled_scores, found.sampled_scores.T)
    first, second = np.triu_indices(n_classes, 1)
    judged = np.minimum(sizes[first], sizes[second]) >= 2
    n_pairs = PAIRS_PER_CLASS * n_classes
    if only is not None:
        judged &= only[first] | only[second]
        n_pairs = PAIRS_PER_CLASS * int(only.sum())
    first, second = first[judged], second[judged]
    order = np.argsort(-scores[first, second], kind="stable")[:n_pairs]
    swap = sizes[first] < sizes[second]
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    return [(int(first[i]), int(second[i])) for i in order]


def _joint(
    engine: Engine,
    fitted: Fitted,
    references: npt.NDArray[np.complex64],
    classes: tuple[list[Rows], Engine],
    pair: tuple[int, int],
) -> Joint:
    """Lay one class over another, and find what one average of both would lose."""
    (groups, views), (kept, absorbed) = classes, pair
    pose = (
        views.subset(np.array([absorbed]))
        .assign(references[kept : kept + 1], ClassicalRule())
        .poses
    )
    n_members = len(groups[kept]) + len(groups[absorbed])
    share = min(1.0, SAMPLE_MEMBERS / n_members)
    still, moving = _evenly(groups[kept], share), _evenly(groups[absorbed], share)
    moved = composed_poses(pose, fitted.poses.take(moving))
    members = np.concatenate(
        [
            engine.aligned_members(still, fitted.poses.take(still)),
            engine.aligned_members(moving, moved),
        ]
    )
    gains = held_out_gains(members, np.arange(len(members)) < len(still), engine.n_independent)
    score = float(fitted.scores[np.concatenate([still, moving])].mean())
    edge = least_gain(n_members, len(groups[kept]) / n_members, score)
    return Joint(kept, absorbed, pose, total_gain(gains, n_members, edge))


def _evenly(rows: Rows, share: float) -> Rows:
    """Return a share of some rows, evenly spread, two at least."""
    count = max(2, int(share * len(rows)))
    return rows[np.linspace(0, len(rows) - 1, count).astype(np.intp)]
