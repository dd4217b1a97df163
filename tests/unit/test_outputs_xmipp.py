"""Files for Xmipp: what its CL2D would have left, with poses that hold for the raw particles."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from cl2d.errors import InputError, InputFileError
from cl2d.evaluate import LevelEvaluation
from cl2d.io import open_particles, open_references, read_star
from cl2d.io.xmipp_columns import xmipp_pose_columns
from cl2d.options import ClassifyOptions
from cl2d.outputs import prepare_output_folder, write_run
from cl2d.outputs.xmipp_files import renew_xmipp_evaluation
from cl2d.results import Poses
from tests.end_to_end.test_outputs_superposition import (
    CONSTANT_ROW,
    N_IMAGES,
    NAN_ROW,
    draw_stack,
    grid,
    make_levels,
    write_input,
)
from tests.finished_run import FinishedClassification, finished

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Run = tuple[Path, FinishedClassification, npt.NDArray[np.float32]]

XMIPP = ClassifyOptions.from_flat(format="xmipp")
ORDER = (2, 0, 1)


def evaluation(level: int, n_classes: int, order: tuple[int, ...]) -> LevelEvaluation:
    curves = np.full((n_classes, 5), np.nan)
    crossing = np.full((n_classes, 2), np.nan)
    crossing[0] = 0.2, 0.3
    return LevelEvaluation(
        level=level,
        half_members=np.zeros((n_classes, 2), np.int64),
        frequency_per_px=np.linspace(0, 0.5, 5),
        frc=curves,
        ssnr=curves,
        crossing_per_px=crossing,
        quality=np.zeros(n_classes),
        order=np.array(order),
        reasons=((),) * n_classes,
    )


@pytest.fixture(scope="module", params=[44, 45], ids=["even box", "odd box"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    box = request.param
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(box)
    levels = make_levels(rng)
    stack = draw_stack(levels[-1], box, rng)
    source = open_particles(write_input(folder, stack, 1.7))
    result = replace(finished(source, levels), options=XMIPP)
    result.evaluations = (evaluation(0, 1, (0,)), evaluation(1, 3, ORDER))
    write_run(prepare_output_folder(folder / "out", overwrite=False), result)
    return folder / "out", result, stack


def moved_as_xmipp_says(image: npt.NDArray[Any], row: dict[str, float]) -> npt.NDArray[Any]:
    """Return image(x) at p = F Rx(psi) x + s, with Rx = [[cos, sin], [-sin, cos]]."""
    x, y = grid(len(image))
    x, y = x - row["shiftX"], y - row["shiftY"]
    if row["flip"]:
        x = -x
    cos, sin = np.cos(np.radians(row["anglePsi"])), np.sin(np.radians(row["anglePsi"]))
    centre = len(image) // 2
    source = [sin * x + cos * y + centre, cos * x - sin * y + centre]
    return map_coordinates(image.astype(float), source, order=5)


def test_raw_members_moved_by_xmipp_poses_give_the_average_of_the_stack(run: Run) -> None:
    out, result, stack = run
    path = out / "xmipp" / "level_01" / "level_classes.xmd"
    averages = open_particles(path.with_suffix(".stk")).read(0, 3)
    np.testing.assert_array_equal(averages, result.averages)
    x, y = grid(result.source.box_px)
    disc = x**2 + y**2 < (result.source.box_px / 2 - 5) ** 2
    for k in (0, 1):
        block = read_star(path)[f"class{k + 1:06d}_images"]
        rows = block.numbers("itemId").astype(int) - 1
        np.testing.assert_array_equal(rows, np.flatnonzero(result.levels[-1].labels == k))
        names = ("flip", "shiftX", "shiftY", "anglePsi")
        poses = [
            dict(zip(names, values, strict=True))
            for values in zip(*(block.numbers(name) for name in names), strict=True)
        ]
        assert {pose["flip"] for pose in poses} == {0, 1}
        moved = [moved_as_xmipp_says(stack[i], pose) for i, pose in zip(rows, poses, strict=True)]
        mean = np.mean(moved, axis=0)
        assert np.abs(mean - averages[k])[disc].max() < 1e-4 * np.ptp(mean[disc])


def test_all_images_are_there_in_their_order(run: Run) -> None:
    out, result, _ = run
    images = read_star(out / "xmipp" / "images.xmd")["noname"]
    assert result.source.table is not None
    assert images.text("image") == result.source.table.text("rlnImageName")
    assert images.text("itemId") == [str(i + 1) for i in range(N_IMAGES)]
    assert images.text("myOwnColumn") == [f"tag{i}" for i in range(N_IMAGES)]
    labels = result.levels[-1].labels
    np.testing.assert_array_equal(images.numbers("ref"), np.maximum(labels + 1, 0))
    enabled = images.numbers("enabled")
    assert np.flatnonzero(enabled == -1).tolist() == [NAN_ROW, CONSTANT_ROW]
    assert set(enabled) == {1, -1}
    assert images.numbers("samplingRate")[0] == pytest.approx(1.7)
    assert images.numbers("ctfVoltage")[0] == 300
    for name in ("flip", "shiftX", "shiftY", "anglePsi", "maxCC"):
        assert not images.numbers(name)[[NAN_ROW, CONSTANT_ROW]].any()
    assert not [name for name in images.columns if name.startswith(("rln", "cl2d"))]


def test_blocks_of_a_level_are_those_of_cl2d(run: Run) -> None:
    out, _, _ = run
    path = out / "xmipp" / "level_01" / "level_classes.xmd"
    blocks = read_star(path)
    members = [f"class{k:06d}_images" for k in (1, 2, 3)]
    assert list(blocks) == ["info", "classes", *members, "classes_sorted"]
    assert blocks["classes"].text("ref") == ["1", "2", "3"]
    assert blocks["classes"].numbers("classCount").tolist() == [7, 5, 0]
    assert [blocks[name].n_rows for name in members] == [7, 5, 0]
    assert blocks["classes"].numbers("classificationFRC05").tolist() == [0.2, 0, 0]
    assert blocks["classes_sorted"].text("itemId") == ["3", "1", "2"]
    assert blocks["info"].numbers("cl2dChanges").tolist() == [5]
    assert blocks["info"].numbers("cl2dSimilarity").tolist() == [0.5]
    lines = path.read_text().splitlines()
    assert lines[:4] == ["# XMIPP_STAR_1 * ", "# ", "data_info", "loop_"]
    assert lines[4] == " _iterationNumber"
    assert set(blocks["class000001_images"].text("ref")) == {"1"}


def test_classes_and_members_can_be_read_back_as_input(run: Run) -> None:
    out, result, stack = run
    path = out / "xmipp" / "level_01" / "level_classes.xmd"
    np.testing.assert_array_equal(open_references(path).read(0, 3), result.averages)
    np.testing.assert_array_equal(open_references(f"classes@{path}").read(0, 3), result.averages)
    members = open_particles(f"class000002_images@{path}")
    rows = np.flatnonzero(result.levels[-1].labels == 1)
    np.testing.assert_array_equal(members.read(0, len(rows)), stack[rows])
    with pytest.raises(InputFileError, match=r"choose one, e\.g\. classes@"):
        open_particles(path)
    images = open_particles(out / "xmipp" / "images.xmd")
    assert images.table is not None
    assert np.flatnonzero(~images.table.enabled()).tolist() == [NAN_ROW, CONSTANT_ROW]


def test_other_evaluation_renews_the_classes_alone(run: Run) -> None:
    out, result, _ = run
    path = out / "xmipp" / "level_01" / "level_classes.xmd"
    before = path.read_text()
    renew_xmipp_evaluation(out, [evaluation(1, 3, (1, 0, 2))])
    assert read_star(path)["classes_sorted"].text("itemId") == ["2", "1", "3"]
    renew_xmipp_evaluation(out, result.evaluations)
    assert path.read_text() == before


def test_overwriting_clears_the_folder_and_leaves_what_is_not_of_the_run(
    run: Run, tmp_path: Path
) -> None:
    _, result, _ = run
    out = prepare_output_folder(tmp_path / "out", overwrite=False)
    write_run(out, result)
    note = out / "xmipp" / "note.txt"
    note.write_text("mine")
    (out / "run.json").rename(tmp_path / "run.json")
    for path in out.glob("*.*"):
        path.unlink()
    shutil.rmtree(out / "levels")
    with pytest.raises(InputError, match="has xmipp; choose another folder"):
        prepare_output_folder(out, overwrite=False)
    prepare_output_folder(out, overwrite=True)
    assert [path for path in out.rglob("*") if path.is_file()] == [note]
    assert not (out / "xmipp" / "level_00").exists()


@pytest.mark.parametrize("part", ["xmipp", "xmipp/level_01"])
def test_links_in_place_of_folders_are_not_followed(run: Run, tmp_path: Path, part: str) -> None:
    _, result, _ = run
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "level_00").mkdir(parents=True)
    (elsewhere / "images.xmd").write_text("mine")
    out = prepare_output_folder(tmp_path / "out", overwrite=False)
    (out / part).parent.mkdir(parents=True, exist_ok=True)
    (out / part).symlink_to(elsewhere)
    with pytest.raises(InputError, match="symbolic link"):
        write_run(out, result)
    (out / "particles.star").touch()
    with pytest.raises(InputError, match="symbolic link"):
        prepare_output_folder(out, overwrite=True)
    assert (elsewhere / "images.xmd").read_text() == "mine"
    assert sorted(path.name for path in elsewhere.iterdir()) == ["images.xmd", "level_00"]


def test_xmipp_and_relion_poses_are_one_map() -> None:
    """By algebra: psi_rln = -psi_x, origin = R(psi_x) F s, by points moved both ways."""
    rng = np.random.default_rng(3)
    n = 50
    poses = Poses(rng.uniform(-np.pi, np.pi, n), rng.uniform(-9, 9, (n, 2)), rng.random(n) < 0.5)
    xmipp = {name: np.asarray(values) for name, values in xmipp_pose_columns(poses).items()}
    origins = poses.relion_origin_px()
    points = rng.uniform(-20, 20, (n, 2))
    for i in range(n):
        flip = np.diag([-1.0, 1.0]) if xmipp["flip"][i] else np.eye(2)
        psi_x = np.radians(xmipp["anglePsi"][i])
        turn = np.array([[np.cos(psi_x), -np.sin(psi_x)], [np.sin(psi_x), np.cos(psi_x)]])
        shift = np.array([xmipp["shiftX"][i], xmipp["shiftY"][i]])
        psi = np.radians(poses.relion_angle_deg()[i])
        relion = np.array([[np.cos(psi), -np.sin(psi)], [np.sin(psi), np.cos(psi)]])
        by_relion = flip @ relion @ (points[i] + origins[i])
        np.testing.assert_allclose(flip @ turn.T @ points[i] + shift, by_relion, atol=1e-9)
        np.testing.assert_allclose(origins[i], turn @ flip @ shift, atol=1e-9)
    assert xmipp["anglePsi"].min() > -180
    assert xmipp["anglePsi"].max() <= 180


def test_xmipp_metadata_package_finds_the_same_images(run: Run) -> None:
    package = pytest.importorskip("xmipp_metadata.metadata", exc_type=ImportError)
    out, result, stack = run
    table = package.XmippMetaData(str(out / "xmipp" / "images.xmd"))
    refs = np.asarray(table[:, "ref"], dtype=int).ravel()
    np.testing.assert_array_equal(refs, np.maximum(result.levels[-1].labels + 1, 0))
    np.testing.assert_array_equal(np.squeeze(table.getMetaDataImage(2)), stack[2])


@pytest.fixture
def xmipp() -> Any:
    """Give Xmipp's own library, of the package pyxmipp3."""
    return pytest.importorskip("xmippLib", exc_type=ImportError)


