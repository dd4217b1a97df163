"""Every option of a classification: names, defaults, ranges, units and help texts, said once.

One frozen model a stage; :class:`ClassifyOptions` joins them. The command line and the Python
functions take the same options flat, by name (``ClassifyOptions.from_flat``), so a default or a
range stands nowhere else.
"""

from __future__ import annotations

from cl2d.options.cluster import ClusterOptions
from cl2d.options.config_file import ConfigFile, read_config
from cl2d.options.flat import STAGES, ClassifyOptions, build_options, python_name
from cl2d.options.machine import RunOptions
from cl2d.options.memory_size import size, size_in_bytes
from cl2d.options.stages import (
    AlignmentOptions,
    CoreOptions,
    LevelOptions,
    OutputOptions,
    PreprocessOptions,
    StageOptions,
    option,
)
from cl2d.options.wording import readable_error

__all__ = [
    "STAGES",
    "AlignmentOptions",
    "ClassifyOptions",
    "ClusterOptions",
    "ConfigFile",
    "CoreOptions",
    "LevelOptions",
    "OutputOptions",
    "PreprocessOptions",
    "RunOptions",
    "StageOptions",
    "build_options",
    "option",
    "python_name",
    "read_config",
    "readable_error",
    "size",
    "size_in_bytes",
]
