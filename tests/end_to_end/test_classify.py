"""What a run leaves behind, read with other programs' readers and held against the truth."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
import numpy.typing as npt
import pytest
import starfile
from scipy.ndimage import map_coordinates

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.cli import main
from cl2d.events import LevelFinished, PhaseProgress, PhaseStarted
from cl2d.io import open_particles, read_star, write_stack
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.pipeline import Classification

Floats = npt.NDArray[np.float64]
N_IMAGES = 120


def simulate(folder: Path, **options: Any) -> npt.NDArray[np.int32]:
    """Write a simulated set and return the view of each particle."""
    defaults = {"n_particles": N_IMAGES, "box_px": 32, "n_views": 2, "snr": 1.0, "shift_sd_px": 1.0}
    simulation = simulate_particles(SimulationOptions(**{**defaults, **options}))
    write_simulation(folder, simulation)
    return simulation.truth.view


@pytest.fixture(scope="module", params=[32, 33], ids=["even", "odd"])
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Classification]:
    """A run with two levels on an even or odd box, with two images that cannot be used."""
    folder = tmp_path_factory.mktemp("run")
    simulate(folder / "in", box_px=request.param)
    with mrcfile.mmap(folder / "in" / "particles.mrcs", "r+") as stack:
        stack.data[5] = 3.0
        stack.data[9, 0, 0] = np.nan
    result = cl2d.classify(
        folder / "in" / "particles.star",
        n_classes=3,
        initial_classes=2,
        output=folder / "out",
        threads=1,
    )
    return folder / "out", result


def test_set_of_64_pixel_boxes_is_sorted_without_a_mistake(tmp_path: Path) -> None:
    truth = simulate(tmp_path / "in", n_particles=400, box_px=64, n_views=6, snr=0.3, shift_sd_px=2)
    out = tmp_path / "out"
    words = ["classify", str(tmp_path / "in" / "particles.star"), "-o", str(out), "-k", "6"]
    assert main([*words, "--quiet", "--threads", "1"]) == 0
    particles = starfile.read(out / "particles.star")["particles"]
    assert adjusted_rand_index(truth, particles["rlnClassNumber"].to_numpy()) == 1
    assert mrcfile.read(out / "classes.mrcs").shape == (6, 64, 64)


def superpose(image: Floats, psi_deg: float, origin_px: Floats, flip: bool) -> Floats:
    """Move an image by its RELION pose, p = F R(psi) (x + origin): result(p) = image(x)."""
    box = len(image)
    y, x = np.mgrid[:box, :box] - float(box // 2)
    cos, sin = np.cos(np.radians(psi_deg)), np.sin(np.radians(psi_deg))
    x = -x if flip else x
    source_x, source_y = cos * x + sin * y - origin_px[0], -sin * x + cos * y - origin_px[1]
    return map_coordinates(image, [source_y + box // 2, source_x + box // 2], order=5)


def test_raw_members_moved_by_written_poses_are_the_written_averages(
    run: tuple[Path, Classification],
) -> None:
    out, _ = run
    tables = starfile.read(out / "particles.star")
    particles, pixel = tables["particles"], float(tables["optics"]["rlnImagePixelSize"].iloc[0])
    assert 0.2 < particles["rlnIsFlip"].mean() < 0.8
    stack = mrcfile.read(out.parent / "in" / "particles.mrcs").astype(np.float64)
    averages = mrcfile.read(out / "classes.mrcs")
    box = stack.shape[-1]
    y, x = np.mgrid[:box, :box] - box // 2
    disc = np.hypot(x, y) < box / 2 - 5
    origins = particles[["rlnOriginXAngst", "rlnOriginYAngst"]].to_numpy() / pixel
    for k, average in enumerate(averages):
        rows = np.flatnonzero(particles["rlnClassNumber"] == k + 1)
        moved = [
            superpose(
                stack[i], particles["rlnAnglePsi"][i], origins[i], particles["rlnIsFlip"][i] == 1
            )
            for i in rows
        ]
        mean = np.mean(moved, axis=0)
        # White noise up to the corner of the spectrum: two splines differ by a little there.
        assert np.corrcoef(mean[disc], average[disc])[0, 1] > 0.999
        assert np.abs(mean - average)[disc].max() < 0.05 * np.ptp(mean[disc])
        assert np.corrcoef(stack[rows].mean(axis=0)[disc], average[disc])[0, 1] < 0.95


def test_record_says_complete_and_nothing_is_left_over(run: tuple[Path, Classification]) -> None:
    out, result = run
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "complete"
    assert record["error"] is None
    assert record["input"]["images_by_flag"] == {
        "usable": N_IMAGES - 2,
        "not_finite": 1,
        "constant": 1,
        "disabled": 0,
    }
    assert [level["n_classes"] for level in record["levels"]] == [2, 3]
    assert record["automatic"]["classes_by_level"] == [2, 3]
    assert set(record["timings_seconds"]) == {
        "planning", "reading", "levels", "cores", "half-sets", "averages", "evaluation", "writing",
        "report",
    }  # fmt: skip
    assert any("is constant, so it is in no class" in text for text in record["warnings"])
    assert record["warnings"] == list(result.warnings)
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def test_files_of_all_levels_agree(run: tuple[Path, Classification]) -> None:
    out, result = run
    hierarchy = json.loads((out / "hierarchy.json").read_text())["levels"]
    numbers = []
    for level in (0, 1):
        folder = out / "levels" / f"level_{level:02d}"
        with np.load(folder / "particles.npz") as arrays:
            numbers.append(arrays["class_number"])
        classes = starfile.read(folder / "classes.star")
        sizes = np.bincount(numbers[level], minlength=len(classes) + 1)
        assert sizes[0] == 2
        assert classes["cl2dMembers"].tolist() == sizes[1:].tolist()
        assert sizes[1:].sum() == N_IMAGES - 2
        assert (np.diff(sizes[1:]) <= 0).all()
        assert [c["members"] for c in hierarchy[level]["classes"]] == sizes[1:].tolist()
        assert len(mrcfile.read(folder / "classes.mrcs")) == len(classes)
    particles = starfile.read(out / "particles.star")["particles"]
    assert particles["rlnClassNumber"].tolist() == numbers[1].tolist()
    assert (particles["rlnClassNumber"] - 1).tolist() == result.labels.tolist()
    parents = [c["parent"] for c in hierarchy[1]["classes"]]
    assert parents == starfile.read(out / "classes.star")["cl2dParentLevel00"].tolist()
    assert parents == (result.levels[1].parents + 1).tolist()
    flows = {(flow["from"], flow["to"]): flow["members"] for flow in hierarchy[1]["flows"]}
    for (before, after), members in flows.items():
        assert members == ((numbers[0] == before) & (numbers[1] == after)).sum()
    assert sum(flows.values()) == N_IMAGES - 2


def test_saving_a_result_writes_the_same_files(
    run: tuple[Path, Classification], tmp_path: Path
) -> None:
    out, result = run
    saved = result.save(tmp_path / "saved")
    files = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert sorted(path.relative_to(saved) for path in saved.rglob("*") if path.is_file()) == files
    for name in files:
        names_its_folder = name.parts[0] == "relion" and name.suffix == ".star"
        told_apart = names_its_folder or name.suffix in {".json", ".npz", ".html"}
        if not told_apart or name.name == "hierarchy.json":
            assert (saved / name).read_bytes() == (out / name).read_bytes(), name
    with pytest.raises(cl2d.InputError, match="--overwrite"):
        result.save(saved)
    result.save(saved, overwrite=True)


def test_written_table_is_an_input_again(run: tuple[Path, Classification]) -> None:
    out, result = run
    again = open_particles(out / "particles.star")
    assert again.n_images == N_IMAGES
    assert again.pixel_size_angstrom == result.source.pixel_size_angstrom
    np.testing.assert_array_equal(again.read(0, 5), result.source.read(0, 5))


def test_number_of_threads_changes_no_byte(tmp_path: Path) -> None:
    simulate(tmp_path / "in")
    for threads in (1, 2, 3):
        out = tmp_path / str(threads)
        words = ["classify", str(tmp_path / "in" / "particles.star"), "-o", str(out), "-k", "2"]
        assert main([*words, "--threads", str(threads), "--quiet"]) == 0
    for name in ("particles.star", "classes.mrcs", "classes.star", "hierarchy.json", "gallery.png"):
        assert (tmp_path / "2" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()
        assert (tmp_path / "3" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


def test_run_can_be_interrupted_between_levels(tmp_path: Path) -> None:
    simulate(tmp_path / "in")
    out = tmp_path / "out"

    def stop(event: object) -> None:
        if isinstance(event, PhaseStarted) and event.name == "averages":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cl2d.classify(tmp_path / "in" / "particles.star", n_classes=2, output=out, on_event=stop)
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "interrupted"
    assert [level["n_classes"] for level in record["levels"]] == [2]
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    checkpoints = {name for name in files if name.startswith("checkpoint/")}
    assert checkpoints
    assert files - checkpoints == {"levels/level_00/particles.npz", "run.json"}


def test_level_that_is_told_is_kept(tmp_path: Path) -> None:
    simulate(tmp_path / "in")

    def stop(event: object) -> None:
        if isinstance(event, LevelFinished) and event.level == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cl2d.classify(
            tmp_path / "in" / "particles.star",
            n_classes=4,
            initial_classes=2,
            output=tmp_path / "out",
            on_event=stop,
        )
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [level["n_classes"] for level in record["levels"]] == [2, 4]
    assert (tmp_path / "out" / "levels" / "level_01" / "particles.npz").exists()


def test_interrupt_before_all_is_read_leaves_no_trace(tmp_path: Path) -> None:
    simulate(tmp_path / "in")

    def stop(event: object) -> None:
        if isinstance(event, PhaseProgress) and event.name == "reading":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cl2d.classify(
            tmp_path / "in" / "particles.star",
            n_classes=2,
            output=tmp_path / "a" / "out",
            on_event=stop,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def broken_input(folder: Path, kind: str) -> list[str]:
    """Make an input that cannot be used, and return the words that go with it."""
    simulate(folder, n_particles=20)
    table, stack = folder / "particles.star", folder / "particles.mrcs"
    if kind == "truncated":
        stack.write_bytes(stack.read_bytes()[:-3000])
    elif kind == "wrong index":
        table.write_text(table.read_text().replace("000007@", "000021@"))
    elif kind == "missing stack":
        stack.unlink()
    elif kind == "missing table":
        table.unlink()
    elif kind == "empty table":
        table.write_text("")
    elif kind == "small box":
        write_stack(stack, np.zeros((20, 12, 12), np.float32))
        return [str(stack)]
    elif kind == "all bad":
        write_stack(stack, np.zeros((20, 32, 32), np.float32))
    return [str(table)]


@pytest.mark.parametrize(
    ("kind", "words", "message"),
    [
        ("good", ["-k", "21"], "number of classes (21) must not exceed the number of images (20)"),
        ("good", ["-k", "2", "--initial-classes", "3"], "must not exceed --classes (2)"),
        ("good", ["-k", "2", "--max-shift-px", "17"], "at most half the box of 32 px"),
        ("truncated", ["-k", "2"], "19 whole images); it is truncated"),
        ("wrong index", ["-k", "2"], "row 7 of data_particles names image 21"),
        ("missing stack", ["-k", "2"], "1 of 1 stack files cannot be found"),
        ("missing table", ["-k", "2"], "does not exist"),
        ("empty table", ["-k", "2"], "must hold at least one data_ block"),
        ("small box", ["-k", "2"], "must be at least 16 px"),
        ("all bad", ["-k", "2"], "of 20 looked at, 0 are not finite and 20 are constant"),
    ],
)
def test_unusable_input_is_one_line_code_2_and_no_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, words: list[str], message: str
) -> None:
    given = broken_input(tmp_path / "in", kind)
    capsys.readouterr()
    assert main(["classify", *given, "-o", str(tmp_path / "out"), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("cl2d: error: ")
    assert message in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["/proc/cl2d/out", "in/particles.mrcs", "in/particles.mrcs/out"])
def test_output_that_cannot_be_written_is_one_line_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    simulate(tmp_path / "in", n_particles=20)
    words = ["classify", str(tmp_path / "in" / "particles.star"), "-o", str(tmp_path / out)]
    assert main([*words, "-k", "2"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "must be a folder" in err


def test_refused_overwriting_leaves_the_earlier_run(
    run: tuple[Path, Classification], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shutil.copytree(run[0], tmp_path / "out")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    table = str(run[0].parent / "in" / "particles.star")
    # One more than the images that can be used, which is known only when all are read.
    words = ["classify", table, "-o", str(out), "-k", str(N_IMAGES - 1)]
    assert main(words) == 2
    assert main([*words, "--overwrite"]) == 2
    assert f"usable images ({N_IMAGES - 2})" in capsys.readouterr().err
    assert main(["classify", str(out / "particles.star"), "-o", str(out), "--overwrite"]) == 2
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_paths_may_hold_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "wéird dïr 粒子 'q' #1"
    simulate(folder)
    stack = (folder / "particles.mrcs").rename(folder / "pl ain ü.mrcs")
    table = (folder / "particles.star").rename(folder / "tàble 1.star")
    lines = table.read_text().splitlines()
    rows = [
        f'"{line.split()[0].replace("particles.mrcs", stack.name)}" ' + " ".join(line.split()[1:])
        if "@" in line
        else line
        for line in lines
    ]
    table.write_text("\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "öut \n put"
    words = ["classify", str(table.relative_to(tmp_path)), "-o", str(out), "-k", "2", "--quiet"]
    assert main(words) == 2  # STAR files have no way to write this name
    assert "must be on one line for files for relion" in capsys.readouterr().err
    assert not out.exists()
    assert main([*words, "--format", "none"]) == 0
    names = read_star(out / "particles.star")["particles"].text("rlnImageName")
    assert names[0] == f"000001@{stack.relative_to(tmp_path)}"
    assert open_particles(out / "particles.star").n_images == N_IMAGES
