"""Half-sets of every class, each aligned on its own, without sight of the other half."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import ClassicalRule, evenly_spread, near_search, normalised_references
from cl2d.levels.centring import centred_poses
from cl2d.results import Poses, halved_labels, identity_poses, single_precision

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.results import LevelResult

    Rows = npt.NDArray[np.intp]
    References = npt.NDArray[np.complex64]

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
    poses = _reference_free_poses(engine, labels, on_progress)
    parents = np.arange(2 * level.n_classes, dtype=np.int32) // 2
    return replace(
        level, n_classes=2 * level.n_classes, labels=labels, poses=poses, parents=parents
    )


def half_sizes(halves: LevelResult) -> npt.NDArray[np.int64]:
    """Return the members of both halves of each class, (n_classes, 2)."""
    return halves.class_sizes().reshape(-1, 2)


def _reference_free_poses(
    engine: Engine, labels: npt.NDArray[np.int32], on_progress: Callable[[int], None] | None
) -> Poses:
    """Return poses of images aligned to the average of their half, starting from where they lie."""
    halves, members = np.unique(labels[labels >= 0], return_inverse=True)
    groups = np.full_like(labels, -1)
    groups[labels >= 0] = members
    if len(halves) == 0:
        return identity_poses(len(labels))
    samples = [
        evenly_spread(np.flatnonzero(groups == half), SAMPLE_MEMBERS) for half in range(len(halves))
    ]
    found = engine.each(_average_of_sample, [(rows, None) for rows in samples])
    references = np.concatenate(list(found))
    tell = partial(_tell, on_progress, len(members))
    fitted = engine.assign_within(references[:, None], groups, partial(tell, 0))
    for number in range(1, FULL_ROUNDS):
        poses = _centred(fitted.poses, groups)
        references = normalised_references(engine.update(groups, poses, len(halves)).sums)
        fitted = engine.assign_within(
            references[:, None], groups, partial(tell, number), last=near_search(poses)
        )
    return _centred(fitted.poses, groups)


def _average_of_sample(sample: Engine, _: None) -> References:
    """Return the average of a sample of a half, (1, ...), aligned to itself until it rests."""
    reference = _average(sample, identity_poses(sample.n_images))
    one_group = np.zeros(sample.n_images, dtype=np.int32)
    for _round in range(SAMPLE_ROUNDS):
        found = sample.assign(reference, ClassicalRule()).poses
        before, reference = reference, _average(sample, _centred(found, one_group))
        if np.vdot(before, reference).real > AT_REST * reference.shape[2]:
            break
    return reference


def _average(members: Engine, poses: Poses) -> References:
    labels = np.zeros(members.n_images, dtype=np.int32)
    return normalised_references(members.update(labels, poses, 1).sums)


def _centred(poses: Poses, groups: npt.NDArray[np.int32]) -> Poses:
    """Return poses in frames in which the shifts of each group average to zero; -1 is no group."""
    n_groups = int(groups.max(initial=-1)) + 1
    return single_precision(centred_poses(poses, groups, n_groups))


def _tell(on_progress: Callable[[int], None] | None, n_images: int, number: int, done: int) -> None:
    """Tell how many images are done if a round after ``number`` others is done with some."""
    if on_progress is not None:
        on_progress((number * n_images + done) // FULL_ROUNDS)
