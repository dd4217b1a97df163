"""The levels of a classification: K0 classes, then 2 K0, ... up to K, each iterated to rest.

Knows the images only through :class:`cl2d.engine.Engine`.
"""

from __future__ import annotations

from cl2d.levels.ordering import order_classes_by_size
from cl2d.levels.run import run_levels
from cl2d.levels.schedule import level_schedule

__all__ = ["level_schedule", "order_classes_by_size", "run_levels"]
