"""Runs that are cut off and gone on with: the files are those of a run without a break."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import cl2d
from cl2d.cli.app import main
from cl2d.errors import InputError, InputFileError, TimeIsUpError
from cl2d.events import CheckpointWritten, LevelStarted, PhaseFinished, RunResumed, RunWarned
from cl2d.io import open_particles, write_stack
from cl2d.outputs.folder import RUN_RECORD
from cl2d.outputs.run_lock import LOCK, locked_folder
from cl2d.pipeline import checkpoints
from cl2d.pipeline.resuming import CompleteRunError, OtherRunError, UnfinishedFolder
from cl2d.results import IterationReport
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

N_IMAGES = 240
OPTIONS: dict[str, Any] = {"n_classes": 4, "initial_classes": 2, "threads": 1, "report": False}
COURSES: dict[str, dict[str, Any]] = {
    "default": {},
    "fast, robust": {"search": "fast", "clustering": "robust"},
    "correntropy": {"similarity": "correntropy", "iterations": 3},
    "automatic": {"n_classes": "auto", "max_classes": 6},
    "sampled": {"images_per_class": 25},
    "half precision": {"storage": "half"},
    "flipped phases": {"ctf": "flip"},
    "other formats": {"format": "xmipp,cryosparc", "analyze_rejected": True, "junk_zscore": 1.5},
}


@pytest.fixture(scope="module")
def particles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("particles")
    options = SimulationOptions(n_particles=N_IMAGES, box_px=32, n_views=4, snr=0.5, ctf="raw")
    write_simulation(folder, simulate_particles(options))
    return folder / "particles.star"


@pytest.fixture(autouse=True)
def every_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write checkpoints however short the iterations are."""
    monkeypatch.setattr(checkpoints, "LARGEST_SHARE", 1e9)


def files(out: Path) -> dict[str, bytes]:
    """Return every file of a run but its record, which tells times."""
    paths = [path for path in out.rglob("*") if path.is_file() and path.name != RUN_RECORD]
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(paths)}


def cut_after(number: int, kind: type = IterationReport) -> Callable[[object], None]:
    """Return a listener that ends the run at the n-th event of a kind."""
    left = [number]

    def listen(event: object) -> None:
        left[0] -= isinstance(event, kind)
        if left[0] == 0:
            raise KeyboardInterrupt

    return listen


def n_events(kind: type, told: list[object]) -> int:
    return sum(isinstance(event, kind) for event in told)


