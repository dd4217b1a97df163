"""run.json: plain, complete in its keys, written in one step."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cl2d
from cl2d.io import array_source
from cl2d.options import ClassifyOptions
from cl2d.outputs.classification import UnfinishedRun
from cl2d.outputs.run_record import (
    mark_interrupted,
    plain_json,
    remove_other_record,
    run_record,
    write_run_record,
)
from cl2d.preprocess import PreprocessPlan
from cl2d.results import IterationReport, LevelResult, identity_poses


def make_plan() -> PreprocessPlan:
    return PreprocessPlan(
        box_px=40,
        working_box_px=20,
        mask_radius_px=9.0,
        k_min=1,
        k_max=8,
        noise_power=np.ones(9),
        signal_to_noise=np.full(9, np.inf),
        resolution_angstrom=12.5,
        pixel_size_angstrom=2.5,
        contrast="white",
        warnings=(),
    )


def make_level() -> LevelResult:
    return LevelResult(
        level=0,
        n_classes=2,
        labels=np.array([0, 0, 1, -1], dtype=np.int32),
        poses=identity_poses(4),
        scores=np.array([0.5, 0.25, 0.75, np.nan], dtype=np.float32),
        confidence=np.zeros(4, dtype=np.float32),
        parents=np.array([-1, -1], dtype=np.int32),
        iterations=(IterationReport(0, 2, 1, 3, 0.5, 1, 2, 0, 0.125),),
    )


def make_run(pixel_size: float | None = 2.5, **options: object) -> UnfinishedRun:
    images = np.zeros((4, 40, 40), dtype=np.float32)
    return UnfinishedRun(
        source=array_source(images, pixel_size),
        options=ClassifyOptions.from_flat(n_classes=2, threads=3, **options),
        plan=make_plan(),
        levels=(make_level(),),
        flags=np.array([0, 0, 0, 1], dtype=np.uint8),
        timings={"align": np.float64(1.5)},
        warnings=("one image is not finite",),
    )


def read_strictly(path: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    record: dict[str, Any] = json.loads(path.read_text(), parse_constant=refuse)
    return record


def test_record_tells_input_options_automatic_values_and_course(tmp_path: Path) -> None:
    path = write_run_record(tmp_path, make_run())
    assert path == tmp_path / "run.json"
    record = read_strictly(path)
    assert record["status"] == "complete"
    assert record["error"] is None
    assert record["input"]["n_images"] == 4
    assert record["input"]["box_px"] == 40
    assert record["input"]["pixel_size_angstrom"] == 2.5
    assert len(record["input"]["fingerprint_sha256"]) == 64
    assert record["input"]["images_by_flag"] == {
        "usable": 3,
        "not_finite": 1,
        "constant": 0,
        "disabled": 0,
    }
    assert ClassifyOptions.model_validate(record["options"]) == make_run().options
    assert record["automatic"] == {
        "classes_by_level": [2],
        "ctf": "none",
        "max_shift_px": 4.0,
        "mask_radius_px": 18.0,
        "working_box_px": 20,
        "k_min": 1,
        "k_max": 8,
        "resolution_angstrom": 12.5,
        "threads": 3,
        "seed": 0,
    }
    assert record["levels"][0]["class_sizes"] == [2, 1]
    assert record["levels"][0]["n_in_no_class"] == 1
    assert record["levels"][0]["mean_score"] == 0.5
    assert record["levels"][0]["iterations"] == [dataclasses.asdict(make_level().iterations[0])]
    assert record["timings_seconds"] == {"align": 1.5}
    assert record["warnings"] == ["one image is not finite"]


def test_record_tells_the_machine_and_what_was_used(tmp_path: Path) -> None:
    record = read_strictly(write_run_record(tmp_path, make_run()))
    assert record["versions"]["cl2d"] == cl2d.__version__
    assert record["versions"]["numpy"] == np.__version__
    assert record["machine"]["simd_level"] == cl2d.simd_level()
    assert record["machine"]["threads"] == 3
    assert record["cpu_seconds"] > 0
    # A Python with numpy takes more than 10 MB and this test less than 100 GB.
    assert 1e7 < record["peak_memory_bytes"] < 1e11
    assert all(isinstance(word, str) for word in record["command_line"])


@pytest.mark.parametrize(
    ("pixel_size", "options", "expected"),
    [
        (2.5, {}, 4.0),
        (None, {"max_shift_px": 7.0}, 7.0),
        (2.5, {"max_shift_angstrom": 10.0}, 4.0),
        (None, {"max_shift_angstrom": 10.0}, None),
    ],
)
def test_automatic_shift_is_recorded_in_pixels(
    pixel_size: float | None, options: dict[str, float], expected: float | None
) -> None:
    record = run_record(make_run(pixel_size, **options), "complete")
    assert record["automatic"]["max_shift_px"] == expected


def test_run_that_barely_began_has_the_same_keys(tmp_path: Path) -> None:
    whole = run_record(make_run(), "complete")
    begun = UnfinishedRun(make_run().source, make_run().options)
    path = write_run_record(tmp_path, begun, "failed", error="disk full")
    record = read_strictly(path)
    assert list(record) == list(whole)
    assert list(record["automatic"]) == list(whole["automatic"])
    assert record["status"] == "failed"
    assert record["error"] == "disk full"
    assert record["preprocessing"] is None
    assert record["levels"] == []


def test_interrupted_run_keeps_its_finished_levels(tmp_path: Path) -> None:
    record = read_strictly(write_run_record(tmp_path, make_run(), "interrupted"))
    assert record["status"] == "interrupted"
    assert len(record["levels"]) == 1


def test_running_record_can_be_marked_interrupted(tmp_path: Path) -> None:
    before = read_strictly(write_run_record(tmp_path, make_run(), "running"))
    mark_interrupted(tmp_path)
    assert read_strictly(tmp_path / "run.json") == {**before, "status": "interrupted"}


@pytest.mark.parametrize("text", [None, "", "[1]", '{"status": "complete"}', '{"status": 3}', "{"])
def test_only_a_running_record_is_marked(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    mark_interrupted(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ([] if text is None else ["run.json"])
    assert text is None or (tmp_path / "run.json").read_text() == text


def test_record_of_another_run_is_removed_and_that_of_this_one_kept(tmp_path: Path) -> None:
    for status in ("complete", "failed", "interrupted"):
        write_run_record(tmp_path, make_run(), status)
        remove_other_record(tmp_path)
        assert not (tmp_path / "run.json").exists()
    write_run_record(tmp_path, make_run(), "running")
    remove_other_record(tmp_path)
    assert read_strictly(tmp_path / "run.json")["status"] == "running"


def test_level_without_members_has_no_mean_score() -> None:
    empty = dataclasses.replace(make_level(), labels=np.full(4, -1, dtype=np.int32))
    record = run_record(dataclasses.replace(make_run(), levels=(empty,)), "complete")
    assert record["levels"][0]["mean_score"] is None


def test_failed_write_keeps_the_earlier_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run_record(tmp_path, make_run(), "interrupted")

    def disk_full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_run_record(tmp_path, make_run())
    assert read_strictly(tmp_path / "run.json")["status"] == "interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.array([1.0, np.nan, np.inf]), [1.0, None, None]),
        (-math.inf, None),
        ((1, "a", None), [1, "a", None]),
        ({1: np.uint8(2)}, {"1": 2}),
    ],
)
def test_values_become_plain(value: object, plain: object) -> None:
    assert plain_json(value) == plain
    assert type(plain_json(value)) is type(plain)


def test_value_without_a_plain_form_is_refused() -> None:
    with pytest.raises(TypeError, match="must be plain, not object"):
        plain_json({"a": [object()]})
