"""Simulated sets on disk: what other programs read, and what can be read back."""

from __future__ import annotations

import dataclasses

import mrcfile
import numpy as np
import pytest
import starfile

from cl2d.errors import InputFileError
from cl2d.events import PhaseFinished, PhaseProgress, PhaseStarted
from cl2d.io import array_source, open_particles
from cl2d.simulate import (
    SimulationOptions,
    read_truth,
    simulate_particles,
    write_simulation,
    write_truth,
)

OPTIONS = {"n_particles": 300, "box_px": 24, "n_views": 3, "pixel_size_angstrom": 2.5}


@pytest.fixture
def simulation():
    return simulate_particles(
        SimulationOptions(**OPTIONS, ctf="raw", noise="ice", junk_fraction=0.2)
    )


def test_stack_holds_the_images(simulation, tmp_path):
    write_simulation(tmp_path / "made" / "new", simulation)
    with mrcfile.open(tmp_path / "made" / "new" / "particles.mrcs") as stack:
        assert np.array_equal(stack.data, simulation.images)
        assert stack.is_image_stack()
        assert stack.voxel_size.x == pytest.approx(2.5)
    with mrcfile.open(tmp_path / "made" / "new" / "views.mrcs") as stack:
        assert np.array_equal(stack.data, simulation.views)


def test_table_is_relion_s(simulation, tmp_path):
    write_simulation(tmp_path, simulation)
    blocks = starfile.read(tmp_path / "particles.star")
    particles, optics = blocks["particles"], blocks["optics"]
    assert particles["rlnImageName"][299] == "000300@particles.mrcs"
    assert np.allclose(particles["rlnDefocusU"], simulation.truth.defocus_angstrom[:, 0])
    assert np.allclose(particles["rlnDefocusAngle"], simulation.truth.defocus_angle_deg)
    assert particles["rlnMicrographName"].nunique() == 6
    assert not any("Origin" in name or "Angle" in name[-5:] for name in particles.columns[:3])
    assert float(optics["rlnImagePixelSize"].iloc[0]) == 2.5
    assert int(optics["rlnImageSize"].iloc[0]) == 24


def test_table_without_ctf_has_no_defocus(tmp_path):
    write_simulation(tmp_path, simulate_particles(SimulationOptions(**OPTIONS)))
    assert "rlnDefocusU" not in starfile.read(tmp_path / "particles.star")["particles"]


def test_written_set_opens_as_particles(simulation, tmp_path):
    write_simulation(tmp_path, simulation)
    source = open_particles(tmp_path / "particles.star")
    assert (source.n_images, source.box_px, source.pixel_size_angstrom) == (300, 24, 2.5)
    assert np.array_equal(source.read(120, 140), simulation.read(120, 140))


def test_lazy_stack_is_a_particle_source(simulation):
    source = array_source(simulation.stack, pixel_size_angstrom=2.5)
    assert np.array_equal(source.read(3, 9), simulation.images[3:9])


@pytest.mark.parametrize("n_views", [0, 3])
def test_truth_is_read_back(tmp_path, n_views):
    options = SimulationOptions(**{**OPTIONS, "n_views": n_views}, ctf="raw", junk_fraction=0.3)
    truth = simulate_particles(options).truth
    write_truth(tmp_path / "truth.csv", truth)
    again = read_truth(tmp_path / "truth.csv")
    for item in dataclasses.fields(truth):
        written, read = getattr(truth, item.name), getattr(again, item.name)
        assert read.dtype == written.dtype
        assert np.allclose(written, read, rtol=1e-8, equal_nan=True)


def test_views_are_written_only_where_there_are_any(tmp_path):
    simulation = simulate_particles(SimulationOptions(**{**OPTIONS, "n_views": 0}))
    write_simulation(tmp_path, simulation)
    assert not (tmp_path / "views.mrcs").exists()
    rows = (tmp_path / "truth.csv").read_text(encoding="utf-8").splitlines()
    assert rows[1].split(",")[1] == ""


def test_written_options_make_the_same_set(simulation, tmp_path):
    write_simulation(tmp_path, simulation)
    text = (tmp_path / "simulation.json").read_text(encoding="utf-8")
    again = simulate_particles(SimulationOptions.model_validate_json(text))
    assert np.array_equal(again.images, simulation.images)


def test_an_older_set_is_replaced_whole(simulation, tmp_path):
    write_simulation(tmp_path, simulation)
    write_simulation(tmp_path, simulate_particles(SimulationOptions(**OPTIONS)))
    assert "rlnDefocusU" not in starfile.read(tmp_path / "particles.star")["particles"]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "particles.mrcs",
        "particles.star",
        "simulation.json",
        "truth.csv",
        "views.mrcs",
    }


def test_a_file_in_place_of_the_folder_is_refused(simulation, tmp_path):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(InputFileError, match="taken: must be a folder"):
        write_simulation(tmp_path / "taken", simulation)


def test_progress_reaches_the_end(simulation, tmp_path):
    events = []
    write_simulation(tmp_path, simulation, on_event=events.append)
    assert events[0] == PhaseStarted("simulating", 300)
    assert [e.done for e in events if isinstance(e, PhaseProgress)][-1] == 300
    assert isinstance(events[-1], PhaseFinished)


@pytest.mark.parametrize(
    "text", [None, "index,view\n0,1\n", "index,view,rot,tilt,psi,inplane_deg\n0,one,,,,\n"]
)
def test_unusable_truth_is_refused_by_name(tmp_path, text):
    path = tmp_path / "truth.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError, match=r"truth\.csv"):
        read_truth(path)
