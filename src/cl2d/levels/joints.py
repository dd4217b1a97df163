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
    classes = [np.flatnonzero(fitted.labels == k) for k in range(len(references))]
    sizes = np.array([len(rows) for rows in classes])
    pairs = _alike_pairs(engine.of_references(references), references, sizes, only)
    groups = [_to_join(fitted, classes, references, pair) for pair in pairs]
    found = [
        Joint(kept, absorbed, pose, loss)
        for (kept, absorbed), (pose, loss) in zip(pairs, engine.each(_joined, groups), strict=True)
    ]
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


@dataclass(frozen=True)
class _ToJoin:
    """What the joint of two classes needs beside the images of samples of them.

    Attributes
    ----------
    references : (2, n_rings, n_angles / 2) complex64, of the kept class and the absorbed one
    poses : of the sampled images, ``n_still`` of the kept class before those of the other
    n_still : int
    sizes : members of both classes
    score : float, mean score of the sampled images
    """

    references: npt.NDArray[np.complex64]
    poses: Poses
    n_still: int
    sizes: tuple[int, int]
    score: float


def _to_join(
    fitted: Fitted,
    classes: list[Rows],
    references: npt.NDArray[np.complex64],
    pair: tuple[int, int],
) -> tuple[Rows, _ToJoin]:
    """Return a sample of two classes, and what is known of them."""
    still, moving = (classes[k] for k in pair)
    sizes = len(still), len(moving)
    share = min(1.0, SAMPLE_MEMBERS / sum(sizes))
    still, moving = _evenly(still, share), _evenly(moving, share)
    rows = np.concatenate([still, moving])
    score = float(fitted.scores[rows].mean())
    pair_of = references[list(pair)]
    return rows, _ToJoin(pair_of, fitted.poses.take(rows), len(still), sizes, score)


def _joined(sample: Engine, item: _ToJoin) -> tuple[Poses, TotalGain]:
    """Lay one class over another, and find what one average of both would lose."""
    kept, absorbed = item.references[:1], item.references[1:]
    pose = sample.of_references(absorbed).assign(kept, ClassicalRule()).poses
    poses = copied(item.poses)
    moving = np.arange(item.n_still, sample.n_images)
    poses.put(moving, composed_poses(pose, poses.take(moving)))
    members = sample.aligned_members(np.arange(sample.n_images), poses)
    in_kept = np.arange(len(members)) < item.n_still
    gains = held_out_gains(members, in_kept, sample.n_independent)
    n_members = sum(item.sizes)
    edge = least_gain(n_members, item.sizes[0] / n_members, item.score)
    return pose, total_gain(gains, n_members, edge)


def _evenly(rows: Rows, share: float) -> Rows:
    """Return a share of some rows, evenly spread, two at least."""
    count = max(2, int(share * len(rows)))
    return rows[np.linspace(0, len(rows) - 1, count).astype(np.intp)]
