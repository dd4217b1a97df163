"""Half-sets of every class, each aligned on its own, without sight of the other half."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import ClassicalRule, near_search, normalised_references
from cl2d.results import Poses, halved_labels, identity_poses

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.results import LevelResult

    Rows = npt.NDArray[np.intp]

SMALLEST_CLASS = 10
"""Members below which the halves of a class say nothing."""

SAMPLE_MEMBERS = 500
"""Members of a half that the first rounds look at; the last ones take all."""

SAMPLE_ROUNDS, FULL_ROUNDS = 10, 2

AT_REST = 0.995
"""Correlation of an average with the one before at which more rounds change nothing."""


def half_set_labels(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the half-set of each image: class k has the halves 2 k and 2 k + 1.

    The members of a class go to its halves in turn, in the order of the rows. Classes of fewer
    than ``SMALLEST_CLASS`` members have none (-1), like images in no class.
    """
    halves = halved_labels(labels)
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    halves[(labels >= 0) & (sizes[labels] < SMALLEST_CLASS)] = -1
    return halves


def half_set_level(
    engine: Engine, level: LevelResult, on_progress: Callable[[int], None] | None = None
) -> LevelResult:
    """Return the half-sets of a level as a level of twice as many classes, aligned anew.

    The poses found with the common average would carry it into both halves: noise aligned to one
    picture averages to that picture, and halves of pure noise agree almost perfectly. So each half
    starts from the plain average of its images as they lie, and is aligned to its own average.

    Parameters
    ----------
    engine : Engine, with the images of the level
    level : LevelResult
    on_progress : callable, optional
        Called with the number of images done.

    Returns
    -------
    LevelResult
        Class ``h`` is a half of class ``h // 2``; the averages of its images at these poses are
        the half-set averages. The two halves of a class do not lie in the same frame.
    """
    labels = half_set_labels(level.labels)
    poses = identity_poses(len(labels))
    done = 0

    def aligned(alone: Engine, half: int) -> tuple[Rows, Poses]:
        rows = np.flatnonzero(labels == half)
        return rows, reference_free_poses(alone.subset(rows))

    for rows, found in engine.each(aligned, np.unique(labels[labels >= 0]).tolist()):
        poses.put(rows, found)
        done += len(rows)
        if on_progress is not None:
            on_progress(done)
    parents = np.arange(2 * level.n_classes, dtype=np.int32) // 2
    return replace(
        level, n_classes=2 * level.n_classes, labels=labels, poses=poses, parents=parents
    )


def reference_free_poses(members: Engine) -> Poses:
    """Return poses of images aligned to their own average, starting from where they lie.

    Large sets start with a sample spread evenly over them.
    """
    n = members.n_images
    if n > SAMPLE_MEMBERS:
        rows = np.linspace(0, n - 1, SAMPLE_MEMBERS).astype(np.intp)
        sample = members.subset(rows)
    else:
        sample = members
    reference = _average(sample, identity_poses(sample.n_images))
    for _ in range(SAMPLE_ROUNDS):
        before, reference = reference, _average(sample, _aligned_to(sample, reference))
        if np.vdot(before, reference).real > AT_REST * reference.shape[2]:
            break
    poses = _aligned_to(members, reference)
    for _ in range(FULL_ROUNDS - 1):
        poses = _aligned_to(members, _average(members, poses), poses)
    return poses


def half_sizes(halves: LevelResult) -> npt.NDArray[np.int64]:
    """Return the members of both halves of each class, (n_classes, 2)."""
    return halves.class_sizes().reshape(-1, 2)


def _average(members: Engine, poses: Poses) -> npt.NDArray[np.complex64]:
    labels = np.zeros(members.n_images, dtype=np.int32)
    return normalised_references(members.update(labels, poses, 1).sums)


def _aligned_to(
    members: Engine, reference: npt.NDArray[np.complex64], near: Poses | None = None
) -> Poses:
    """Return the best poses, in a frame in which the shifts average to zero.

    They are sought near those that are given.
    """
    last = None if near is None else near_search(near)
    poses = members.assign(reference, ClassicalRule(), last=last).poses
    return Poses(poses.psi_rad, poses.shift_px - poses.shift_px.mean(axis=0), poses.mirror)
