"""Small and empty classes: given a new start or filled, never dropped with their images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.levels.splitting import find_cut, group_references

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.results import Poses

LARGEST_RATIO = 0.25
"""A class is small only if the largest is also four times its size."""


def reseed_small_classes(
    engine: Engine,
    references: npt.NDArray[np.complex64],
    labels: npt.NDArray[np.int32],
    poses: Poses,
    min_class_percent: float,
) -> tuple[npt.NDArray[np.complex64], int]:
    """Start small classes anew from halves of the largest ones.

    Small means below ``min_class_percent`` of the mean size and below a quarter of the largest.
    Only references change: every image stays in its class until the next iteration assigns it,
    so this is for iterations that another one follows.

    Returns
    -------
    references, n_reseeded
    """
    n_classes = len(references)
    sizes = np.bincount(labels[labels >= 0], minlength=n_classes)
    threshold = min_class_percent / 100 * sizes.sum() / n_classes
    references = references.copy()
    n_reseeded = 0
    while True:
        small, large = int(sizes.argmin()), int(sizes.argmax())
        members = np.flatnonzero(labels == large)
        if sizes[small] >= min(threshold, LARGEST_RATIO * sizes[large]) or len(members) < 2:
            return references, n_reseeded
        cut = find_cut(engine, members, poses)
        halves = group_references(engine, [cut.first, cut.second], poses, 2)
        references[large], references[small] = halves
        # Neither is touched again in this round: the halves are half as large, at least.
        sizes[small] = sizes[large] = sizes[large] // 2
        labels = np.where(labels == large, np.int32(-1), labels)
        n_reseeded += 1


def fill_empty_classes(
    labels: npt.NDArray[np.int32], scores: npt.NDArray[np.float32], n_classes: int
) -> npt.NDArray[np.int32]:
    """Give every empty class the worst fitting image of the largest class.

    The number of classes asked is the number obtained, and no image is lost. Needs at least as
    many usable images as classes.
    """
    labels = labels.copy()
    sizes = np.bincount(labels[labels >= 0], minlength=n_classes)
    for empty in np.flatnonzero(sizes == 0):
        largest = int(sizes.argmax())
        members = np.flatnonzero(labels == largest)
        labels[members[scores[members].argmin()]] = empty
        sizes[largest] -= 1
        sizes[empty] = 1
    return labels
