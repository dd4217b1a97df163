"""Exchanges at a constant number: two classes of one view become one, and one of two becomes two.

A class that holds two views beside a view that is held by two classes is a state of rest: no image
gains by moving alone. Both halves of the exchange are judged by the same measure, the gain of
members that had no part in the averages (:func:`cl2d.levels.halves.held_out_gains`): of having two
averages in place of one. An exchange is made where the class that is cut gains more than the two
that are joined lose, in all by two standard errors on either side, and for each member too: a large
class of one view can gain much in all by little things, such as astigmatism, and is not to be cut
at the cost of a rare view.

Where two classes hold the same two views no other has a place to give; their halves are paired
anew (:mod:`cl2d.levels.regroup`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import normalised_references
from cl2d.levels.joints import Joint, copied, find_joints, put_joint
from cl2d.levels.regroup import Regrouping, find_regroupings

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.cuts import Cut, Fitted


@dataclass(frozen=True)
class Exchange:
    """References after an exchange.

    Attributes
    ----------
    references : (n_classes, n_rings, n_angles / 2) complex64
    origin : (n_classes,) int32, the class whose images made each reference; its own, mostly
    n_pairs : number of pairs that were joined, for as many classes that were cut
    of_one_view : whether the classes of each pair surely show one view: they gain by being one
    """

    references: npt.NDArray[np.complex64]
    origin: npt.NDArray[np.int32]
    n_pairs: int
    of_one_view: bool


@dataclass(frozen=True)
class _Section:
    """A class and the best way to cut it."""

    slot: int
    cut: Cut


def exchange_classes(
    engine: Engine,
    fitted: Fitted,
    references: npt.NDArray[np.complex64],
    cuts: dict[int, Cut],
) -> Exchange:
    """Join pairs of like classes and cut as many mixed ones, wherever held-out members gain.

    Parameters
    ----------
    engine : Engine
    fitted : classes, poses and scores of all images
    references : (n_classes, n_rings, n_angles / 2) complex64, the averages of these classes
    cuts : of these classes (:func:`cl2d.levels.cuts.find_cuts`)
    """
    state = _State(engine, fitted, references)
    sections = _sections(cuts)
    if not sections:
        return state.exchanged([], [])
    joints = find_joints(engine, fitted, references)
    chosen = _chosen(sections, joints)
    busy = {k for joint, section in chosen for k in (section.slot, joint.kept, joint.absorbed)}
    free = {section.slot: section.cut for section in sections if section.slot not in busy}
    return state.exchanged(chosen, _apart(find_regroupings(engine, fitted, joints, free)))


class _State:
    """The classes as they are, and what could become of them."""

    def __init__(
        self, engine: Engine, fitted: Fitted, references: npt.NDArray[np.complex64]
    ) -> None:
        self._engine = engine
        self._fitted = fitted
        self._references = references
        self._groups = [np.flatnonzero(fitted.labels == k) for k in range(len(references))]

    def exchanged(
        self, chosen: list[tuple[Joint, _Section]], regroupings: list[Regrouping]
    ) -> Exchange:
        """Return the references after some exchanges, no class in two of them."""
        n_classes = len(self._groups)
        origin = np.arange(n_classes, dtype=np.int32)
        labels = np.full(self._engine.n_images, -1, dtype=np.int32)
        poses = copied(self._fitted.poses)
        for joint, section in chosen:
            moved = self._groups[joint.absorbed]
            put_joint(poses, joint, moved)
            section.cut.put_poses(poses)
            labels[self._groups[joint.kept]] = labels[moved] = joint.kept
            labels[section.cut.first] = section.slot
            labels[section.cut.second] = joint.absorbed
            origin[joint.absorbed] = section.slot
        for regrouping in regroupings:
            for cut in regrouping.cuts:
                cut.put_poses(poses)
            for slot, joint in zip(regrouping.classes, regrouping.joints, strict=True):
                moved = regrouping.halves[joint.absorbed]
                put_joint(poses, joint, moved)
                labels[regrouping.halves[joint.kept]] = labels[moved] = slot
        averages = normalised_references(self._engine.update(labels, poses, n_classes).sums)
        changed = np.isin(np.arange(n_classes), labels)
        references = np.where(changed[:, None, None], averages, self._references)
        of_one_view = not regroupings and all(joint.loss.at_most < 0 for joint, _ in chosen)
        return Exchange(references, origin, len(chosen) + len(regroupings), of_one_view)


def _sections(cuts: dict[int, Cut]) -> list[_Section]:
    """Return the classes that gain by being cut, the largest sure gain a member first.

    The gain need not be sure: where two classes are of one view, which then even gains by
    being one class, their place is of more use anywhere else.
    """
    found = [_Section(slot, cut) for slot, cut in cuts.items() if cut.gain.total > 0]
    return sorted(found, key=lambda section: -section.cut.priority)


def _chosen(sections: list[_Section], joints: list[Joint]) -> list[tuple[Joint, _Section]]:
    """Pair the largest gains with the smallest losses, each class in one exchange at most."""
    chosen: list[tuple[Joint, _Section]] = []
    busy: set[int] = set()
    for section in sections:
        for joint in joints:
            classes = {section.slot, joint.kept, joint.absorbed}
            if len(classes) == 3 and not classes & busy and section.cut.gain.outweighs(joint.loss):
                chosen.append((joint, section))
                busy |= classes
                break
    return chosen


def _apart(regroupings: list[Regrouping]) -> list[Regrouping]:
    """Return regroupings without those of a class that one before takes."""
    chosen: list[Regrouping] = []
    busy: set[int] = set()
    for regrouping in regroupings:
        if not busy & set(regrouping.classes):
            chosen.append(regrouping)
            busy |= set(regrouping.classes)
    return chosen
