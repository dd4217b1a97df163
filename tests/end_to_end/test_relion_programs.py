"""What RELION's own programs make of a run's relion folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest

import cl2d
from cl2d.io import (
    StarBlock,
    open_particles,
    read_particle_table,
    read_star,
    write_stack,
    write_star,
)
from cl2d.outputs import write_run
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation
from tests.finished_run import finished
from tests.level_of_labels import level_of
from tests.relion_programs import ClassDisplay, needs, needs_display, needs_relion, relion

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleTable

pytestmark = pytest.mark.programs
BOX = 32
LABELS = [0, 1, 0, -1, 2, 2, 0, 1]  # class 4 is empty


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """RELION's project directory, with a run that was made by hand."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    write_stack("stack.mrcs", rng.normal(size=(len(LABELS), BOX, BOX)), 2.0)
    write_run("Class2D/job004", finished(open_particles("stack.mrcs"), [level_of(LABELS, 4)]))
    return tmp_path


MODEL = "Class2D/job004/relion/run_it025_model.star"


def images_of(path: Path | str) -> list[str]:
    return read_particle_table(path).text("rlnImageName")


def saved_selection(project: Path, *classes: int) -> Path:
    """Click classes in RELION's display, save, and return the folder of what it wrote."""
    select = Path("Select/job005")
    select.mkdir(parents=True)
    display = ClassDisplay(project)
    with display.showing(MODEL, select, BOX + 4):
        for number in classes:
            display.click_class(number)
        display.save()
    return select


@needs_display
def test_display_saves_the_members_of_the_classes_that_were_clicked(project: Path) -> None:
    select = saved_selection(project, 2, 3)
    wanted = [f"{row + 1:06d}@stack.mrcs" for row, label in enumerate(LABELS) if label in (1, 2)]
    assert sorted(images_of(select / "particles.star")) == wanted
    [averages] = read_star(select / "class_averages.star").values()
    assert [name.partition("@")[0] for name in averages.text("rlnReferenceImage")] == [
        "000002",
        "000003",
    ]


@needs_display
def test_empty_class_adds_no_particle_to_a_selection(project: Path) -> None:
    select = saved_selection(project, 4, 1)
    wanted = [f"{row + 1:06d}@stack.mrcs" for row, label in enumerate(LABELS) if label == 0]
    assert images_of(select / "particles.star") == wanted


@needs_display
def test_display_begins_with_the_backup_selection_beside_its_results(project: Path) -> None:
    select = Path("Select/job005")
    select.mkdir(parents=True)
    backup = Path(MODEL).with_name("backup_selection.star")
    head, _, _ = backup.read_text().partition("1 1\n")
    (select / backup.name).write_text(f"{head}1 0\n2 1\n3 0\n4 0\n\n")
    display = ClassDisplay(project)
    with display.showing(MODEL, select, BOX + 4):
        display.save()
    wanted = [f"{row + 1:06d}@stack.mrcs" for row, label in enumerate(LABELS) if label == 1]
    assert images_of(select / "particles.star") == wanted


@needs_relion
@pytest.mark.usefixtures("project")
def test_every_table_is_printed_by_relion() -> None:
    for path in Path(MODEL).parent.glob("*.star"):
        for name, block in read_star(path).items():
            if not block.is_loop:
                continue  # the program prints columns of loops only
            column = next(name for name in block.columns if name.startswith("rln"))
            printed = relion("star_printtable", path, f"data_{name}", f"_{column}").split()
            assert len(printed) == block.n_rows, (path, name)


@needs_relion
@pytest.mark.usefixtures("project")
def test_star_handler_finds_the_members_of_a_class() -> None:
    data = Path(MODEL).with_name("run_it025_data.star")
    words = ["--select", "rlnClassNumber", "--minval", "3", "--maxval", "3"]
    relion("star_handler", "--i", data, "--o", "three.star", *words)
    wanted = [f"{row + 1:06d}@stack.mrcs" for row, label in enumerate(LABELS) if label == 2]
    assert images_of("three.star") == wanted


