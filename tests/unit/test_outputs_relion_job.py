"""The RELION job of a run, read back by programs that share nothing with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
import pytest
import starfile

from cl2d.evaluate import LevelEvaluation
from cl2d.io import array_source, open_particles, write_stack
from cl2d.options import OutputOptions
from cl2d.outputs import prepare_output_folder, write_run
from cl2d.outputs.relion_classes import mirror_image, relion_classes
from cl2d.outputs.relion_data import stack_names
from cl2d.outputs.relion_job import project_path, relion_warnings
from cl2d.results import Poses
from tests.finished_run import finished
from tests.level_of_labels import level_of

if TYPE_CHECKING:
    from cl2d.results import LevelResult

BOX, PIXEL = 12, 2.5
LABELS = [0, 1, 0, -1, 1, 0, 0]  # two classes; class 3 is empty, image 4 in none
MIRROR = [True, False, False, False, True, True, False]


def level() -> LevelResult:
    n = len(LABELS)
    angles = np.linspace(-1, 1, n)
    shifts = np.stack([angles, 1 - angles], axis=1)
    return level_of(LABELS, 3, Poses(angles, shifts, np.array(MIRROR)))


def write_particles(folder: Path, table: str = "", name: str = "stack.mrcs") -> Path:
    """Write a stack and a table of its images; ``table`` is the text, {i} the number of a row."""
    rng = np.random.default_rng(0)
    (folder / name).parent.mkdir(exist_ok=True)
    write_stack(folder / name, rng.normal(size=(len(LABELS), BOX, BOX)), PIXEL)
    path = folder / "particles.star"
    path.write_text(table)
    return path


def evaluation() -> LevelEvaluation:
    frc = np.linspace(1, 0, BOX // 2 + 1) * np.array([[1.0], [0.5], [np.nan]])
    return LevelEvaluation(
        level=0,
        half_members=np.array([[2, 2], [1, 1], [0, 0]]),
        frequency_per_px=np.arange(BOX // 2 + 1) / BOX,
        frc=frc,
        ssnr=2 * frc / (1.01 - frc),
        crossing_per_px=np.array([[0.25, 0.4], [0.2, 0.3], [np.nan, np.nan]]),
        quality=np.array([0.9, 0.5, 0.0]),
        order=np.arange(3),
        pixel_size_angstrom=PIXEL,
        reasons=((), ("weak",), ("too_small",)),
    )


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A RELION project directory, and the working directory."""
    monkeypatch.chdir(tmp_path)
    write_particles(tmp_path)
    return tmp_path


def tables(path: Path | str) -> dict[str, Any]:
    return starfile.read(path, always_dict=True)


def write(out: str, particles: str = "stack.mrcs", **options: Any) -> dict[str, dict[str, Any]]:
    """Write a run of some particles with an evaluation; return the tables of its job by file."""
    result = finished(open_particles(particles), [level()], **options)
    result.evaluations = (evaluation(),)
    write_run(prepare_output_folder(out, overwrite=False), result)
    folder = Path(out) / "relion"
    return {path.name: tables(path) for path in folder.glob("*.star")}


def test_files_find_each_other_from_the_working_directory() -> None:
    job = write("Class2D/job005")
    [optimiser] = job["run_it025_optimiser.star"].values()
    assert optimiser["rlnModelStarFile"] == "Class2D/job005/relion/run_it025_model.star"
    assert Path(optimiser["rlnExperimentalDataStarFile"]).is_file()
    names = job["run_it025_model.star"]["model_classes"]["rlnReferenceImage"]
    assert names[1] == "000002@Class2D/job005/relion/run_it025_classes.mrcs"
    assert Path(names[0].partition("@")[2]).is_file()
    assert job["run_it025_data.star"]["particles"]["rlnImageName"][6] == "000007@stack.mrcs"


