"""The parts of the pipeline beside the run itself: inputs, memory, phases, the folder of a run."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cl2d.engine import bytes_per_image
from cl2d.errors import InputError
from cl2d.events import PhaseFinished, PhaseProgress, PhaseStarted
from cl2d.io import array_source
from cl2d.options import ClassifyOptions
from cl2d.outputs import UnfinishedRun
from cl2d.pipeline.inputs import NAMED_IMAGES, flag_warnings
from cl2d.pipeline.memory import memory_needs
from cl2d.pipeline.run_folder import RunFolder
from cl2d.pipeline.timing import Phases
from cl2d.preprocess import PreprocessPlan
from cl2d.results import LevelResult, identity_poses

if TYPE_CHECKING:
    from pathlib import Path

N_IMAGES = 6


def make_plan(box_px: int = 20) -> PreprocessPlan:
    return PreprocessPlan(
        box_px=box_px,
        working_box_px=box_px,
        mask_radius_px=0.45 * box_px,
        k_min=1,
        k_max=int(0.45 * box_px),
        noise_power=np.ones(int(0.45 * box_px) + 1),
        signal_to_noise=np.ones(int(0.45 * box_px) + 1),
    )


def make_level(number: int, labels: list[int]) -> LevelResult:
    n_classes = max(labels) + 1
    return LevelResult(
        level=number,
        n_classes=n_classes,
        labels=np.array(labels, dtype=np.int32),
        poses=identity_poses(len(labels)),
        scores=np.full(len(labels), 0.5, dtype=np.float32),
        confidence=np.zeros(len(labels), dtype=np.float32),
        parents=np.full(n_classes, -1 if number == 0 else 0, dtype=np.int32),
    )


def begun(**options: Any) -> UnfinishedRun:
    images = np.random.default_rng(0).normal(size=(N_IMAGES, 20, 20)).astype(np.float32)
    return UnfinishedRun(
        source=array_source(images),
        options=ClassifyOptions.from_flat(n_classes=2, **options),
        plan=make_plan(),
        flags=np.zeros(N_IMAGES, dtype=np.uint8),
        timings={"reading": 0.5},
        warnings=("look out",),
    )


def end_with(error: BaseException, folder: RunFolder) -> None:
    """Let a run end after its first level."""
    with folder.recording_the_end():
        folder.keep_level(make_level(0, [0, 1, 1, 1, 1, 0]))
        raise error


def record(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return read


def test_folder_says_that_a_run_is_going_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out", begun(), ())
    assert record(folder.path)["status"] == "running"
    folder.keep_level(make_level(0, [0, 0, 1, 1, 1, 0]))
    assert record(folder.path)["status"] == "running"
    assert [level["level"] for level in record(folder.path)["levels"]] == [0]


def test_finished_levels_are_kept_with_the_numbers_they_will_have(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, begun(), ())
    folder.keep_level(make_level(0, [0, 1, 1, 1, 1, 0]))
    folder.keep_level(make_level(1, [2, 1, 1, 0, 0, 0]))
    for level, numbers in enumerate([[2, 1, 1, 1, 1, 2], [3, 2, 2, 1, 1, 1]]):
        with np.load(tmp_path / "levels" / f"level_{level:02d}" / "particles.npz") as particles:
            assert particles["class_number"].tolist() == numbers


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KeyboardInterrupt(), "interrupted", None),
        (RuntimeError("broken"), "failed", "broken"),
        (MemoryError(), "failed", "MemoryError"),
    ],
)
def test_end_of_a_run_that_does_not_finish_is_recorded(
    tmp_path: Path, error: BaseException, status: str, message: str | None
) -> None:
    folder = RunFolder(tmp_path, begun(), ())
    with pytest.raises(type(error)):
        end_with(error, folder)
    written = record(tmp_path)
    assert (written["status"], written["error"]) == (status, message)
    assert len(written["levels"]) == 1
    assert written["warnings"] == ["look out"]
    assert written["timings_seconds"] == {"reading": 0.5}
    assert written["input"]["images_by_flag"]["usable"] == N_IMAGES


def test_what_ended_a_run_is_told_even_if_the_record_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path, begun(), ())
    written: list[object] = []

    def disk_full(_path: object, _run: object, status: str, **_kwargs: object) -> None:
        written.append(status)
        if status == "running":
            return
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cl2d.pipeline.run_folder.write_run_record", disk_full)
    with pytest.raises(RuntimeError, match="the reason"):
        end_with(RuntimeError("the reason"), folder)
    assert written == ["running", "failed"]


def test_earlier_run_is_refused_or_cleared(tmp_path: Path) -> None:
    RunFolder(tmp_path, begun(), ()).keep_level(make_level(0, [0, 1, 1, 1, 1, 0]))
    with pytest.raises(InputError, match="--overwrite"):
        RunFolder(tmp_path, begun(), ())
    RunFolder(tmp_path, begun(overwrite=True), ())
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_warnings_name_a_few_images_only() -> None:
    source = array_source(np.zeros((40, 4, 4)))
    flags = np.where(np.arange(40) < 20, 2, 0).astype(np.uint8)
    [warning] = flag_warnings(flags, source)
    assert warning.startswith("20 of 40 images are constant, so they are in no class: image 1, ")
    assert warning.count("image ") == NAMED_IMAGES
    assert warning.endswith(", ...")
    assert flag_warnings(np.zeros(40, dtype=np.uint8), source) == []


def test_memory_grows_with_images_and_classes() -> None:
    def bytes_for(n: int, classes: int) -> int:
        images = np.broadcast_to(np.float32(0), (n, 64, 64))
        options = ClassifyOptions.from_flat(n_classes=classes)
        return memory_needs(array_source(images), make_plan(64), options).memory_bytes("single")

    assert bytes_for(2_000_000, 8) > 1.8 * bytes_for(1_000_000, 8)
    assert bytes_for(1000, 500) - bytes_for(1000, 250) >= 250 * 64 * 64 * 8
    # A thousand coefficients or so of eight bytes for each image.
    assert 5e8 < bytes_for(100_000, 8) < 5e9


def test_each_thread_takes_memory_for_what_it_works_on() -> None:
    source = array_source(np.broadcast_to(np.float32(0), (100_000, 64, 64)))
    one, two, four = (
        memory_needs(
            source, make_plan(64), ClassifyOptions.from_flat(n_classes=64, threads=threads)
        ).memory_bytes("single")
        for threads in (1, 2, 4)
    )
    plan = make_plan(64)
    coefficients = bytes_per_image(64, plan.k_min, plan.k_max, plan.mask_radius_px)
    assert two - one > 4096 * coefficients
    assert four - two > 2 * 4096 * coefficients


def test_two_sums_for_a_class_are_counted_where_averages_are_corrected() -> None:
    source = array_source(np.broadcast_to(np.float32(0), (1000, 64, 64)))
    options = ClassifyOptions.from_flat(n_classes=500)
    flip, full = (
        memory_needs(source, dataclasses.replace(make_plan(64), ctf=ctf), options).memory_bytes(
            "single"
        )
        for ctf in ("flip", "full")
    )
    assert full - flip >= 500 * 64 * 64 * 8


def test_sample_of_large_images_counts_where_it_is_the_most() -> None:
    images = np.broadcast_to(np.float32(0), (2000, 512, 512))
    options = ClassifyOptions.from_flat(n_classes=1)
    assert memory_needs(array_source(images), make_plan(64), options).memory_bytes("single") > 400e6


def test_phases_are_announced_and_timed() -> None:
    events: list[object] = []
    phases = Phases(events.append)
    with phases.phase("reading", 10) as done:
        done(4)
    with phases.timed("levels"):
        pass
    phases.tell_and_time(PhaseFinished("averages", 1.5))
    assert events[:2] == [PhaseStarted("reading", 10), PhaseProgress("reading", 4, 10)]
    assert [type(event) for event in events[2:]] == [PhaseFinished, PhaseFinished]
    assert list(phases.seconds) == ["reading", "levels", "averages"]
    assert phases.seconds["averages"] == 1.5
    assert events[2] == PhaseFinished("reading", phases.seconds["reading"])