def test_xmipp_itself_superposes_the_members_on_the_average(run: Run, xmipp: Any) -> None:
    out, result, _ = run
    path = out / "xmipp" / "level_01" / "level_classes.xmd"
    x, y = grid(result.source.box_px)
    disc = x**2 + y**2 < (result.source.box_px / 2 - 8) ** 2
    for k in (1, 2):
        members = xmipp.MetaData(f"class{k:06d}_images@{path}")
        total = np.zeros_like(x)
        for row in members:
            image = xmipp.Image()
            image.readApplyGeo(members, row)
            total += image.getData()
        average = xmipp.Image(f"{k:06d}@{path.with_suffix('.stk')}").getData()
        np.testing.assert_array_equal(average, result.averages[k - 1])
        assert np.corrcoef((total / members.size())[disc], average[disc])[0, 1] > 0.999


def test_xmipp_itself_finds_blocks_and_values(run: Run, xmipp: Any) -> None:
    out, result, _ = run
    path = str(out / "xmipp" / "level_01" / "level_classes.xmd")
    assert xmipp.getBlocksInMetaDataFile(path) == list(read_star(path))
    classes = xmipp.MetaData(f"classes@{path}")
    counts = [classes.getValue(xmipp.MDL_CLASS_COUNT, row) for row in classes]
    assert counts == [7, 5, 0]
    images = xmipp.MetaData(str(out / "xmipp" / "images.xmd"))
    values = {
        "ref": np.maximum(result.levels[-1].labels + 1, 0),
        "enabled": np.where(result.levels[-1].labels >= 0, 1, -1),
        "itemId": np.arange(N_IMAGES) + 1,
    }
    for name, expected in values.items():
        label = xmipp.str2Label(name)
        assert [images.getValue(label, row) for row in images] == expected.tolist()
    label = xmipp.MDL_SAMPLINGRATE
    assert images.getValue(label, next(iter(images))) == pytest.approx(1.7)


