"""Whole runs that keep within the memory they may take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import cl2d
from cl2d.errors import InputError
from cl2d.events import RunPlanned
from cl2d.io import write_stack
from cl2d.pipeline import storage_choice
from cl2d.simulate import SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.pipeline.classification import Classification

N_IMAGES = 240


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("particles") / "particles.mrcs"
    options = SimulationOptions(n_particles=N_IMAGES, box_px=32, pixel_size_angstrom=8.0)
    write_stack(path, simulate_particles(options).images, 8.0)
    return path


@pytest.fixture(autouse=True)
def any_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let scratch files lie wherever the folders of tests do."""
    monkeypatch.setattr(storage_choice, "MOUNTS", tmp_path / "none")


def classified(stack: Path, **options: object) -> Classification:
    return cl2d.classify(stack, n_classes=4, initial_classes=2, iterations=3, threads=1, **options)


def same(first: Classification, second: Classification) -> bool:
    """Whether labels, scores, poses, averages and figures have the same bits."""
    pairs = [
        (first.labels, second.labels),
        (first.scores, second.scores),
        (first.poses.psi_rad, second.poses.psi_rad),
        (first.averages, second.averages),
        *((a.frc, b.frc) for a, b in zip(first.evaluations, second.evaluations, strict=True)),
    ]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def test_run_with_a_scratch_file_is_the_run_in_half_precision(stack: Path, tmp_path: Path) -> None:
    half = classified(stack, storage="half")
    scratch = classified(stack, storage="scratch", scratch_dir=str(tmp_path))
    assert same(half, scratch)
    assert list(tmp_path.iterdir()) == []


def test_run_is_the_same_whatever_limit_it_fits(stack: Path) -> None:
    plain = classified(stack)
    assert plain.memory is not None
    assert plain.memory.storage == "single"
    assert same(plain, classified(stack, max_memory="100GB", storage="single"))


def test_run_takes_no_more_than_was_stated(stack: Path) -> None:
    plans: list[RunPlanned] = []
    result = classified(
        stack, on_event=lambda event: plans.append(event) if type(event) is RunPlanned else None
    )
    [plan] = plans
    assert result.memory is not None
    assert result.memory.peak_bytes is not None
    assert 0 < result.memory.peak_bytes <= plan.memory_bytes == result.memory.estimated_bytes
    assert (plan.storage, plan.bytes_per_image) == ("single", result.memory.bytes_per_image)


def test_record_tells_storage_estimate_and_peak_and_later_jobs_store_alike(
    stack: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = classified(stack, output=out, storage="scratch", max_memory="100GB")
    assert result.memory is not None
    memory = json.loads((out / "run.json").read_text())["memory"]
    assert memory["storage"] == "scratch"
    assert memory["limit_bytes"] == 100 * 10**9
    assert memory["estimated_bytes"] == result.memory.estimated_bytes
    assert 0 < memory["peak_bytes"] <= memory["estimated_bytes"]
    again = cl2d.assign(out, stack, threads=1)
    assert np.mean(again.labels == result.labels) > 0.9
    cl2d.evaluate(out, threads=1)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("tmp")]


def test_run_that_does_not_fit_is_refused_before_it_leaves_a_trace(
    stack: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"even with .* scratch file and 10\.0 MB are available"):
        classified(stack, output=out, max_memory="10MB")
    assert not out.exists()


def test_rejected_images_are_stored_as_all_were(stack: Path) -> None:
    result = classified(stack, storage="half", analyze_rejected=True, junk_zscore=0.5)
    assert result.rejected is not None
    assert result.rejected.memory is not None
    assert result.rejected.memory.storage == "half"
