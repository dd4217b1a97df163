"""Whole runs whose averages are corrected for the contrast transfer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import cl2d
from cl2d.io import array_source, open_particles, read_stack, write_stack
from cl2d.io.ctf_parameters import read_ctf_parameters
from cl2d.outputs.averages import raw_averages
from cl2d.preprocess.ctf_source import CtfFilteredSource
from cl2d.simulate import SimulationOptions, simulate_particles
from cl2d.simulate.files import write_simulation

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.pipeline.classification import Classification
    from cl2d.simulate.particles import Simulation

N_PARTICLES = 400
RUN = {"n_classes": 3, "initial_classes": 3, "iterations": 6, "threads": 1}
WHOLE = {**RUN, "analyze_rejected": True, "junk_zscore": 1.5}
QUICK = {**RUN, "core": False, "evaluate": False}


def simulation(ctf: str) -> Simulation:
    options = SimulationOptions(
        n_particles=N_PARTICLES,
        n_views=3,
        box_px=64,
        pixel_size_angstrom=3.0,
        snr=0.4,
        ctf=ctf,
        n_blobs=300,
        shift_sd_px=1.0,
    )
    return simulate_particles(options)


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("full")
    for ctf in ("raw", "flipped"):
        write_simulation(folder / ctf, simulation(ctf))
    return {ctf: folder / ctf / "particles.star" for ctf in ("raw", "flipped")}


@pytest.fixture(scope="module")
def full_run(tables, tmp_path_factory) -> tuple[Path, Classification]:
    out = tmp_path_factory.mktemp("run") / "out"
    return out, cl2d.classify(tables["raw"], ctf="full", output=out, **WHOLE)


@pytest.fixture(scope="module")
def flip(tables) -> Classification:
    return cl2d.classify(tables["raw"], ctf="flip", **WHOLE)


def clean_averages(run: Classification) -> np.ndarray:
    """Return what the members show at the poses found, without noise and contrast transfer."""
    raw = simulation("raw")
    clean = simulate_particles(raw.options.model_copy(update={"ctf": "none"}))
    images = clean.signal(0, N_PARTICLES) * (raw.signal_scale / clean.signal_scale)
    return raw_averages(array_source(images), [run.levels[-1]], 1)[0]


def likeness(averages: np.ndarray, clean: np.ndarray) -> list[float]:
    return [np.corrcoef(a.ravel(), c.ravel())[0, 1] for a, c in zip(averages, clean, strict=True)]


def test_classes_are_those_of_flipped_particles_and_averages_nearer_to_the_truth(flip, full_run):
    _, full = full_run
    assert (full.plan.ctf, flip.plan.ctf) == ("full", "flip")
    np.testing.assert_array_equal(full.labels, flip.labels)
    np.testing.assert_array_equal(full.poses.psi_rad, flip.poses.psi_rad)
    np.testing.assert_array_equal(full.cores[-1].is_core, flip.cores[-1].is_core)
    clean = clean_averages(full)
    found, before = likeness(full.averages, clean), likeness(flip.averages, clean)
    assert min(found) > 0.95, found
    assert max(before) < min(found) - 0.05, (before, found)
    # Greys are those of the specimen: least squares of the average on the truth.
    slopes = [
        np.polyfit(c.ravel(), a.ravel(), 1)[0] for a, c in zip(full.averages, clean, strict=True)
    ]
    np.testing.assert_allclose(slopes, 1.0, atol=0.1)
    assert min(likeness(full.core_averages, clean)) > 0.9


def test_evaluation_measures_the_weighted_averages_as_it_would_plain_ones(flip, full_run):
    _, full = full_run
    one, other = full.evaluations[-1], flip.evaluations[-1]
    assert np.isfinite(one.frc).all()
    # Weighting by the CTF cannot cost much of what flipping shows, and changes no judgement here.
    assert (one.crossing_per_px > 0.9 * other.crossing_per_px).all()
    assert one.reasons == other.reasons
    np.testing.assert_allclose(one.quality, other.quality, atol=0.15)


def test_later_commands_average_as_the_run_did(tables, full_run):
    out, run = full_run
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["automatic"]["ctf"] == "full"
    np.testing.assert_array_equal(read_stack(out / "classes.mrcs"), run.averages)
    again = cl2d.evaluate(out, threads=1)
    np.testing.assert_array_equal(again[-1].frc, run.evaluations[-1].frc)
    np.testing.assert_array_equal(again[-1].quality, run.evaluations[-1].quality)
    before = read_stack(out / "classes_core.mrcs")
    cl2d.recompute_cores(out, threads=1)
    np.testing.assert_array_equal(read_stack(out / "classes_core.mrcs"), before)
    joined = cl2d.assign(out, tables["raw"], threads=1)
    assert (joined.labels == run.labels).mean() > 0.97
    assert min(likeness(joined.averages, run.averages)) > 0.97


def test_flipped_particles_join_the_classes_of_raw_ones(tables, full_run):
    out, run = full_run
    joined = cl2d.assign(out, tables["flipped"], threads=1)
    assert (joined.labels == run.labels).mean() > 0.97
    assert min(likeness(joined.averages, run.averages)) > 0.97


def test_averages_of_rejected_particles_are_corrected_too(full_run):
    out, run = full_run
    assert run.rejected is not None
    assert run.rejected.plan.ctf == "full"
    np.testing.assert_array_equal(read_stack(out / "rejected/classes.mrcs"), run.rejected.averages)
    assert np.isfinite(run.rejected.averages).all()


def test_flipped_particles_are_corrected_without_being_flipped_again(tables):
    raw, flipped = (cl2d.classify(tables[name], ctf="full", **QUICK) for name in tables)
    assert raw.plan.ctf == flipped.plan.ctf == "full"
    assert not flipped.warnings
    assert min(likeness(flipped.averages, clean_averages(flipped))) > 0.95


def test_threads_do_not_change_a_bit(tables):
    one, two = (cl2d.classify(tables["raw"], ctf="full", **{**QUICK, "threads": n}) for n in (1, 2))
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.averages, two.averages)


def with_column(star: Path, name: str, value: str, copy: str) -> Path:
    """Write a copy of a table, beside it, with one more column of the particles."""
    lines = star.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if "@" in line)
    number = len(lines[first].split()) + 1
    rows = [f"{line} {value}" if "@" in line else line for line in lines]
    path = star.with_name(copy)
    text = "\n".join([*rows[:first], f"_{name} #{number}", *rows[first:]])
    path.write_text(text + "\n", encoding="utf-8")
    return path


def test_particles_multiplied_by_their_ctf_are_only_divided(tables):
    folder = tables["raw"].parent.parent / "multiplied"
    write_simulation(folder, simulation("raw"))
    given = with_column(
        folder / "particles.star", "rlnCtfDataAreCtfPremultiplied", "1", "multiplied.star"
    )
    source = open_particles(tables["raw"])
    times_ctf = CtfFilteredSource(source, read_ctf_parameters(source.table), lambda ctf: ctf)
    write_stack(folder / "particles.mrcs", times_ctf.read(0, N_PARTICLES), 3.0)
    run = cl2d.classify(given, ctf="full", **QUICK)
    assert run.plan.ctf == "full"
    assert min(likeness(run.averages, clean_averages(run))) > 0.95


def test_images_divided_by_their_ctf_are_refused(tables):
    given = with_column(tables["raw"], "ctfCorrected", "1", "corrected.star")
    words = "must be raw, phase-flipped or multiplied by their CTF for ctf full"
    with pytest.raises(cl2d.InputError, match=words):
        cl2d.classify(given, ctf="full", **QUICK)
    assert cl2d.classify(given, ctf="flip", **QUICK).plan.ctf == "none"
