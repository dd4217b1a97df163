"""The RELION job of a run stays true when the run's files change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import starfile

import cl2d
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

OPTIONS: dict[str, Any] = {"n_classes": 4, "initial_classes": 2, "iterations": 3, "threads": 1}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project directory with particles and a run of them that was not evaluated."""
    folder = tmp_path_factory.mktemp("project")
    simulated = SimulationOptions(n_particles=200, box_px=32, n_views=3, snr=1.0)
    write_simulation(folder / "simulated", simulate_particles(simulated))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        cl2d.classify("simulated/particles.star", output="run", evaluate=False, **OPTIONS)
    return folder


@pytest.fixture
def job(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The job of a copy of the run; the working directory is the project's."""
    monkeypatch.chdir(project)
    shutil.rmtree("copy", ignore_errors=True)
    return Path(shutil.copytree("run", "copy")) / "relion"


def particles(path: Path) -> Any:
    return starfile.read(path, always_dict=True)["particles"]


def test_moved_thresholds_reach_the_particles_of_the_job(job: Path) -> None:
    before = particles(job / "run_it025_data.star")
    cl2d.recompute_cores("copy", junk_zscore=1.0, pca_zscore=1.0)
    after = particles(job / "run_it025_data.star")
    assert after["cl2dIsCore"].sum() < before["cl2dIsCore"].sum()
    written = particles(Path("copy/particles.star"))
    np.testing.assert_array_equal(after["cl2dIsCore"], written["cl2dIsCore"])
    np.testing.assert_array_equal(after["rlnClassNumber"], before["rlnClassNumber"])


def test_later_evaluation_reaches_the_job(job: Path) -> None:
    [evaluation] = cl2d.evaluate("copy")[-1:]
    [selection] = starfile.read(job / "backup_selection.star", always_dict=True).values()
    np.testing.assert_array_equal(selection["rlnSelected"], evaluation.selected)
    model = starfile.read(job / "run_it025_model.star", always_dict=True)
    curve = model["model_class_1"]["rlnGoldStandardFsc"]
    np.testing.assert_allclose(curve, evaluation.frc[0], atol=1e-6)
    assert model["model_classes"]["rlnReferenceImage"][0].startswith("000001@copy/relion/")


def test_job_that_was_removed_is_not_made_again(job: Path) -> None:
    shutil.rmtree(job)
    cl2d.evaluate("copy")
    cl2d.recompute_cores("copy")
    assert not job.exists()


def test_warning_of_mirrors_is_told_and_recorded(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(project)
    told: list[object] = []
    result = cl2d.classify(
        "simulated/particles.star", output=tmp_path / "out", on_event=told.append, **OPTIONS
    )
    [warning] = [text for text in result.warnings if "mirrored particles" in text]
    assert [getattr(event, "message", "") for event in told].count(warning) == 1
    assert warning in (tmp_path / "out" / "run.json").read_text()
    unsaved = cl2d.classify("simulated/particles.star", **OPTIONS)
    assert warning not in unsaved.warnings
    unsaved.save(tmp_path / "saved")
    assert (tmp_path / "saved" / "run.json").read_text().count(warning) == 1


def test_assigned_particles_have_a_job_of_their_own(job: Path) -> None:
    result = cl2d.assign("copy", "simulated/particles.star", output="assigned", overwrite=True)
    data = particles(Path("assigned/relion/run_it025_data.star"))
    np.testing.assert_array_equal(data["rlnClassNumber"], result.labels + 1)
    assert any("mirrored particles" in warning for warning in result.warnings)
    assert job.is_dir()
