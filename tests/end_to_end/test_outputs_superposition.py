"""The written pose really superposes: raw particles moved as particles.star says give classes.mrcs.

The particles are drawn from a formula, and read back and moved by code that shares nothing with
the package: starfile, gemmi, mrcfile and scipy, after RELION's p = F R(psi) (x + origin).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gemmi
import mrcfile
import numpy as np
import numpy.typing as npt
import pytest
import starfile
from PIL import Image
from scipy.ndimage import map_coordinates

from cl2d.io import ParticleSource, array_source, open_particles
from cl2d.outputs import prepare_output_folder, write_run
from cl2d.results import IterationReport, LevelResult, Poses
from tests.finished_run import FinishedClassification, finished

N_IMAGES, NAN_ROW, CONSTANT_ROW = 14, 4, 9
Floats = npt.NDArray[np.float64]


def grid(box: int) -> tuple[Floats, Floats]:
    y, x = np.mgrid[:box, :box] - float(box // 2)
    return x, y


def view(k: int, x: Floats, y: Floats) -> Floats:
    """An asymmetric particle of three unequal blobs; k turns them about."""
    blobs = [(3.0, 1.0, 2.5, 1.0), (-4.0, 4.0, 2.0, 0.7), (-1.0, -6.0 + 2 * k, 2.2, 1.4 - k)]
    return sum(
        (h * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * s**2)) for a, b, s, h in blobs),
        start=np.zeros_like(x),
    )


def draw(k: int, psi: float, shift: Floats, mirror: bool, box: int) -> Floats:
    """Draw a particle of view k: its value at x is the view's at p = F R(psi) x - t."""
    x, y = grid(box)
    turned_x, turned_y = np.cos(psi) * x - np.sin(psi) * y, np.sin(psi) * x + np.cos(psi) * y
    return view(k, (-turned_x if mirror else turned_x) - shift[0], turned_y - shift[1])


def superpose(image: Floats, psi_deg: float, origin_px: Floats, flip: bool) -> Floats:
    """Move an image by its RELION pose: result(p) = image(R^T F p - origin)."""
    x, y = grid(len(image))
    centre = len(image) // 2
    cos, sin = np.cos(np.radians(psi_deg)), np.sin(np.radians(psi_deg))
    x = -x if flip else x
    source_x, source_y = cos * x + sin * y - origin_px[0], -sin * x + cos * y - origin_px[1]
    return map_coordinates(image, [source_y + centre, source_x + centre], order=5)


def make_levels(rng: np.random.Generator) -> list[LevelResult]:
    """Two levels: one class, then two views and an empty class; two images in none."""
    poses = Poses(
        rng.uniform(-np.pi, np.pi, N_IMAGES),
        rng.uniform(-3, 3, (N_IMAGES, 2)),
        np.arange(N_IMAGES) % 3 == 0,
    )
    labels = (np.arange(N_IMAGES) % 7 > 3).astype(np.int32)
    labels[[NAN_ROW, CONSTANT_ROW]] = -1
    scores = rng.random(N_IMAGES).astype(np.float32)
    reports = (IterationReport(1, 3, 1, 5, 0.5, 0, 8, 0, 0.1),)
    parents = np.array([-1], dtype=np.int32), np.zeros(3, dtype=np.int32)
    first = LevelResult(0, 1, np.minimum(labels, 0), poses, scores, scores, parents[0])
    return [first, LevelResult(1, 3, labels, poses, scores, scores, parents[1], reports)]