def test_files_that_xmipp_itself_wrote_are_read(xmipp: Any, tmp_path: Path) -> None:
    stack = np.random.default_rng(2).normal(size=(3, 50, 50)).astype(np.float32)
    table = xmipp.MetaData()
    for number, pixels in enumerate(stack, 1):
        image = xmipp.Image()
        image.setData(pixels)
        image.write(f"{number:06d}@{tmp_path}/a.stk")
        row = table.addObject()
        table.setValue(xmipp.MDL_IMAGE, f"{number:06d}@{tmp_path}/a.stk", row)
        table.setValue(xmipp.MDL_ENABLED, -1 if number == 2 else 1, row)
        table.setValue(xmipp.MDL_SAMPLINGRATE, 1.5, row)
    table.write(f"first@{tmp_path}/a.xmd")
    table.write(f"second@{tmp_path}/a.xmd", xmipp.MD_APPEND)
    single = xmipp.Image()
    single.setData(stack[0])
    single.write(f"{tmp_path}/a.xmp")
    source = open_particles(f"second@{tmp_path}/a.xmd")
    np.testing.assert_array_equal(source.read(0, 3), stack)
    assert source.pixel_size_angstrom == 1.5
    assert source.table is not None
    assert source.table.enabled().tolist() == [True, False, True]
    np.testing.assert_array_equal(open_particles(tmp_path / "a.xmp").read(0, 1), stack[:1])
