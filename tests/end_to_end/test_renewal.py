"""Commands that renew files of a finished run, cut off half way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import cl2d
from cl2d.errors import InputError
from cl2d.outputs.run_lock import locked_folder
from cl2d.pipeline.resuming import CompleteRunError
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    options = SimulationOptions(n_particles=120, box_px=32, n_views=2, snr=0.5)
    write_simulation(tmp_path / "in", simulate_particles(options))
    particles, out = tmp_path / "in" / "particles.star", tmp_path / "out"
    cl2d.classify(particles, n_classes=2, iterations=3, output=out, threads=1)
    return out


def status(run: Path) -> str:
    return str(json.loads((run / "run.json").read_text())["status"])


@pytest.mark.parametrize(
    ("renew", "last"),
    [
        (cl2d.recompute_cores, "cl2d.pipeline.cores.renew_report"),
        (cl2d.evaluate, "cl2d.pipeline.evaluation.renew_report"),
    ],
)
def test_a_half_renewed_run_is_for_the_same_command_alone(run, renew, last):
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last, full)
        with pytest.raises(OSError, match="No space left"):
            renew(run)
    assert status(run) == "renewing"
    with pytest.raises(CompleteRunError):
        cl2d.classify(run.parent / "in" / "particles.star", output=run, resume=True)
    with pytest.raises(InputError, match="must be complete, not renewing: cl2d cores or cl2d"):
        cl2d.report(run)
    with pytest.raises(InputError, match="must be complete, not renewing"):
        cl2d.assign(run, run.parent / "in" / "particles.star")
    renew(run)
    assert status(run) == "complete"
    cl2d.report(run)


@pytest.mark.parametrize("renew", [cl2d.recompute_cores, cl2d.evaluate, cl2d.report])
def test_a_run_is_not_renewed_while_another_process_writes_there(run, renew):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with locked_folder(run), pytest.raises(InputError, match="must not be in use"):
        renew(run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_failure_before_anything_is_renewed_leaves_the_run_complete(run):
    with pytest.raises(InputError):
        cl2d.recompute_cores(run, junk_zscore=-1.0)
    (run.parent / "in" / "particles.mrcs").unlink()
    with pytest.raises(InputError):
        cl2d.evaluate(run)
    assert status(run) == "complete"
