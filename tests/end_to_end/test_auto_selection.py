"""Junk among simulated particles: its classes are proposed to be dropped, and no others."""

from __future__ import annotations

import numpy as np
import pytest
import starfile

import cl2d
from cl2d.io import read_star
from cl2d.simulate import SimulationOptions, simulate_particles


@pytest.fixture(scope="module")
def simulation():
    return simulate_particles(
        SimulationOptions(
            n_particles=600,
            box_px=40,
            n_views=3,
            snr=0.3,
            junk_fraction=0.3,
            molecule_seed=6,
            seed=2,
        )
    )


@pytest.fixture(scope="module")
def run(simulation, tmp_path_factory):
    out = tmp_path_factory.mktemp("junk") / "run"
    source = cl2d.array_source(simulation.images, 4.0)
    return cl2d.classify(source, n_classes=7, output=out, threads=1, seed=1), out


def test_classes_of_junk_go_and_no_good_particle_with_them(simulation, run):
    result, _ = run
    evaluation = result.evaluations[-1]
    good = simulation.truth.good
    kept = evaluation.selected[result.labels]
    assert not evaluation.selected.all()
    assert kept[good].mean() > 0.98
    assert kept[~good].mean() < 0.6
    # What is dropped is junk for the most part.
    assert good[~kept].mean() < 0.1


def test_dropped_classes_have_the_lowest_quality(run):
    evaluation = run[0].evaluations[-1]
    dropped = ~evaluation.selected
    assert evaluation.quality[dropped].max() < evaluation.quality[~dropped].min()


def test_class_table_says_what_the_result_says(run):
    result, out = run
    block = read_star(out / "classes.star")["classes"]
    evaluation = result.evaluations[-1]
    assert (block.numbers("cl2dSelected") != 0).tolist() == evaluation.selected.tolist()
    told = [text.split("+") if text != "good" else [] for text in block.text("cl2dReason")]
    assert told == [list(reasons) for reasons in evaluation.reasons]


def test_evaluation_afterwards_proposes_the_same(simulation, run):
    result, out = run
    again = cl2d.evaluate(out, particles=cl2d.array_source(simulation.images, 4.0), threads=1)
    assert again[-1].reasons == result.evaluations[-1].reasons


def test_every_particle_is_in_one_of_the_two_files(run, tmp_path):
    _, out = run
    cl2d.select_auto(out, output=tmp_path / "good.star")
    assert (tmp_path / "good_selection.png").read_bytes().startswith(b"\x89PNG")
    rows = [
        starfile.read(tmp_path / f"{name}.star")["particles"]["rlnImageName"]
        for name in ("good", "good_not_selected")
    ]
    assert sorted(np.concatenate(rows)) == sorted(
        starfile.read(out / "particles.star")["particles"]["rlnImageName"]
    )
