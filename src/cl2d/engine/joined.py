"""The assignments of parts of a run as one."""

from __future__ import annotations

import numpy as np

from cl2d.engine.protocol import Assignment
from cl2d.results import Poses


def joined_assignment(parts: list[Assignment]) -> Assignment:
    """Return one assignment for the images of all parts, in order."""
    return Assignment(
        np.concatenate([p.labels for p in parts]),
        Poses(
            np.concatenate([p.poses.psi_rad for p in parts]),
            np.concatenate([p.poses.shift_px for p in parts]),
            np.concatenate([p.poses.mirror for p in parts]),
        ),
        np.concatenate([p.scores for p in parts]),
        np.concatenate([p.margin for p in parts]),
        np.concatenate([p.confidence for p in parts]),
    )
