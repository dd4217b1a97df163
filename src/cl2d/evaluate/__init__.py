"""How good the classes are: half-set correlation, resolution, quality, order by likeness."""

from __future__ import annotations

from cl2d.evaluate.half_sets import half_set_level
from cl2d.evaluate.level import LevelEvaluator
from cl2d.evaluate.likeness import AverageComparison
from cl2d.evaluate.quality import REASONS
from cl2d.evaluate.records import THRESHOLDS, LevelEvaluation

__all__ = [
    "REASONS",
    "THRESHOLDS",
    "AverageComparison",
    "LevelEvaluation",
    "LevelEvaluator",
    "half_set_level",
]
