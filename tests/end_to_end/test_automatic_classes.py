"""The number of classes found by a whole run, from Python and on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.cli.app import main
from cl2d.io import read_star
from cl2d.outputs.saved_run import load_run
from cl2d.simulate import SimulationOptions, simulate_particles


def simulated(n_views):
    options = SimulationOptions(
        n_particles=500,
        box_px=32,
        pixel_size_angstrom=4.0,
        n_views=n_views,
        snr=0.5,
        shift_sd_px=1.0,
        seed=2,
    )
    return simulate_particles(options)


@pytest.fixture(scope="module")
def simulation():
    return simulated(5)


@pytest.fixture(scope="module")
def found(simulation, tmp_path_factory):
    out = tmp_path_factory.mktemp("automatic") / "run"
    result = cl2d.classify(
        simulation.images, n_classes="auto", pixel_size_angstrom=4.0, threads=1, output=out
    )
    return result, out


def test_views_are_found_and_counted(simulation, found):
    result, _ = found
    assert result.n_classes == 5
    assert adjusted_rand_index(simulation.truth.view, result.labels) > 0.97
    assert len(result.averages) == 5


def test_one_view_is_one_class():
    assert cl2d.classify(simulated(1).images, n_classes="auto", threads=1).n_classes == 1


def test_any_number_of_threads_finds_the_same(simulation, found):
    again = cl2d.classify(
        simulation.images, n_classes="auto", pixel_size_angstrom=4.0, threads=2, evaluate=False
    )
    np.testing.assert_array_equal(again.labels, found[0].labels)
    np.testing.assert_array_equal(again.scores, found[0].scores)


def test_record_tells_what_was_asked_and_what_was_found(found):
    result, out = found
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["levels"]["classes"] == "auto"
    by_level = [level.n_classes for level in result.levels]
    assert record["automatic"]["classes_by_level"] == by_level
    assert [level["n_classes"] for level in record["levels"]] == by_level
    assert load_run(out).options.levels.automatic


def test_homogeneity_is_in_the_table_of_classes_and_is_read_back(found):
    result, out = found
    columns = read_star(out / "classes.star")["classes"].columns
    own = result.levels[-1].homogeneity
    np.testing.assert_allclose(
        np.array(columns["cl2dHomogeneity"], float), own.homogeneity, 1e-3, 1e-5
    )
    saved = load_run(out).levels[-1].homogeneity
    np.testing.assert_allclose(saved.split_gain, own.split_gain, rtol=1e-2)
    np.testing.assert_allclose(saved.split_gain_error, own.split_gain_error, rtol=1e-2)


def test_a_class_of_two_views_is_less_homogeneous_than_the_others(simulation):
    result = cl2d.classify(simulation.images, n_classes=4, threads=1, core=False)
    views = simulation.truth.view
    shares = [np.bincount(views[result.labels == k]).max() for k in range(4)]
    mixed = int(np.argmin(shares / result.levels[-1].class_sizes()))
    homogeneity = result.levels[-1].homogeneity.homogeneity
    assert homogeneity[mixed] < 0.01 < np.delete(homogeneity, mixed).min()


def test_limit_is_told_where_it_is_reached(simulation):
    with_limit = cl2d.classify(
        simulation.images, n_classes="auto", max_classes=3, threads=1, core=False, evaluate=False
    )
    assert with_limit.n_classes == 3
    assert any("max_classes" in warning for warning in with_limit.warnings)


def test_command_line_takes_the_word_and_refuses_others(tmp_path, capsys):
    folder, out = tmp_path / "particles", tmp_path / "run"
    few = ["-n", "120", "--box-px", "32", "--n-views", "2", "--snr", "1", "--quiet"]
    few += ["--shift-sd-px", "1"]
    assert main(["simulate", "-o", str(folder), *few]) == 0
    particles = str(folder / "particles.star")
    assert main(["classify", particles, "-o", str(out), "-k", "auto", "--threads", "1"]) == 0
    assert "as many as are found" in capsys.readouterr().err
    assert load_run(out).levels[-1].n_classes == 2
    assert main(["classify", particles, "-o", str(tmp_path / "x"), "-k", "many"]) == 2
    error = capsys.readouterr().err
    assert "--classes must be a whole number >= 1 or \"auto\", not 'many'" in error


def test_views_given_can_be_split_further(simulation):
    result = cl2d.classify(
        simulation.images,
        n_classes="auto",
        references=simulation.views[:3],
        pixel_size_angstrom=4.0,
        threads=1,
        core=False,
        evaluate=False,
    )
    assert result.levels[0].n_classes == 3
    assert adjusted_rand_index(simulation.truth.view, result.labels) > 0.9
    assert set(result.levels[-1].reference_numbers.tolist()) == {0, 1, 2}
