"""Halves of a class whose members are aligned anew, each to its own half.

The members of a class of two views lie where they fit the average of both. Their leading component
may tell little of the views then, or be that of defocus, and the halves are less sharp than they
could be. So the members are classified by themselves, into two classes: from the halves along the
component and from others dealt evenly, of which the halves that fit best are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import (
    ClassicalRule,
    LikelihoodRule,
    OwnShare,
    expected_scores,
    near_search,
    normalised_references,
    sum_lengths,
)
from cl2d.levels.halves import N_FOLDS, folds, mixture_gains, with_rings_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.results import Poses

    Half = npt.NDArray[np.bool_]
    Gains = npt.NDArray[np.float64]
    Images = npt.NDArray[np.complex128]

MOST_ITERATIONS = 4
LEAST_CHANGE = 0.02
"""Share of the members that change half, below which these are left as they are."""


@dataclass(frozen=True)
class Halves:
    """Two halves of a class.

    Attributes
    ----------
    in_first : (n,) bool
    poses : of the members, each in the frame of its half
    value : mean log-likelihood of a member in its half, in the units of a likelihood rule
    """

    in_first: Half
    poses: Poses
    value: float


def realigned_halves(
    members: Engine, poses: Poses, first: Half, fewest: int
) -> tuple[Halves, Gains] | None:
    """Return halves that fit their members best, and what they gain by them.

    Parameters
    ----------
    members : Engine, of the n members of the class
    poses : (n) poses of the members in the class
    first : (n,) bool, halves to begin with
    fewest : int, members that a half must have

    Returns
    -------
    halves : Halves
    gains : (n,) float64
        As of :func:`cl2d.levels.halves.held_out_gains`, but each member is aligned to averages in
        which it has no part: to either half, and to the whole class.
    """
    starts = (first, *_even_halves(members.n_images))
    found = [_iterated(members, start, poses, fewest) for start in starts]
    possible = [halves for halves in found if halves is not None]
    if not possible:
        return None
    best = max(possible, key=lambda halves: halves.value)
    return best, _held_out_gains(members, best, poses)


def _even_halves(n_members: int) -> tuple[Half, Half]:
    """Return two ways to deal members evenly to two halves, with no regard to what they show."""
    dealt = folds(n_members)
    return dealt % 2 == 0, dealt < N_FOLDS // 2


def _iterated(members: Engine, first: Half, poses: Poses, fewest: int) -> Halves | None:
    """Return the halves after some iterations; None if one has too few members."""
    labels = np.where(first, np.int32(0), np.int32(1))
    value = -np.inf
    last = None  # the shift in the whole class may be far from that in a half
    for _ in range(MOST_ITERATIONS):
        found = members.update(labels, poses, 2)
        if found.counts.min() < fewest:
            return None
        lengths = sum_lengths(found.sums)
        expected = expected_scores(lengths, found.counts, np.zeros(2, dtype=bool))
        assignment = members.assign(
            normalised_references(found.sums),
            LikelihoodRule(expected, np.ones(2, dtype=bool)),
            own=OwnShare(labels, lengths, found.counts),
            last=last,
        )
        last = near_search(assignment.poses)
        n_changed = np.count_nonzero(assignment.labels != labels)
        labels, poses = assignment.labels, assignment.poses
        value = float((expected[labels] * (assignment.scores - expected[labels] / 2)).mean())
        if n_changed < LEAST_CHANGE * len(labels):
            break
    sizes = np.bincount(labels, minlength=2)
    return Halves(labels == 0, poses, value) if sizes.min() >= fewest else None


def _held_out_gains(members: Engine, halves: Halves, poses: Poses) -> Gains:
    """Return the gains of members by averages of the other folds, to which they are aligned."""
    fold = folds(len(halves.in_first))
    gains: Gains = np.zeros(len(fold))
    labels = np.where(halves.in_first, np.int32(0), np.int32(1))
    for judged in range(N_FOLDS):
        judges = np.flatnonzero(fold == judged)
        others = fold != judged
        apart = members.update(np.where(others, labels, np.int32(-1)), halves.poses, 2)
        together = members.update(np.where(others, np.int32(0), np.int32(-1)), poses, 1)
        whole = [_with_rings_of(half, together.sums[0]) for half in apart.sums]
        scores = (
            members.subset(judges)
            .assign(
                normalised_references(np.stack([*apart.sums, *whole])),
                ClassicalRule(),
                sample=np.arange(len(judges)),
            )
            .sampled_scores
        )
        assert scores is not None
        columns = scores.T.astype(np.float64)
        shares = apart.counts / max(1, int(apart.counts.sum()))
        gains[judges] = mixture_gains(columns[:2], columns[2:], shares, members.n_independent)
    return gains


def _with_rings_of(wanted: Images, average: Images) -> Images:
    """Return an average with each ring scaled so as to come nearest to the wanted one."""
    scaled = with_rings_of(wanted.view(np.float64), average.view(np.float64))
    found: Images = scaled.view(np.complex128)
    return found
