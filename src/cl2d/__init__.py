"""2-D classification of cryo-EM particle images.

``cl2d.classify("particles.star", n_classes=64)`` does the whole job; ``cl2d classify`` is the same
on the command line.
"""

from __future__ import annotations

try:
    from cl2d import _native
except ImportError as error:
    _hint = (
        "the compiled engine cl2d._native is missing or does not load; install the package with "
        "`pip install .` instead of importing its source folder"
    )
    raise ImportError(_hint) from error

from cl2d.engine import available_simd_levels, build_info, set_simd_level, simd_level
from cl2d.errors import InputError, InputFileError
from cl2d.estimator import CL2D
from cl2d.io import array_source, open_particles
from cl2d.options import read_config
from cl2d.pipeline import (
    AutoSelection,
    Classification,
    ClassSet,
    Comparison,
    RecomputedCores,
    align,
    assign,
    classify,
    compare,
    evaluate,
    recompute_cores,
    report,
    select,
    select_auto,
    watch,
)
from cl2d.results import LevelResult, Poses

__version__: str = _native.version

__all__ = [
    "CL2D",
    "AutoSelection",
    "ClassSet",
    "Classification",
    "Comparison",
    "InputError",
    "InputFileError",
    "LevelResult",
    "Poses",
    "RecomputedCores",
    "__version__",
    "align",
    "array_source",
    "assign",
    "available_simd_levels",
    "build_info",
    "classify",
    "compare",
    "evaluate",
    "open_particles",
    "read_config",
    "recompute_cores",
    "report",
    "select",
    "select_auto",
    "set_simd_level",
    "simd_level",
    "watch",
]
