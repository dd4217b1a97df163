"""Small and empty classes: given a new start or filled, never dropped with their images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.levels.joints import find_joints
from cl2d.levels.splitting import CutQueue, group_references

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.cuts import CutRule, Fitted
    from cl2d.levels.halves import TotalGain

LARGEST_RATIO = 0.25
"""A class is small only if the largest is also four times its size."""


@dataclass(frozen=True)
class Reseeding:
    """References after small classes have got new ones.

    Attributes
    ----------
    references : (n_classes, n_rings, n_angles / 2) complex64
    origin : (n_classes,) int32, the class whose images made each reference; its own, mostly
    changed : (n_classes,) bool, whether a reference is a new one
    n_reseeded : number of small classes that got one
    """

    references: npt.NDArray[np.complex64]
    origin: npt.NDArray[np.int32]
    changed: npt.NDArray[np.bool_]
    n_reseeded: int


def no_reseeding(references: npt.NDArray[np.complex64]) -> Reseeding:
    """Return the references as they are."""
    n_classes = len(references)
    origin = np.arange(n_classes, dtype=np.int32)
    return Reseeding(references, origin, np.zeros(n_classes, dtype=bool), 0)


def reseed_small_classes(
    engine: Engine,
    references: npt.NDArray[np.complex64],
    fitted: Fitted,
    rule: CutRule,
) -> Reseeding:
    """Start small classes anew from halves of the classes that are most surely mixed.

    Small means below the rule's share of the mean size, and below a quarter of the largest.
    A small class may be a rare view. It is given up only where that loses less than the cut
    gains, as judged by held-out members (:func:`cl2d.levels.joints.find_joints`): a large class
    of one view gains a little by any cut, if only by the defocus of its members. An empty class
    always gets a half. Only references change: every image stays in its class until the next
    iteration assigns it, so this is for iterations that another one follows.
    """
    n_classes = len(references)
    labels = fitted.labels
    sizes = np.bincount(labels[labels >= 0], minlength=n_classes)
    threshold = min(
        rule.min_class_percent / 100 * sizes.sum() / n_classes, LARGEST_RATIO * sizes.max()
    )
    small = sizes < threshold
    none = no_reseeding(references)
    if not small.any():
        return none
    groups = [np.flatnonzero(labels == k) for k in range(n_classes)]
    queue = CutQueue(engine, fitted, rule)
    queue.add({slot: groups[slot] for slot in np.flatnonzero(~small).tolist()})
    changed, origin = none.changed.copy(), none.origin.copy()
    losses = _losses(engine, references, fitted, small & (sizes > 1))
    for slot in np.flatnonzero(small)[np.argsort(sizes[small], kind="stable")]:
        if sizes[slot] > 0 and not _worth_it(queue.best_gain(), losses.get(int(slot))):
            continue
        best = queue.pop(only_if_sure=sizes[slot] > 0)
        if best is None:
            break
        mixed, cut = best
        groups[mixed], groups[slot] = cut.first, cut.second
        queue.add({mixed: cut.first, int(slot): cut.second})
        changed[[mixed, slot]] = True
        origin[slot] = origin[mixed]
    if not changed.any():
        return none
    halves = group_references(engine, groups, fitted.poses, n_classes)
    references = np.where(changed[:, None, None], halves, references)
    return Reseeding(references, origin, changed, int(small[changed].sum()))


def _losses(
    engine: Engine,
    references: npt.NDArray[np.complex64],
    fitted: Fitted,
    small: npt.NDArray[np.bool_],
) -> dict[int, TotalGain]:
    """Return what is lost if a small class becomes one with the class where that loses least."""
    losses: dict[int, TotalGain] = {}
    if small.any():
        for joint in find_joints(engine, fitted, references, small):
            for slot in (joint.kept, joint.absorbed):
                losses.setdefault(slot, joint.loss)
    return losses


def _worth_it(gain: TotalGain | None, loss: TotalGain | None) -> bool:
    """Tell whether a cut is worth a small class; one image alone is no loss."""
    return gain is not None and (loss is None or gain.outweighs(loss))


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
