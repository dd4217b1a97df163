"""Cores: which members of each class can be trusted, at every level.

Every image gets two z-scores, one for how far it stands from what it is said to be a picture of,
one for how far it lies out among the members of its class. Thresholds on them make the core;
staying with the class through the levels makes the stable core. See docs/cores.md.
"""

from __future__ import annotations

from cl2d.cores.find import LevelCores, LevelZscores, core_warnings, find_cores
from cl2d.cores.members import SMALLEST_JUDGED
from cl2d.cores.score import score_levels
from cl2d.cores.stable import stable_members

__all__ = [
    "SMALLEST_JUDGED",
    "LevelCores",
    "LevelZscores",
    "core_warnings",
    "find_cores",
    "score_levels",
    "stable_members",
]
