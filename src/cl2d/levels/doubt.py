"""Which images a fast search compares everywhere all the same, and which it need not seek.

A fast search begins where each image was last. An image whose place is wrong fits nothing well
there, so that it would stay: of the images that fit worst some are searched everywhere in each
iteration, in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import LastPoses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Assignment

DOUBTED_SHARE = 0.25
"""Share of the images that are doubted: those of the lowest scores."""

TURNS, LATE_TURNS = 6, 24
"""Every doubted image is searched everywhere once in as many iterations: more often while the
averages change much, in the first iterations of a level."""

EARLY_ITERATIONS = 6


def last_poses(
    assignment: Assignment, before: npt.NDArray[np.int32] | None, iteration: int, turn: int
) -> LastPoses:
    """Return where the next search begins, whom it does not trust, and who is at rest.

    Parameters
    ----------
    assignment : Assignment
        The last one.
    before : (n_images,) int32, optional
        Labels of the one before that, among the same classes. Images that did not change are at
        rest; without it nobody is.
    iteration : int
        From 1 in each level and after each exchange.
    turn : int
        Counts up by one from iteration to iteration.
    """
    used = assignment.labels >= 0
    worst = np.zeros(len(used), dtype=bool)
    if used.any():
        limit = np.quantile(assignment.scores[used], DOUBTED_SHARE)
        worst = used & (assignment.scores <= limit)
    turns = TURNS if iteration <= EARLY_ITERATIONS else LATE_TURNS
    has_turn = (np.arange(len(used)) + turn) % turns == 0
    at_rest = np.zeros(len(used), dtype=bool)
    if before is not None:
        at_rest = assignment.labels == before
    return LastPoses(assignment.poses, worst & has_turn, at_rest)
