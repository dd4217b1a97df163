from __future__ import annotations

import json

import numpy as np
import pytest

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.errors import InputError
from cl2d.simulate import SimulationOptions, simulate_particles

VIEWS = SimulationOptions(n_particles=600, box_px=48, pixel_size_angstrom=2.5, n_views=12, snr=0.3)


@pytest.fixture(scope="module")
def simulation():
    return simulate_particles(VIEWS)


def classified(simulation, **options):
    return cl2d.classify(
        simulation.images,
        n_classes=16,
        pixel_size_angstrom=2.5,
        iterations=5,
        evaluate=False,
        core=False,
        **options,
    )


@pytest.fixture(scope="module")
def fast(simulation, tmp_path_factory):
    """Return the folder and the result of a run with a fast search."""
    folder = tmp_path_factory.mktemp("fast") / "run"
    return folder, classified(simulation, search="fast", threads=1, output=folder)


def test_fast_search_agrees_with_the_truth_as_the_exhaustive_one_does(simulation, fast):
    _, result = fast
    truth = simulation.truth.view
    exhaustive = classified(simulation, threads=1)
    assert not any(i.fast for level in exhaustive.levels for i in level.iterations)
    reached = adjusted_rand_index(truth, exhaustive.labels)
    assert reached > 0.7
    assert adjusted_rand_index(truth, result.labels) > reached - 0.05


def test_fast_search_does_not_depend_on_the_number_of_threads(simulation, fast):
    _, one = fast
    three = classified(simulation, search="fast", threads=3)
    np.testing.assert_array_equal(one.labels, three.labels)
    np.testing.assert_array_equal(one.scores, three.scores)
    np.testing.assert_array_equal(one.poses.shift_px, three.poses.shift_px)


def test_run_record_says_which_iterations_were_fast_and_what_the_last_one_found(fast):
    folder, _ = fast
    record = json.loads((folder / "run.json").read_text())
    assert record["options"]["alignment"]["search"] == "fast"
    *others, last = record["levels"][-1]["iterations"]
    assert any(iteration["fast"] for iteration in others)
    assert not last["fast"]
    assert 0 <= last["n_fast_differs"] < 0.1 * 600
    assert all(iteration["n_fast_differs"] is None for iteration in others)


def test_unknown_search_is_refused(simulation):
    with pytest.raises(InputError, match="search must be 'exhaustive' or 'fast', not 'coarse'"):
        classified(simulation, search="coarse")