def draw_stack(level: LevelResult, box: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    poses = level.poses
    stack = np.stack(
        [
            draw(k, psi, shift, mirror, box)
            for k, psi, shift, mirror in zip(
                level.labels, poses.psi_rad, poses.shift_px, poses.mirror, strict=True
            )
        ]
    )
    # Noise smooth enough for any spline, so that only a wrong pose can tell the two ways apart.
    stack += 0.2 * np.stack([superpose(s, 31.0, np.ones(2), True) for s in stack[::-1]])
    stack += rng.normal(size=(len(stack), 1, 1))
    stack[NAN_ROW, 3, 3] = np.nan
    stack[CONSTANT_ROW] = 7
    return stack.astype(np.float32)


def write_input(folder: Path, stack: npt.NDArray[np.float32], pixel_size: float) -> Path:
    """Write a RELION 3.1 table in a scrambled order, with an old classification in it."""
    order = np.random.default_rng(1).permutation(N_IMAGES)
    scrambled = np.empty_like(stack)
    scrambled[order] = stack
    no_number = pytest.warns(RuntimeWarning, match="NaN")
    with no_number, mrcfile.new(folder / "stack.mrcs") as mrc:
        mrc.set_data(scrambled)
        mrc.set_image_stack()
        mrc.voxel_size = pixel_size
    names = [
        "rlnImageName",
        "rlnOpticsGroup",
        "rlnClassNumber",
        "rlnAngleTilt",
        "rlnOriginX",
        "rlnOriginXAngst",
        "myOwnColumn",
    ]
    lines = ["# version 30001", "", "data_optics", "", "loop_"]
    lines += ["_rlnOpticsGroup #1", "_rlnOpticsGroupName #2", "_rlnImagePixelSize #3"]
    lines += ["_rlnImageSize #4", "_rlnImageDimensionality #5", "_rlnVoltage #6"]
    lines += ["_rlnSphericalAberration #7", "_rlnAmplitudeContrast #8"]
    lines += [f"1 og1 {pixel_size} {stack.shape[-1]} 2 300 2.7 0.1", ""]
    lines += ["# version 30001", "", "data_particles", "", "loop_"]
    lines += [f"_{name} #{i}" for i, name in enumerate(names, 1)]
    lines += [f"{n + 1:06d}@stack.mrcs 1 99 45.0 8.0 9.0 tag{i}" for i, n in enumerate(order)]
    path = folder / "input.star"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module", params=[(44, 1.7), (45, 1.7), (44, None), (45, None)], ids=str)
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, FinishedClassification, npt.NDArray[np.float32]]:
    """A written run on an even or odd box, from a table or, without pixel size, an array."""
    box, pixel_size = request.param
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(box)
    levels = make_levels(rng)
    stack = draw_stack(levels[-1], box, rng)
    if pixel_size is None:
        source: ParticleSource = array_source(stack)
    else:
        source = open_particles(write_input(folder, stack, pixel_size))
    result = finished(source, levels)
    out = prepare_output_folder(folder / "out", overwrite=False)
    write_run(out, result)
    return out, result, stack


def read_tables(out: Path) -> tuple[Any, float]:
    tables = starfile.read(out / "particles.star", always_dict=True)
    return tables["particles"], float(tables["optics"]["rlnImagePixelSize"].iloc[0])


Run = tuple[Path, FinishedClassification, npt.NDArray[np.float32]]


def test_raw_members_moved_by_written_poses_give_the_written_average(run: Run) -> None:
    out, result, stack = run
    particles, pixel_size = read_tables(out)
    averages = mrcfile.read(out / "classes.mrcs")
    box = stack.shape[-1]
    x, y = grid(box)
    disc = x**2 + y**2 < (box / 2 - 5) ** 2
    origins = particles[["rlnOriginXAngst", "rlnOriginYAngst"]].to_numpy() / pixel_size
    for k in (0, 1):
        rows = np.flatnonzero(particles["rlnClassNumber"] == k + 1)
        assert rows.size == result.levels[-1].class_sizes()[k]
        moved = [
            superpose(
                stack[i].astype(float),
                particles["rlnAnglePsi"][i],
                origins[i],
                particles["rlnIsFlip"][i] == 1,
            )
            for i in rows
        ]
        mean = np.mean(moved, axis=0)
        assert np.abs(mean - averages[k])[disc].max() < 1e-4 * np.ptp(mean[disc])
        # Any other reading of the poses must be told apart by far.
        assert np.abs(np.mean(stack[rows], axis=0) - averages[k])[disc].max() > 0.1


def test_average_shows_the_view_the_particles_were_drawn_from(run: Run) -> None:
    out, _, _ = run
    averages = mrcfile.read(out / "classes.mrcs")
    box = averages.shape[-1]
    x, y = grid(box)
    disc = x**2 + y**2 < (box / 2 - 8) ** 2
    for k in (0, 1):
        assert np.corrcoef(averages[k][disc], view(k, x, y)[disc])[0, 1] > 0.97
    assert not averages[2].any()


