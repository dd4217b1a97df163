"""Alignment and averaging: what answers "how does image i fit class k best, and how well?".

The rest of the program knows the engine through :class:`Engine`; :class:`LocalEngine` runs in this
process, on any number of threads, and gives the same bits for each.
"""

from __future__ import annotations

from cl2d.engine.block_size import BLOCK_IMAGES, bytes_per_image
from cl2d.engine.build import available_simd_levels, build_info, set_simd_level, simd_level
from cl2d.engine.confidence import class_probabilities, log_likelihood
from cl2d.engine.correntropy import RealAverages, WorkingImages
from cl2d.engine.distributions import (
    SAMPLE_IMAGES,
    ScoreDistributions,
    distribution_bytes,
    sample_rows,
)
from cl2d.engine.evenly import evenly_spread
from cl2d.engine.expected_scores import expected_scores
from cl2d.engine.local import LocalEngine
from cl2d.engine.own_share import OwnShare, without_own_share
from cl2d.engine.protocol import (
    Assignment,
    ClassSums,
    Component,
    Engine,
    GroupAssignment,
    GroupVectors,
    LastPoses,
    Projections,
    SearchSettings,
    near_search,
)
from cl2d.engine.references import normalised_references, sum_lengths
from cl2d.engine.rules import AssignmentRule, Choice, ClassicalRule, LikelihoodRule, RobustRule
from cl2d.engine.shift_grid import covering_radius_px, shift_grid
from cl2d.engine.spectrum import gram_spectrum
from cl2d.engine.storage import IN_MEMORY, Storage

__all__ = [
    "BLOCK_IMAGES",
    "IN_MEMORY",
    "SAMPLE_IMAGES",
    "Assignment",
    "AssignmentRule",
    "Choice",
    "ClassSums",
    "ClassicalRule",
    "Component",
    "Engine",
    "GroupAssignment",
    "GroupVectors",
    "LastPoses",
    "LikelihoodRule",
    "LocalEngine",
    "OwnShare",
    "Projections",
    "RealAverages",
    "RobustRule",
    "ScoreDistributions",
    "SearchSettings",
    "Storage",
    "WorkingImages",
    "available_simd_levels",
    "build_info",
    "bytes_per_image",
    "class_probabilities",
    "covering_radius_px",
    "distribution_bytes",
    "evenly_spread",
    "expected_scores",
    "gram_spectrum",
    "log_likelihood",
    "near_search",
    "normalised_references",
    "sample_rows",
    "set_simd_level",
    "shift_grid",
    "simd_level",
    "sum_lengths",
    "without_own_share",
]
