"""A level made of nothing but labels and poses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.results import LevelResult, Poses, identity_poses

if TYPE_CHECKING:
    from collections.abc import Sequence


def level_of(labels: Sequence[int], n_classes: int, poses: Poses | None = None) -> LevelResult:
    """Return a level without scores; its images lie as they are unless poses are given."""
    n = len(labels)
    zeros = np.zeros(n, dtype=np.float32)
    return LevelResult(
        0,
        n_classes,
        np.array(labels, dtype=np.int32),
        identity_poses(n) if poses is None else poses,
        zeros,
        zeros,
        np.full(n_classes, -1, dtype=np.int32),
    )
