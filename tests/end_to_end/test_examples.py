"""The examples run against what they are examples for, as far as that goes without a server."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest

import cl2d
from cl2d.io.cs_dataset import write_cs
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

if TYPE_CHECKING:
    from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    path = EXAMPLES / f"{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_external_job_classifies_and_saves_what_cryosparc_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryosparc.tools")
    example = load("cryosparc_external_job")
    from cryosparc.controllers.job import ExternalJobController  # noqa: PLC0415
    from cryosparc.controllers.project import ProjectController  # noqa: PLC0415
    from cryosparc.dataset import Dataset  # noqa: PLC0415

    (tmp_path / "J3").mkdir()
    (tmp_path / "J5").mkdir()
    options = SimulationOptions(n_particles=100, box_px=32, n_views=2, snr=0.5)
    write_simulation(tmp_path / "J3", simulate_particles(options))
    fields = {
        "uid": np.arange(100, dtype=np.uint64) + 7,
        "blob/path": np.full(100, b"J3/particles.mrcs"),
        "blob/idx": np.arange(100, dtype=np.uint32),
        "blob/psize_A": np.full(100, 2, np.float32),
    }
    write_cs(tmp_path / "given.cs", fields)
    # The specifications refuse methods and arguments that the package does not have.
    job = mock.create_autospec(ExternalJobController, instance=True)
    job.uid = "J5"
    job.load_input.return_value = Dataset.load(tmp_path / "given.cs")
    project = mock.create_autospec(ProjectController, instance=True)
    project.create_external_job.return_value = job
    assert example.create_job(project, "W1", "J4", "particles") is job

    program = tmp_path / "bin" / "cl2d"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cl2d "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(cl2d.__file__).parents[1]))
    arguments = ["--classes", "2", "--initial-classes", "1", "--iterations", "2", "--quiet"]
    example.save_results(job, example.classify(job, tmp_path, arguments))

    saved = {call.args[0]: call.args[1] for call in job.save_output.call_args_list}
    particles = saved["particles"]
    assert sorted(particles["uid"]) == fields["uid"].tolist()
    assert set(particles["alignments2D/class"]) == {0, 1}
    assert set(particles.prefixes()) == {"alignments2D"}
    averages = saved["class_averages"]
    assert list(averages["blob/path"]) == ["J5/class_averages.mrc"] * 2
    assert list(averages["blob/idx"]) == [0, 1]
    assert job.upload.call_args.args[1].is_file()
    assert job.log_plot.call_args.args[0].is_file()


def test_sign_of_poses_is_found_where_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = SimulationOptions(n_particles=80, box_px=32, n_views=1, snr=1.0, mirrors=False)
    write_simulation(tmp_path, simulate_particles(options))
    cl2d.classify(
        tmp_path / "particles.star", output=tmp_path / "out", n_classes=1, mirrors=False,
        core=False, evaluate=False, format="cryosparc",
    )  # fmt: skip
    address = str(tmp_path / "out" / "cryosparc" / "particles.cs")
    example = load("cryosparc_pose_sign")
    monkeypatch.setattr(sys, "argv", ["cryosparc_pose_sign.py", address, "--classes", "1"])
    example.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert " ".join(lines[0].split()).startswith("+1 pose +1 shift shift first variance")
    variances = [float(line.split()[-1]) for line in lines]
    assert variances[0] > 1.1 * variances[1]
