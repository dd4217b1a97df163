"""A run read back from its folder is the run that was written."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import cl2d
from cl2d.outputs.saved_run import load_run
from cl2d.results import Poses, poses_from_relion
from cl2d.simulate import SimulationOptions, simulate_particles


def test_relion_form_of_a_pose_is_inverted():
    rng = np.random.default_rng(0)
    poses = Poses(rng.uniform(-np.pi, np.pi, 50), rng.normal(size=(50, 2)), rng.random(50) < 0.5)
    again = poses_from_relion(poses.relion_angle_deg(), poses.relion_origin_px(), poses.mirror)
    np.testing.assert_allclose(again.psi_rad, poses.psi_rad, atol=1e-12)
    np.testing.assert_allclose(again.shift_px, poses.shift_px, atol=1e-12)
    assert (again.mirror == poses.mirror).all()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a result of two levels, one image flagged, and its folder."""
    options = SimulationOptions(n_particles=80, box_px=32, n_views=2, snr=1.0, seed=5)
    images = simulate_particles(options).images.copy()
    images[3] = 0.0
    out = tmp_path_factory.mktemp("saved") / "run"
    result = cl2d.classify(
        images, n_classes=2, initial_classes=1, iterations=2, seed=4, threads=1, output=out
    )
    return result, out


def test_levels_options_plan_and_averages_come_back(finished):
    result, out = finished
    saved = load_run(out)
    assert saved.options == result.options
    for written, read in zip(result.levels, saved.levels, strict=True):
        used = written.labels >= 0
        assert (read.labels == written.labels).all()
        assert (read.parents == written.parents).all()
        assert (read.scores[used] == written.scores[used]).all()
        np.testing.assert_allclose(
            read.poses.shift_px[used], written.poses.shift_px[used], atol=1e-9
        )
        assert read.iterations == written.iterations
    np.testing.assert_array_equal(saved.averages, result.averages)
    assert saved.plan.k_max == result.plan.k_max
    np.testing.assert_allclose(saved.plan.noise_power, result.plan.noise_power)
    assert saved.fingerprint == result.source.fingerprint()


def test_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(cl2d.InputFileError, match=r"must be the folder of a run.*run\.json"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "interrupted"}, "must be complete, not interrupted"),
        ({"preprocessing": {}}, "must hold the files of a run"),
        ({"options": {"levels": {"classes": -1}}}, "must hold the files of a run"),
    ],
)
def test_unfinished_or_damaged_run_is_refused(finished, tmp_path, change, message):
    folder = tmp_path / "copy"
    shutil.copytree(finished[1], folder)
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, **change}))
    with pytest.raises(cl2d.InputFileError, match=message):
        load_run(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_record_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(cl2d.InputFileError, match=r"run\.json"):
        load_run(tmp_path)


def test_level_that_is_missing_is_named(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[1], folder)
    (folder / "levels" / "level_01" / "particles.npz").unlink()
    with pytest.raises(cl2d.InputFileError, match=r"level_01.particles\.npz"):
        load_run(folder)
