"""Whole runs on particles as the microscope leaves them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import fft, ndimage

import cl2d
from cl2d.io import open_particles, read_stack, write_stack, write_star
from cl2d.io.ctf_parameters import read_ctf_parameters
from cl2d.options import ClassifyOptions
from cl2d.pipeline.ctf_evidence import phase_evidence
from cl2d.preprocess.ctf_source import phase_flipped
from cl2d.simulate import SimulationOptions, simulate_particles
from cl2d.simulate.files import particle_table, write_simulation

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.simulate.particles import Simulation

N_PARTICLES = 400
BOX = 64
PIXEL_SIZE = 2.2
RUN = {"n_classes": 3, "initial_classes": 3, "iterations": 6, "threads": 1}
QUICK = {**RUN, "core": False, "evaluate": False}
FLAG = "rlnCtfDataArePhaseFlipped"


def simulation(ctf: str) -> Simulation:
    options = SimulationOptions(
        n_particles=N_PARTICLES,
        n_views=3,
        box_px=BOX,
        pixel_size_angstrom=PIXEL_SIZE,
        snr=0.5,
        ctf=ctf,
        n_blobs=300,
        shift_sd_px=1.0,
    )
    return simulate_particles(options)


def without_flag(star: Path) -> Path:
    """Write a copy of a table, beside it, that does not say whether phases are flipped."""
    lines = star.read_text(encoding="utf-8").splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith(f"_{FLAG}"))
    number = int(lines[place].split("#")[1])
    row = next(i for i in range(place, len(lines)) if lines[i] and not lines[i].startswith("_"))
    cells = lines[row].split()
    assert number == len(cells)
    lines[row] = " ".join(cells[:-1])
    del lines[place]
    copy = star.with_name("silent.star")
    copy.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> dict[str, Path]:
    """Return tables of raw and flipped particles, the latter with the flag and without."""
    folder = tmp_path_factory.mktemp("ctf")
    for ctf in ("raw", "flipped"):
        write_simulation(folder / ctf, simulation(ctf))
    found = {ctf: folder / ctf / "particles.star" for ctf in ("raw", "flipped")}
    return {**found, "silent": without_flag(found["flipped"])}


def details(images: np.ndarray) -> np.ndarray:
    """Return transforms within rings beyond the first zeros of the CTF, of norm 1."""
    rings = np.hypot(np.fft.fftfreq(BOX)[:, None], np.fft.fftfreq(BOX)[None]) * BOX
    band = fft.fft2(images) * ((rings >= 9) & (rings <= 16))
    return band / np.sqrt((np.abs(band) ** 2).sum(axis=(-2, -1), keepdims=True))


def likeness_of_details(averages: np.ndarray) -> float:
    """Return the mean over averages of the best correlation with a clean view in any pose."""
    views = simulation("raw").views
    turned = np.array(
        [
            ndimage.rotate(side, angle, axes=(1, 2), reshape=False, order=3)
            for side in (views, views[:, :, ::-1])
            for angle in range(0, 360, 4)
        ]
    ).reshape(-1, BOX, BOX)
    references = details(turned).conj()
    best = [fft.ifft2(average * references).real.max() * BOX**2 for average in details(averages)]
    return float(np.mean(best))


def test_flipped_particles_average_to_finer_views_than_raw_ones(sets):
    as_they_are = cl2d.classify(sets["raw"], ctf="none", **QUICK)
    flipped = cl2d.classify(sets["raw"], ctf="flip", **QUICK)
    assert (as_they_are.plan.ctf, flipped.plan.ctf) == ("none", "flip")
    before, after = (likeness_of_details(run.averages) for run in (as_they_are, flipped))
    assert after > before + 0.2, (before, after)


def test_images_show_whether_their_phases_are_flipped(sets):
    for name, ctf in (("raw", "flip"), ("silent", "none")):
        result = cl2d.classify(sets[name], **QUICK)
        assert result.plan.ctf == ctf
        assert not result.warnings


def test_images_of_noise_show_nothing_and_are_left_alone(tmp_path):
    rng = np.random.default_rng(0)
    table = tmp_path / "noise.star"
    noise = rng.normal(size=(N_PARTICLES, BOX, BOX)).astype(np.float32)
    write_stack(tmp_path / "particles.mrcs", noise, PIXEL_SIZE)
    write_star(table, particle_table(simulation("raw"), "particles.mrcs"))
    source = open_particles(table)
    options = ClassifyOptions.from_flat(threads=1)
    evidence = [
        phase_evidence(source, read_ctf_parameters(source.table), options, np.arange(first, 400))
        for first in range(0, 100, 25)
    ]
    # Standard errors: four draws, correlated, stay within four.
    assert np.abs(evidence).max() < 4
    result = cl2d.classify(table, **QUICK)
    assert result.plan.ctf == "none"
    assert any("do not show whether their phases are flipped" in text for text in result.warnings)


def test_particles_said_to_be_flipped_are_not_flipped_again(sets):
    asked = cl2d.classify(sets["flipped"], ctf="flip", **QUICK)
    plain = cl2d.classify(sets["silent"], ctf="none", **QUICK)
    assert asked.plan.ctf == "none"
    assert any("their table says that their phases are flipped" in text for text in asked.warnings)
    np.testing.assert_array_equal(asked.averages, plain.averages)


def test_run_is_that_of_images_flipped_before(sets):
    source = open_particles(sets["raw"])
    before = phase_flipped(source, read_ctf_parameters(source.table)).read(0, N_PARTICLES)
    first = cl2d.classify(before, ctf="none", pixel_size_angstrom=PIXEL_SIZE, **RUN)
    second = cl2d.classify(sets["raw"], ctf="flip", **RUN)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.averages, second.averages)
    np.testing.assert_array_equal(first.core_averages, second.core_averages)
    for one, other in zip(first.evaluations, second.evaluations, strict=True):
        np.testing.assert_array_equal(one.frc, other.frc)


def test_threads_do_not_change_a_bit(sets):
    one, two = (cl2d.classify(sets["raw"], **{**QUICK, "threads": n}) for n in (1, 2))
    assert one.plan.ctf == two.plan.ctf == "flip"
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.averages, two.averages)


def test_later_commands_correct_as_the_run_did(sets, tmp_path):
    out = tmp_path / "run"
    run = cl2d.classify(sets["raw"], output=out, **RUN)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["automatic"]["ctf"] == "flip"
    again = cl2d.evaluate(out, threads=1)
    np.testing.assert_array_equal(again[-1].frc, run.evaluations[-1].frc)
    before = read_stack(out / "classes_core.mrcs")
    cl2d.recompute_cores(out, threads=1)
    np.testing.assert_array_equal(read_stack(out / "classes_core.mrcs"), before)
    joined = cl2d.assign(out, sets["raw"], threads=1)
    assert (joined.labels == run.labels).mean() > 0.95
    assert np.corrcoef(joined.averages.ravel(), run.averages.ravel())[0, 1] > 0.95


def test_evaluation_refuses_other_defoci(sets, tmp_path):
    out = tmp_path / "run"
    cl2d.classify(sets["raw"], output=out, **QUICK)
    text = sets["raw"].read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if "@" in line)
    other = sets["raw"].with_name("other.star")
    cells = first.split()
    cells[3] = str(float(cells[3]) + 1000.0)
    other.write_text(text.replace(first, " ".join(cells)), encoding="utf-8")
    with pytest.raises(cl2d.InputError, match="the particles must be those of"):
        cl2d.evaluate(out, particles=other, threads=1)


@pytest.mark.parametrize("ctf", ["flip", "full"])
@pytest.mark.parametrize(
    ("particles", "message"),
    [("stack", "must come with a table of defoci"), ("table", "must have a column _rlnDefocusU")],
)
def test_correction_needs_defoci(sets, tmp_path, particles, message, ctf):
    stack = sets["raw"].with_name("particles.mrcs")
    table = tmp_path / "bare.star"
    names = "".join(f"{row + 1}@{stack}\n" for row in range(20))
    optics = "data_optics\nloop_\n_rlnOpticsGroup\n_rlnVoltage\n_rlnSphericalAberration\n"
    optics += "_rlnAmplitudeContrast\n_rlnImagePixelSize\n1 300 2.7 0.1 2.2\n"
    table.write_text(f"{optics}\ndata_particles\nloop_\n_rlnImageName\n{names}")
    given = {"stack": stack, "table": table}[particles]
    with pytest.raises(cl2d.InputError, match=message):
        cl2d.classify(given, ctf=ctf, **QUICK)
    if particles == "table":
        assert cl2d.classify(given, **QUICK).plan.ctf == "none"


def test_unreadable_defocus_is_an_error_only_where_a_correction_is_asked_for(sets):
    text = sets["raw"].read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if "@" in line)
    cells = first.split()
    cells[3] = "nan"
    broken = sets["raw"].with_name("broken.star")
    broken.write_text(text.replace(first, " ".join(cells)), encoding="utf-8")
    words = r"row 1 of data_particles: rlnDefocusU must be between .* not nan"
    with pytest.raises(cl2d.InputError, match=words):
        cl2d.classify(broken, ctf="flip", **QUICK)
    result = cl2d.classify(broken, **QUICK)
    assert result.plan.ctf == "none"
    assert any(f"the CTF is not corrected: {broken}: row 1" in text for text in result.warnings)
