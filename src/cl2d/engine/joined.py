"""The assignments of parts of a run as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine.protocol import Assignment
from cl2d.results import Poses

if TYPE_CHECKING:
    import numpy.typing as npt


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
        confidence=_joined_if_known([p.confidence for p in parts]),
    )


def _joined_if_known(
    parts: list[npt.NDArray[np.float32] | None],
) -> npt.NDArray[np.float32] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None
