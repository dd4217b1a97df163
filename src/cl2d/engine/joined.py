"""The assignments of parts of a run as one."""

from __future__ import annotations

import numpy as np

from cl2d.engine.protocol import Assignment
from cl2d.results import joined_poses


def joined_assignment(parts: list[Assignment]) -> Assignment:
    """Return one assignment for the images of all parts, in order."""
    return Assignment(
        np.concatenate([p.labels for p in parts]),
        joined_poses([p.poses for p in parts]),
        np.concatenate([p.scores for p in parts]),
        np.concatenate([p.margin for p in parts]),
        np.concatenate([p.confidence for p in parts]),
    )