def test_every_row_stays_in_its_place(run: Run) -> None:
    out, result, _ = run
    particles, _ = read_tables(out)
    assert len(particles) == N_IMAGES
    if result.source.table is not None:
        assert particles["rlnImageName"].to_list() == result.source.table.text("rlnImageName")
        assert particles["myOwnColumn"].to_list() == [f"tag{i}" for i in range(N_IMAGES)]
        assert "rlnOriginX" not in particles
        assert (particles["rlnAngleTilt"] == 0).all()
    np.testing.assert_array_equal(
        particles["rlnClassNumber"], np.maximum(result.levels[-1].labels + 1, 0)
    )


def test_flagged_rows_have_class_zero_and_say_why(run: Run) -> None:
    out, _, _ = run
    particles, _ = read_tables(out)
    flagged = particles[particles["rlnClassNumber"] == 0]
    assert flagged.index.to_list() == [NAN_ROW, CONSTANT_ROW]
    assert flagged["cl2dFlag"].to_list() == ["not_finite", "constant"]
    assert (
        (flagged[["rlnAnglePsi", "rlnOriginXAngst", "rlnIsFlip", "cl2dScore"]] == 0)
        .to_numpy()
        .all()
    )
    assert (particles["cl2dFlag"] == "usable").sum() == N_IMAGES - 2


def test_gemmi_reads_the_same_tables(run: Run) -> None:
    out, result, _ = run
    document = gemmi.cif.read(str(out / "particles.star"))
    assert [block.name for block in document] == ["optics", "particles"]
    numbers = document[1].find_values("_rlnClassNumber")
    assert [int(n) for n in numbers] == np.maximum(result.levels[-1].labels + 1, 0).tolist()
    classes = gemmi.cif.read(str(out / "classes.star"))[0]
    assert [int(n) for n in classes.find_values("_cl2dMembers")] == [7, 5, 0]
    assert list(classes.find_values("_rlnReferenceImage"))[2] == "000003@classes.mrcs"


def test_every_promised_file_is_there_and_opens(run: Run) -> None:
    out, result, _ = run
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    in_levels = {
        f"levels/level_0{level}/{name}"
        for level in (0, 1)
        for name in ("classes.mrcs", "classes.star", "particles.npz")
    }
    of_relion = ["data.star", "model.star", "optimiser.star", "classes.mrcs"]
    in_relion = {f"relion/run_it025_{name}" for name in of_relion}
    in_relion |= {"relion/backup_selection.star", "relion/class_averages.star"}
    assert files == in_levels | (in_relion if result.source.files else set()) | {
        "particles.star",
        "classes.mrcs",
        "classes.star",
        "hierarchy.json",
        "hierarchy.txt",
        "gallery.png",
        "report.html",
        "run.json",
    }
    with Image.open(out / "gallery.png") as image:
        image.verify()
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "complete"
    assert record["automatic"]["mask_radius_px"] == pytest.approx(14 * result.plan.box_px / 32)
    for level, averages in zip(result.levels, result.level_averages, strict=True):
        folder = out / "levels" / f"level_0{level.level}"
        with mrcfile.open(folder / "classes.mrcs") as mrc:
            data = mrc.data.reshape(averages.shape)
        np.testing.assert_array_equal(data, averages)


def test_failure_on_the_way_leaves_no_complete_record(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished, result, _ = run
    out = shutil.copytree(finished, tmp_path / "out")

    def disk_full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cl2d.outputs.write.write_gallery", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_run(out, result)
    assert not (out / "run.json").exists()


def test_second_run_needs_leave_to_replace_the_first(run: Run, tmp_path: Path) -> None:
    finished, result, _ = run
    out = shutil.copytree(finished, tmp_path / "out")
    with pytest.raises(ValueError, match="--overwrite"):
        prepare_output_folder(out, overwrite=False)
    prepare_output_folder(out, overwrite=True)
    assert list(out.iterdir()) == []
    write_run(out, result)
    assert json.loads((out / "run.json").read_text())["status"] == "complete"
