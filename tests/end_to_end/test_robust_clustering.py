from __future__ import annotations

import numpy as np
import pytest

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.simulate import SimulationOptions, simulate_particles

RARE_VIEWS = SimulationOptions(
    n_particles=400, box_px=48, pixel_size_angstrom=2.5, n_views=5, view_exponent=1.5, snr=0.5
)


@pytest.fixture(scope="module")
def simulation():
    return simulate_particles(RARE_VIEWS)


def robust(simulation, **options):
    return cl2d.classify(
        simulation.images,
        n_classes=5,
        clustering="robust",
        pixel_size_angstrom=2.5,
        iterations=5,
        evaluate=False,
        **options,
    )


def test_robust_rule_gives_every_image_a_class_whatever_the_threads(simulation):
    one, three = robust(simulation, threads=1), robust(simulation, threads=3)
    np.testing.assert_array_equal(one.labels, three.labels)
    np.testing.assert_array_equal(one.confidence, three.confidence)
    assert (one.labels >= 0).all()
    assert one.levels[-1].class_sizes().sum() == 400


def test_robust_margin_is_a_difference_of_probabilities(simulation):
    result = robust(simulation, threads=1)
    margin = result.levels[-1].margin
    assert (margin >= 0).all()
    assert (margin < 1).all()
    assert margin.max() > 0.3


def test_robust_rule_finds_rare_views_started_from_them(simulation):
    sizes = np.bincount(simulation.truth.view, minlength=5)
    assert sizes.max() > 5 * sizes.min()
    result = robust(simulation, threads=1, references=simulation.views)
    assert adjusted_rand_index(simulation.truth.view, result.labels) > 0.95
