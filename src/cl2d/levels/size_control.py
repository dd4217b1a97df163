"""Small and empty classes: given a new start or filled, never dropped with their images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.levels.splitting import CutQueue, group_references

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
    """Start small classes anew from halves of the classes that are most evidently mixed.

    Small means below ``min_class_percent`` of the mean size and below a quarter of the largest.
    A small class stays as it is, a rare view perhaps, where no other class looks mixed; an empty
    one always gets a half. Only references change: every image stays in its class until the next
    iteration assigns it, so this is for iterations that another one follows.

    Returns
    -------
    references, n_reseeded
    """
    n_classes = len(references)
    sizes = np.bincount(labels[labels >= 0], minlength=n_classes)
    threshold = min(min_class_percent / 100 * sizes.sum() / n_classes, LARGEST_RATIO * sizes.max())
    small = sizes < threshold
    if not small.any():
        return references, 0
    groups = [np.flatnonzero(labels == k) for k in range(n_classes)]
    queue = CutQueue(engine, poses)
    for slot in np.flatnonzero(~small):
        queue.add(int(slot), groups[slot])
    changed: set[int] = set()
    for slot in np.flatnonzero(small)[np.argsort(sizes[small], kind="stable")]:
        best = queue.pop(smallest_gain=-np.inf if sizes[slot] == 0 else 0.0)
        if best is None:
            break
        mixed, cut = best
        groups[mixed], groups[slot] = cut.first, cut.second
        queue.add(mixed, cut.first)
        queue.add(int(slot), cut.second)
        changed |= {mixed, int(slot)}
    if not changed:
        return references, 0
    halves = group_references(engine, groups, poses, n_classes)
    rows = sorted(changed)
    references = references.copy()
    references[rows] = halves[rows]
    return references, int(small[rows].sum())


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
