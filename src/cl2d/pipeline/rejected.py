"""How what is in no core is classified on its own: quickly, to be looked at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cl2d.options import ClassifyOptions

IMAGES_PER_CLASS = 300
ITERATIONS = 5


def rejected_options(options: ClassifyOptions, n_rejected: int) -> ClassifyOptions:
    """Return the options of a run for a number of its rejected images.

    One class for every 300 images and at least one, at most five iterations a level, no cores;
    everything else as in the run itself.
    """
    n_classes = math.ceil(n_rejected / IMAGES_PER_CLASS)
    levels = options.levels.model_copy(
        update={
            "classes": n_classes,
            "initial_classes": min(options.levels.initial_classes, n_classes),
            "iterations": min(options.levels.iterations, ITERATIONS),
            "references": None,
        }
    )
    cores = options.cores.model_copy(update={"core": False, "analyze_rejected": False})
    return options.model_copy(update={"levels": levels, "cores": cores})
