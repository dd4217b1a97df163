"""From particle images as read to images the engine can compare.

``plan_preprocessing`` looks at a sample of the images once and decides everything that is the
same for all of them; ``prepare_images`` then treats any block of images by that plan.
"""

from __future__ import annotations

from cl2d.preprocess.noise import noise_images
from cl2d.preprocess.normalise import CONSTANT, DISABLED, NOT_FINITE, USABLE
from cl2d.preprocess.plan import PreprocessPlan, ring_weights
from cl2d.preprocess.planning import SAMPLE_BYTES, plan_preprocessing
from cl2d.preprocess.prepare import Preparation, Prepared, prepare_images
from cl2d.preprocess.statistics import STATISTICS, image_statistics

__all__ = [
    "CONSTANT",
    "DISABLED",
    "NOT_FINITE",
    "SAMPLE_BYTES",
    "STATISTICS",
    "USABLE",
    "Preparation",
    "Prepared",
    "PreprocessPlan",
    "image_statistics",
    "noise_images",
    "plan_preprocessing",
    "prepare_images",
    "ring_weights",
]
