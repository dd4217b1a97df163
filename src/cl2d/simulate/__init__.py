"""Simulated particles with known truth: for tests, benchmarks and demonstrations.

The molecule is a sum of Gaussian blobs, so every projection is exact. Conventions of angles,
shifts and mirrors are in ``cl2d.simulate.geometry``.
"""

from __future__ import annotations

from cl2d.simulate.files import read_truth, write_simulation, write_truth
from cl2d.simulate.options import SimulationOptions
from cl2d.simulate.particles import (
    SimulatedStack,
    Simulation,
    clean_views,
    simulate_particles,
)
from cl2d.simulate.scores import Scores, score_classification
from cl2d.simulate.truth import JUNK_KINDS, Truth, truth_poses

__all__ = [
    "JUNK_KINDS",
    "Scores",
    "SimulatedStack",
    "Simulation",
    "SimulationOptions",
    "Truth",
    "clean_views",
    "read_truth",
    "score_classification",
    "simulate_particles",
    "truth_poses",
    "write_simulation",
    "write_truth",
]