def cut_off(particles: Path, out: Path, listen: Callable[[object], None], **options: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        cl2d.classify(particles, output=out, on_event=listen, **{**OPTIONS, **options})


@pytest.mark.parametrize("course", COURSES)
def test_a_run_cut_off_again_and_again_has_the_files_of_a_whole_one(
    particles: Path, tmp_path: Path, course: str
) -> None:
    chosen = {**OPTIONS, **COURSES[course]}
    out = tmp_path / "out"
    told: list[object] = []
    cl2d.classify(particles, output=out, on_event=told.append, **chosen)
    expected = files(out)
    assert not (out / "checkpoint").exists()
    shutil.rmtree(out)

    cut_off(particles, out, cut_after(2), **chosen)
    assert json.loads((out / RUN_RECORD).read_text())["status"] == "interrupted"
    n_iterations = 0
    while True:
        again: list[object] = []
        listen = cut_after(n_iterations % 3 + 1)
        try:
            cl2d.classify(
                particles,
                output=out,
                resume=True,
                on_event=lambda event: (again.append(event), listen(event)),  # noqa: B023
                **chosen,
            )
            break
        except KeyboardInterrupt:
            [resumed] = [event for event in again if isinstance(event, RunResumed)]
            assert resumed.n_iterations >= n_iterations
            n_iterations = resumed.n_iterations
    assert n_iterations > 4
    assert files(out) == expected
    record = json.loads((out / RUN_RECORD).read_text())
    assert record["status"] == "complete"
    assert {process["status"] for process in record["earlier_processes"]} == {"interrupted"}


def test_what_follows_the_levels_is_gone_on_with_too(particles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cl2d.classify(particles, output=out, **OPTIONS)
    expected = files(out)
    shutil.rmtree(out)
    cut_off(particles, out, cut_after(4, PhaseFinished))
    told: list[object] = []
    cl2d.classify(particles, output=out, resume=True, on_event=told.append, **OPTIONS)
    assert n_events(IterationReport, told) == n_events(LevelStarted, told) == 0
    assert files(out) == expected


def test_a_run_killed_while_it_wrote_leaves_no_leftovers(particles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cl2d.classify(particles, output=out, **OPTIONS)
    expected = files(out)
    shutil.rmtree(out)
    cut_off(particles, out, cut_after(3))
    record = json.loads((out / RUN_RECORD).read_text())
    (out / RUN_RECORD).write_text(json.dumps({**record, "status": "running"}))
    (out / "levels" / "level_00").mkdir(parents=True, exist_ok=True)
    for name in ("particles.star", "levels/level_00/classes.mrcs", "checkpoint/000009.npz"):
        path = out / name
        path.with_name(f".{path.stem}.{'0a' * 6}{path.suffix}").write_bytes(b"half")
    (out / LOCK).write_text("left by a dead process")
    (out / ".mine.0123456789ab.txt").write_text("of the user")
    cl2d.classify(particles, output=out, resume=True, **OPTIONS)
    (out / ".mine.0123456789ab.txt").unlink()
    assert files(out) == expected


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    particles: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    cl2d.classify(particles, output=out, **OPTIONS)
    expected = files(out)
    shutil.rmtree(out)
    cut_off(particles, out, cut_after(5))
    newest = max((out / "checkpoint").glob("*.npz"))
    newest.write_bytes(newest.read_bytes()[:1000])
    told: list[object] = []
    cl2d.classify(particles, output=out, resume=True, on_event=told.append, **OPTIONS)
    warned = next(event for event in told if isinstance(event, RunWarned))
    assert warned.message.startswith(f"{newest}: must be a whole file")
    assert warned.message.endswith("the one before is used")
    assert files(out) == expected


def test_nothing_is_done_if_no_checkpoint_is_whole(particles: Path, tmp_path: Path) -> None:
    cut_off(particles, tmp_path, cut_after(5))
    for path in (tmp_path / "checkpoint").glob("*.npz"):
        path.write_bytes(b"")
    before = files(tmp_path)
    with pytest.raises(InputFileError, match=r"000\d+\.npz: must be a whole file.*begins anew"):
        cl2d.classify(particles, output=tmp_path, resume=True, **OPTIONS)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n_classes": 6}, "n_classes was 4 and is 6 now"),
        ({"seed": 1, "iterations": 3}, "iterations was 10 and is 3 now; seed was 0 and is 1 now"),
        ({"max_shift_px": 2.0}, "max_shift_px was None and is 2.0 now"),
        ({"resolution_angstrom": 30.0}, "resolution_angstrom was None and is 30.0 now"),
    ],
)
def test_options_that_matter_must_be_as_they_were(
    particles: Path, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    cut_off(particles, tmp_path, cut_after(2))
    before = files(tmp_path)
    with pytest.raises(OtherRunError, match=words):
        cl2d.classify(particles, output=tmp_path, resume=True, **{**OPTIONS, **changed})
    assert files(tmp_path) == before


def test_options_that_come_later_may_change(particles: Path, tmp_path: Path) -> None:
    others = {"threads": 2, "junk_zscore": 2.0, "format": "xmipp", "evaluate": False}
    cl2d.classify(particles, output=tmp_path / "whole", **{**OPTIONS, **others})
    out = tmp_path / "out"
    cut_off(particles, out, cut_after(3))
    cl2d.classify(particles, output=out, resume=True, **{**OPTIONS, **others})
    expected = files(tmp_path / "whole")
    found = files(out)
    assert found.keys() == expected.keys()
    named = {name for name in found if name.endswith(".xmd")}  # they hold the folder's own path
    assert all(found[name] == expected[name] for name in found.keys() - named)


def test_precision_must_be_as_it_was(particles: Path, tmp_path: Path) -> None:
    cut_off(particles, tmp_path, cut_after(2))
    with pytest.raises(InputError, match="storage must be single to go on with this run"):
        cl2d.classify(particles, output=tmp_path, resume=True, **OPTIONS, storage="half")


def changed_stack(particles: Path, path: Path, row: int | None) -> Path:
    """Write the images as a stack, in one of which a pixel is another."""
    images = open_particles(particles).read(0, N_IMAGES)
    if row is not None:
        images[row, 16, 16] += 1e-3
    write_stack(path, images, 4.0)
    return path


@pytest.mark.parametrize(
    ("row", "unseen", "words"),
    [
        (0, False, "are others"),
        (5, False, "the images now give another signal_to_noise: some have changed"),
        (5, True, "some images have changed since the run began"),
    ],
)
def test_images_must_be_as_they_were(
    particles: Path, tmp_path: Path, row: int, unseen: bool, words: str
) -> None:
    stack = changed_stack(particles, tmp_path / "stack.mrcs", None)
    out = tmp_path / "out"
    cut_off(stack, out, cut_after(2))
    changed_stack(particles, stack, row)
    with pytest.MonkeyPatch.context() as patch:
        if unseen:  # by the planning, which looks at a sample of many images
            patch.setattr(UnfinishedFolder, "check_plan", lambda *_: None)
        with pytest.raises(OtherRunError, match=words):
            cl2d.classify(stack, output=out, resume=True, **OPTIONS)
    changed_stack(particles, stack, None)
    cl2d.classify(stack, output=out, resume=True, **OPTIONS)


def test_a_checkpoint_of_another_version_is_refused(
    particles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(particles, tmp_path, cut_after(2))
    monkeypatch.setattr("cl2d.pipeline.resuming.versions", lambda: {"cl2d": "99.0"})
    with pytest.raises(OtherRunError, match=r"it is of cl2d .*, and this is 99\.0"):
        cl2d.classify(particles, output=tmp_path, resume=True, **OPTIONS)


def test_an_array_is_gone_on_with_if_it_is_given_again(tmp_path: Path) -> None:
    options = SimulationOptions(n_particles=N_IMAGES, box_px=32, n_views=4, snr=0.5)
    images = simulate_particles(options).images
    whole = cl2d.classify(images, **OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        cl2d.classify(images, output=tmp_path, on_event=cut_after(4), **OPTIONS)
    found = cl2d.classify(images, output=tmp_path, resume=True, **OPTIONS)
    np.testing.assert_array_equal(found.labels, whole.labels)
    np.testing.assert_array_equal(found.averages, whole.averages)
    np.testing.assert_array_equal(found.scores, whole.scores)


def test_the_users_views_are_gone_on_with(particles: Path, tmp_path: Path) -> None:
    views = cl2d.classify(particles, **OPTIONS).averages
    chosen = {**OPTIONS, "n_classes": 6, "references": views}
    del chosen["initial_classes"]
    whole = cl2d.classify(particles, **chosen)
    with pytest.raises(KeyboardInterrupt):
        cl2d.classify(particles, output=tmp_path, on_event=cut_after(2), **chosen)
    found = cl2d.classify(particles, output=tmp_path, resume=True, **chosen)
    np.testing.assert_array_equal(found.labels, whole.labels)
    np.testing.assert_array_equal(
        found.levels[-1].reference_numbers, whole.levels[-1].reference_numbers
    )


def test_alignment_is_gone_on_with(particles: Path, tmp_path: Path) -> None:
    cl2d.align(particles, output=tmp_path / "whole", threads=1, report=False)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        cl2d.align(particles, output=out, on_event=cut_after(3), threads=1, report=False)
    cl2d.align(particles, output=out, resume=True, threads=1, report=False)
    for name in ("particles.star", "classes.mrcs"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_resuming_begins_a_run_where_there_is_none(particles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cl2d.classify(particles, output=out, resume=True, **OPTIONS)
    with pytest.raises(CompleteRunError, match="but it is complete"):
        cl2d.classify(particles, output=out, resume=True, **OPTIONS)


def test_a_run_without_a_checkpoint_begins_anew(particles: Path, tmp_path: Path) -> None:
    cut_off(particles, tmp_path, cut_after(2))
    shutil.rmtree(tmp_path / "checkpoint")
    told: list[object] = []
    cl2d.classify(particles, output=tmp_path, resume=True, on_event=told.append, **OPTIONS)
    assert RunWarned(f"{tmp_path} has no checkpoint yet: the run begins anew") in told


def test_an_unfinished_run_is_not_begun_anew_by_accident(particles: Path, tmp_path: Path) -> None:
    cut_off(particles, tmp_path, cut_after(2))
    with pytest.raises(InputError, match=r"go on with that run by --resume \(resume=True\)"):
        cl2d.classify(particles, output=tmp_path, **OPTIONS)
    cl2d.classify(particles, output=tmp_path, overwrite=True, **OPTIONS)
    assert not (tmp_path / "checkpoint").exists()


def test_without_a_folder_there_is_nothing_to_resume(particles: Path) -> None:
    with pytest.raises(InputError, match="output must be the folder of the run to resume"):
        cl2d.classify(particles, resume=True, **OPTIONS)


def test_two_runs_do_not_share_a_folder(particles: Path, tmp_path: Path) -> None:
    with (
        locked_folder(tmp_path),
        pytest.raises(InputError, match=r"must not be in use, but process \d+ on"),
    ):
        cl2d.classify(particles, output=tmp_path, **OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_refused_leaves_no_folder(particles: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must not exceed"):
        cl2d.classify(particles, output=tmp_path / "a" / "b", n_classes=N_IMAGES + 1)
    assert list(tmp_path.iterdir()) == []


def test_a_run_stops_when_its_time_is_up_and_goes_on_later(particles: Path, tmp_path: Path) -> None:
    def late(event: object) -> None:
        if isinstance(event, CheckpointWritten):
            late.clock += 1000  # type: ignore[attr-defined]

    late.clock = 0.0  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        clock = type("Clock", (), {"monotonic": staticmethod(lambda: late.clock)})
        patch.setattr("cl2d.pipeline.time_limit.time", clock)
        with pytest.raises(TimeIsUpError, match="max_time 1h"):
            cl2d.classify(particles, output=tmp_path, on_event=late, max_time="1h", **OPTIONS)
    assert json.loads((tmp_path / RUN_RECORD).read_text())["status"] == "interrupted"
    assert len(list((tmp_path / "checkpoint").iterdir())) == 2
    cl2d.classify(particles, output=tmp_path, resume=True, **OPTIONS)


FEW = ["-k", "4", "--initial-classes", "2", "--threads", "1", "--no-report"]


def test_the_command_goes_on_with_what_the_record_says(
    particles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["classify", str(particles), "-o", str(out), *FEW, "--quiet"]) == 0
    expected = files(out)
    shutil.rmtree(out)
    cut_off(particles, out, cut_after(3))
    assert main(["resume", str(out), "--threads", "2"]) == 0
    told = capsys.readouterr().err
    assert "goes on after 3 iterations" in told
    assert files(out) == expected
    assert main(["resume", str(out)]) == 0
    assert "is complete: nothing to do" in capsys.readouterr().err


def test_the_command_names_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", str(tmp_path)]) == 2
    assert "has no run.json" in capsys.readouterr().err
    options = SimulationOptions(n_particles=60, box_px=32, n_views=2)
    images = simulate_particles(options).images
    with pytest.raises(KeyboardInterrupt):
        cl2d.classify(images, output=tmp_path, n_classes=2, on_event=cut_after(2))
    assert main(["resume", str(tmp_path)]) == 2
    assert "--particles must be given: the run was made from an array" in capsys.readouterr().err
    assert main(["resume", str(tmp_path), "--particles", "nowhere.star"]) == 2
    assert "nowhere.star does not exist from here: go to where" in capsys.readouterr().err
    write_stack(tmp_path / "others.mrcs", images[::-1])
    assert main(["resume", str(tmp_path), "--particles", str(tmp_path / "others.mrcs")]) == 2
    assert "are others" in capsys.readouterr().err
