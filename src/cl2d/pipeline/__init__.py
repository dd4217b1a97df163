"""The whole job in one call: particles in, classes out; and what finished runs are good for."""

from __future__ import annotations

from cl2d.pipeline.align import align
from cl2d.pipeline.assign import assign
from cl2d.pipeline.auto_selection import AutoSelection, select_auto
from cl2d.pipeline.class_set import ClassSet
from cl2d.pipeline.classification import Classification
from cl2d.pipeline.classify import classify
from cl2d.pipeline.compare import ClassMatch, Comparison, compare
from cl2d.pipeline.cores import RecomputedCores, recompute_cores
from cl2d.pipeline.evaluation import evaluate
from cl2d.pipeline.fitted_classes import FittedClasses
from cl2d.pipeline.report import report
from cl2d.pipeline.select import select
from cl2d.pipeline.watch import watch

__all__ = [
    "AutoSelection",
    "ClassMatch",
    "ClassSet",
    "Classification",
    "Comparison",
    "FittedClasses",
    "RecomputedCores",
    "align",
    "assign",
    "classify",
    "compare",
    "evaluate",
    "recompute_cores",
    "report",
    "select",
    "select_auto",
    "watch",
]