@needs_relion
@pytest.mark.parametrize("name", ["stack.mrc", "stack.stk"])
def test_stacks_of_any_name_are_read_by_relion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).normal(size=(3, BOX, BOX)).astype(np.float32)
    write_stack(name, images, 2.0)
    write_run("out", finished(open_particles(name), [level_of([0, 0, 0], 1)]))
    relion("stack_create", "--i", "out/relion/run_it025_data.star", "--o", "copied")
    np.testing.assert_array_equal(mrcfile.read("copied.mrcs"), images)


def moved_mean(members: ParticleTable) -> npt.NDArray[np.float32]:
    """Return the mean of some particles as RELION moves them by the poses of their table."""
    assert members.optics is not None
    blocks = {"optics": members.optics, "particles": StarBlock(members.block.columns)}
    write_star("members.star", blocks)
    relion("stack_create", "--i", "members.star", "--o", "moved", "--apply_transformation")
    return np.atleast_3d(mrcfile.read("moved.mrcs")).mean(axis=0)


@pytest.fixture(params=[40, 41])
def simulated(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> int:
    """The box, even or odd, of 90 clear particles of three views in the working directory."""
    monkeypatch.chdir(tmp_path)
    options = SimulationOptions(n_particles=90, box_px=request.param, n_views=3, snr=5.0)
    write_simulation("simulated", simulate_particles(options))
    return options.box_px


@needs_relion
@pytest.mark.parametrize("mirrors", ["flag", "split"])
def test_relion_lays_members_over_their_average(simulated: int, mirrors: str) -> None:
    run = {"n_classes": 3, "iterations": 4, "evaluate": False, "threads": 1}
    cl2d.classify("simulated/particles.star", output="out", relion_mirrors=mirrors, **run)
    data = read_particle_table("out/relion/run_it025_data.star")
    classes, is_flipped = data.numbers("rlnClassNumber"), data.numbers("rlnIsFlip") != 0
    averages = mrcfile.read("out/relion/run_it025_classes.mrcs")
    assert len(averages) == (6 if mirrors == "split" else 3)
    for k, average in enumerate(averages):
        rows = np.flatnonzero((classes == k + 1) & ~is_flipped)
        assert len(rows) >= 5
        mean = moved_mean(data.take(rows))
        # RELION interpolates linearly, which costs the last half of a percent.
        assert np.corrcoef(mean.ravel(), average.ravel())[0, 1] > 0.99, f"{simulated} px, {k + 1}"


@needs_relion
def test_flagged_members_are_laid_over_the_mirror_image(simulated: int) -> None:
    run = {"n_classes": 3, "iterations": 4, "evaluate": False, "threads": 1}
    cl2d.classify("simulated/particles.star", output="out", **run)
    data = read_particle_table("out/relion/run_it025_data.star")
    rows = np.flatnonzero((data.numbers("rlnClassNumber") == 1) & (data.numbers("rlnIsFlip") != 0))
    mean = moved_mean(data.take(rows))
    # Column c of an average lies opposite to column 2 * (box // 2) - c; the first of an even box
    # has no opposite.
    first = 1 - simulated % 2
    average = mrcfile.read("out/classes.mrcs")[0][:, first:][:, ::-1]
    assert np.corrcoef(mean[:, first:].ravel(), average.ravel())[0, 1] > 0.99


@needs("relion_refine")
@pytest.mark.parametrize("simulated", [40], indirect=True)
@pytest.mark.usefixtures("simulated")
def test_relion_classifies_the_particles_of_a_job_further() -> None:
    run = {"n_classes": 2, "iterations": 2, "evaluate": False, "threads": 1}
    cl2d.classify("simulated/particles.star", output="out", **run)
    Path("Class2D").mkdir()
    words = ["--i", "out/relion/run_it025_data.star", "--o", "Class2D/run", "--K", "2"]
    words += ["--iter", "1", "--particle_diameter", "150", "--psi_step", "30"]
    relion("refine", *words, "--offset_range", "1", "--offset_step", "2", "--random_seed", "1")
    before = read_particle_table("out/relion/run_it025_data.star")
    after = read_particle_table("Class2D/run_it001_data.star")
    assert sorted(after.text("rlnImageName")) == sorted(before.text("rlnImageName"))
    assert set(after.column_names) >= set(before.column_names)
