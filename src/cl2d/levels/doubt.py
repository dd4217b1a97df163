"""Which images a fast search compares everywhere all the same.

A fast search begins where each image was last. An image whose place is wrong fits nothing well
there, so that it would stay: of the images that fit worst some are searched everywhere in each
iteration, in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import LastPoses

if TYPE_CHECKING:
    from cl2d.engine import Assignment

DOUBTED_SHARE = 0.25
"""Share of the images that are doubted: those of the lowest scores."""

TURNS = 6
"""Every doubted image is searched everywhere once in as many iterations."""


def last_poses(assignment: Assignment, turn: int) -> LastPoses:
    """Return where the next search begins, and whom it does not trust.

    Nobody is sought near the last centre alone: an image whose own class is compared where it fits
    best, and others a little off, stays (docs/experiments.md).

    Parameters
    ----------
    assignment : Assignment
        The last one.
    turn : int
        Counts up by one from iteration to iteration.
    """
    used = assignment.labels >= 0
    worst = np.zeros(len(used), dtype=bool)
    if used.any():
        limit = np.quantile(assignment.scores[used], DOUBTED_SHARE)
        worst = used & (assignment.scores <= limit)
    has_turn = (np.arange(len(used)) + turn) % TURNS == 0
    return LastPoses(assignment.poses, worst & has_turn, np.zeros(len(used), dtype=bool))