def test_files_outside_the_working_directory_have_whole_paths(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    out = tmp_path_factory.mktemp("elsewhere") / "run"
    [optimiser] = write(str(out))["run_it025_optimiser.star"].values()
    assert optimiser["rlnModelStarFile"] == str(out / "relion" / "run_it025_model.star")


@pytest.mark.parametrize(
    ("name", "seen"),
    [("a/b.star", "a/b.star"), ("./a/../b.star", "b.star"), ("link/b.star", "link/b.star")],
)
def test_name_of_a_file_starts_from_the_project_directory(name: str, seen: str) -> None:
    Path("link").symlink_to("/")
    assert project_path(Path(name)) == seen
    assert project_path(Path.cwd() / name) == seen


def test_name_of_a_file_above_the_project_directory_is_its_whole_path(project: Path) -> None:
    assert project_path(Path("../b.star")) == str(project.parent / "b.star")


def test_every_particle_keeps_row_and_columns(project: Path) -> None:
    rows = "".join(f"{i + 1}@stack.mrcs mic{i % 2} tag{i}\n" for i in range(len(LABELS)))
    labels = "_rlnImageName\n_rlnMicrographName\n_mine\n"
    (project / "particles.star").write_text(f"data_\nloop_\n{labels}{rows}")
    data = write("out", "particles.star")["run_it025_data.star"]
    particles = data["particles"]
    assert particles["mine"].to_list() == [f"tag{i}" for i in range(len(LABELS))]
    assert particles["rlnClassNumber"].to_list() == [label + 1 for label in LABELS]
    assert particles["rlnGroupNumber"].to_list() == [i % 2 + 1 for i in range(len(LABELS))]
    assert not particles[["rlnAngleRot", "rlnAngleTilt"]].to_numpy().any()


def test_classes_have_their_shares_resolutions_and_curves() -> None:
    model = write("out")["run_it025_model.star"]
    classes = model["model_classes"]
    np.testing.assert_allclose(classes["rlnClassDistribution"], [4 / 6, 2 / 6, 0], atol=1e-6)
    np.testing.assert_allclose(classes["rlnEstimatedResolution"], [10.0, 12.5, 999.0])
    general = model["model_general"]
    assert (general["rlnNrClasses"], general["rlnNrGroups"], general["rlnPixelSize"]) == (3, 1, 2.5)
    found, wanted = model["model_class_2"], evaluation()
    np.testing.assert_allclose(found["rlnGoldStandardFsc"], wanted.frc[1], atol=1e-6)
    np.testing.assert_allclose(found["rlnSsnrMap"], wanted.ssnr[1], atol=1e-6)
    np.testing.assert_allclose(found["rlnAngstromResolution"][1:], BOX * PIXEL / np.arange(1, 7))
    assert not model["model_class_3"][["rlnGoldStandardFsc", "rlnSsnrMap"]].to_numpy().any()


def test_power_of_an_average_is_divided_into_signal_and_noise() -> None:
    model = write("out")["run_it025_model.star"]
    image = mrcfile.read("out/classes.mrcs")[0]
    power = np.abs(np.fft.fft2(image)) ** 2 / BOX**4
    curve = model["model_class_1"]
    both = curve["rlnReferenceTau2"] + curve["rlnReferenceSigma2"]
    assert both[0] == pytest.approx(power[0, 0] / 2, rel=1e-3)
    signal = curve["rlnReferenceTau2"] / curve["rlnReferenceSigma2"]
    # Powers above 0.001 are written with six decimals.
    np.testing.assert_allclose(signal, curve["rlnSsnrMap"], rtol=2e-3)


def test_noise_of_normalised_white_images_is_known() -> None:
    model = write("out")["run_it025_model.star"]
    noise = model["model_optics_group_1"]["rlnSigma2Noise"]
    transforms = np.fft.fft2(np.random.default_rng(1).normal(size=(500, BOX, BOX))) / BOX**2
    np.testing.assert_allclose(noise, transforms.real.var(), rtol=0.02)


def test_proposal_of_the_evaluation_is_the_backup_selection() -> None:
    job = write("out")
    [selection] = job["backup_selection.star"].values()
    assert selection["rlnSelected"].to_list() == [1, 0, 0]


def test_run_without_evaluation_selects_all_and_knows_no_resolution() -> None:
    write_run("out", finished(open_particles("stack.mrcs"), [level()]))
    [selection] = tables("out/relion/backup_selection.star").values()
    assert selection["rlnSelected"].to_list() == [1, 1, 1]
    classes = tables("out/relion/run_it025_model.star")["model_classes"]
    assert (classes["rlnEstimatedResolution"] == 999).all()


def test_mirrored_members_become_classes_that_show_the_mirror_image() -> None:
    job = write("out", relion_mirrors="split")
    particles = job["run_it025_data.star"]["particles"]
    assert particles["rlnClassNumber"].to_list() == [4, 2, 1, 0, 5, 4, 1]
    assert particles["cl2dClassNumber"].to_list() == [label + 1 for label in LABELS]
    assert not particles["rlnIsFlip"].any()
    classes = job["run_it025_model.star"]["model_classes"]
    assert classes["cl2dClassNumber"].to_list() == [1, 2, 3, 1, 2]
    assert classes["cl2dIsMirrored"].to_list() == [0, 0, 0, 1, 1]
    [selection] = job["backup_selection.star"].values()
    assert selection["rlnSelected"].to_list() == [1, 0, 0, 1, 0]
    own, shown = mrcfile.read("out/classes.mrcs"), mrcfile.read("out/relion/run_it025_classes.mrcs")
    np.testing.assert_array_equal(shown[:3], own)
    np.testing.assert_array_equal(shown[3, :, 1:], own[0, :, :0:-1])
    pose = ["rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst"]
    written = tables("out/particles.star")["particles"]
    np.testing.assert_array_equal(particles[pose], written[pose])


def test_class_whose_members_are_all_mirrored_is_left_empty() -> None:
    poses = Poses(np.zeros(2), np.zeros((2, 2)), np.ones(2, dtype=bool))
    classes = relion_classes(level_of([0, 0], 1, poses), split_mirrors=True)
    shown = classes.averages(np.ones((1, 4, 4), dtype=np.float32))
    assert classes.members().tolist() == [0, 2]
    assert shown.any(axis=(1, 2)).tolist() == [False, True]


@pytest.mark.parametrize("box", [7, 8])
def test_mirror_image_keeps_the_origin(box: int) -> None:
    image = np.zeros((box, box), dtype=np.float32)
    image[2, box // 2], image[3, box // 2 + 2] = 1, 2
    mirrored = mirror_image(image)
    assert (mirrored[2, box // 2], mirrored[3, box // 2 - 2]) == (1, 2)
    np.testing.assert_array_equal(mirror_image(mirrored), image)


@pytest.mark.parametrize("name", ["stack.mrc", "stack.stk", "stack.mrc:mrcs", "stack.mrcs"])
def test_relion_is_told_that_a_file_is_a_stack(project: Path, name: str) -> None:
    file = name.removesuffix(":mrcs")
    rows = "".join(f"{i + 1}@{name} 1\n" for i in range(len(LABELS)))
    write_particles(project, f"data_\nloop_\n_rlnImageName\n_enabled\n{rows}", file)
    data = write("out", "particles.star")["run_it025_data.star"]
    wanted = "1@stack.mrcs" if name == "stack.mrcs" else f"1@{file}:mrcs"
    assert data["particles"]["rlnImageName"][0] == wanted
    # What cl2d writes, it can read.
    assert open_particles("out/relion/run_it025_data.star").n_images == len(LABELS)


def test_numbered_file_of_another_format_keeps_its_name(project: Path) -> None:
    (project / "stack.img").write_bytes(bytes(2000))
    names = [b"1@stack.img", b"2@gone.img", b"3@gone.mrc", b"one.mrc", b"4@stack.mrcs"]
    wanted = [b"1@stack.img", b"2@gone.img", b"3@gone.mrc:mrcs", b"one.mrc", b"4@stack.mrcs"]
    assert stack_names(names).tolist() == wanted


def test_tables_of_earlier_versions_come_out_in_the_form_of_3_1(project: Path) -> None:
    labels = ["rlnImageName", "rlnMagnification", "rlnDetectorPixelSize", "rlnVoltage"]
    labels += ["rlnSphericalAberration", "rlnAmplitudeContrast", "rlnOriginX", "rlnOriginY"]
    rows = "".join(f"{i + 1}@stack.mrcs 56000 14 200 2.0 0.07 3 4\n" for i in range(len(LABELS)))
    text = "data_images\nloop_\n" + "".join(f"_{label}\n" for label in labels) + rows
    (project / "particles.star").write_text(text)
    data = write("out", "particles.star")["run_it025_data.star"]
    optics = data["optics"].iloc[0]
    assert (optics["rlnVoltage"], optics["rlnSphericalAberration"]) == (200, 2.0)
    assert (optics["rlnImagePixelSize"], optics["rlnImageSize"]) == (2.5, BOX)
    assert "rlnOriginX" not in data["particles"]
    assert "rlnMagnification" in data["particles"]


def test_optics_groups_get_what_relion_needs(project: Path) -> None:
    optics = "data_optics\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n1 2.5\n2 2.5\n"
    rows = "".join(f"{i + 1}@stack.mrcs {i % 2 + 1}\n" for i in range(len(LABELS)))
    text = f"{optics}\ndata_particles\nloop_\n_rlnImageName\n_rlnOpticsGroup\n{rows}"
    (project / "particles.star").write_text(text)
    job = write("out", "particles.star")
    groups = job["run_it025_data.star"]["optics"]
    assert groups["rlnOpticsGroupName"].to_list() == ["opticsGroup1", "opticsGroup2"]
    for name, value in {
        "rlnVoltage": 300,
        "rlnImageSize": BOX,
        "rlnImageDimensionality": 2,
    }.items():
        assert groups[name].to_list() == [value, value]
    assert job["run_it025_model.star"]["model_general"]["rlnNrOpticsGroups"] == 2
    assert "model_optics_group_2" in job["run_it025_model.star"]


def test_array_has_no_job_and_the_user_is_told() -> None:
    source = array_source(np.random.default_rng(0).normal(size=(len(LABELS), BOX, BOX)))
    write_run("out", finished(source, [level()]))
    assert not Path("out/relion").exists()
    [warning] = relion_warnings(source, OutputOptions(), level())
    assert "was not written" in warning


def test_mirrors_are_told_of_once_and_only_where_there_are_some() -> None:
    source = open_particles("stack.mrcs")
    [warning] = relion_warnings(source, OutputOptions(), level())
    assert "3 mirrored particles" in warning
    assert "--relion-mirrors split" in warning
    assert relion_warnings(source, OutputOptions(relion_mirrors="split"), level()) == []
    assert relion_warnings(source, OutputOptions(format="xmipp"), level()) == []
    assert relion_warnings(source, OutputOptions(), level_of(LABELS, 3)) == []


def test_one_class_of_one_particle_is_a_job_too() -> None:
    write_stack("one.mrcs", np.ones((1, BOX, BOX)), None)
    write_run("out", finished(open_particles("one.mrcs"), [level_of([0], 1)]))
    model = tables("out/relion/run_it025_model.star")
    assert model["model_general"]["rlnNrClasses"] == 1
    assert float(tables("out/relion/run_it025_data.star")["optics"]["rlnImagePixelSize"][0]) == 1.0


def test_run_without_any_member_is_a_job_too() -> None:
    write_run("out", finished(open_particles("stack.mrcs"), [level_of([-1] * len(LABELS), 2)]))
    classes = tables("out/relion/run_it025_model.star")["model_classes"]
    assert classes["rlnClassDistribution"].to_list() == [0, 0]
    assert "@" not in Path("out/relion/class_averages.star").read_text()


@pytest.mark.parametrize("format_", ["none", "xmipp"])
def test_job_is_written_only_if_asked_for(format_: str) -> None:
    result = finished(open_particles("stack.mrcs"), [level()], format=format_)
    write_run("out", result)
    assert not Path("out/relion").exists()
