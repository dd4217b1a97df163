from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import starfile

from cl2d.errors import InputError
from cl2d.io import (
    array_source,
    open_particles,
    read_star,
    relion_table,
    write_particles_star,
    write_stack,
)

if TYPE_CHECKING:
    from pathlib import Path

OPTICS = """data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnVoltage #3
_rlnSphericalAberration #4
_rlnImagePixelSize #5
_rlnImageSize #6
_rlnNewThing #7
1 og1 300.000 2.70 1.060000 6 abc
"""
PARTICLES = """
data_particles

loop_
_rlnImageName #1
_rlnDefocusU #2
_unknownColumn #3
_rlnOpticsGroup #4
_rlnClassNumber #5
3@a.mrcs 10000.10 1e-4 1 7
1@a.mrcs   9999.00 "two words" 1 8
2@a.mrcs 0012345.600000 x 1 9
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a stack and a table, which is the working directory too."""
    monkeypatch.chdir(tmp_path)
    write_stack(tmp_path / "a.mrcs", np.ones((3, 6, 6), np.float32), 1.06)
    (tmp_path / "in.star").write_text(OPTICS + PARTICLES)
    return tmp_path


def _new_columns() -> dict[str, Any]:
    return {
        "rlnClassNumber": np.array([1, 0, 2]),
        "rlnAnglePsi": np.array([10.5, 0, -170.25]),
        "cl2dIsCore": np.array([True, False, True]),
    }


def test_rows_columns_and_text_are_kept_and_new_columns_added(folder: Path) -> None:
    source = open_particles(folder / "in.star")
    write_particles_star(folder / "out.star", source.table, _new_columns(), source=source)
    before, after = read_star(folder / "in.star"), read_star(folder / "out.star")
    assert list(after) == ["optics", "particles"]
    particles = after["particles"]
    assert list(particles.columns) == [
        *before["particles"].columns,
        "rlnAnglePsi",
        "cl2dIsCore",
    ]
    for name in ("rlnImageName", "rlnDefocusU", "unknownColumn", "rlnOpticsGroup"):
        assert particles.text(name) == before["particles"].text(name)
    assert particles.text("rlnClassNumber") == ["1", "0", "2"]
    assert particles.text("rlnAnglePsi") == ["10.500000", "0.000000", "-170.250000"]
    assert particles.text("cl2dIsCore") == ["1", "0", "1"]
    for name in before["optics"].columns:
        assert after["optics"].text(name) == before["optics"].text(name)


def test_written_table_opens_again_with_the_same_images(folder: Path) -> None:
    write_stack(folder / "a.mrcs", np.random.default_rng(0).random((3, 6, 6)), 1.06)
    source = open_particles(folder / "in.star")
    write_particles_star(folder / "out.star", source.table, _new_columns(), source=source)
    again = open_particles(folder / "out.star")
    assert np.array_equal(again.read(0, 3), source.read(0, 3))
    assert again.pixel_size_angstrom == source.pixel_size_angstrom
    frames = starfile.read(folder / "out.star")
    assert frames["particles"]["rlnClassNumber"].tolist() == [1, 0, 2]


def test_subset_is_written_in_its_own_order(folder: Path) -> None:
    source = open_particles(folder / "in.star")
    assert source.table is not None
    subset = source.table.take(np.array([2, 0]))
    write_particles_star(
        folder / "out.star", subset, {"rlnClassNumber": np.array([5, 6])}, source=source
    )
    particles = read_star(folder / "out.star")["particles"]
    assert particles.text("rlnImageName") == ["2@a.mrcs", "3@a.mrcs"]
    assert particles.text("rlnClassNumber") == ["5", "6"]


def test_column_of_another_length_is_refused_and_nothing_written(folder: Path) -> None:
    source = open_particles(folder / "in.star")
    with pytest.raises(InputError, match="new column rlnAnglePsi must have 3 values, not 2"):
        write_particles_star(
            folder / "out.star", source.table, {"rlnAnglePsi": np.zeros(2)}, source=source
        )
    assert not (folder / "out.star").exists()


def test_old_table_gets_an_optics_group_and_origins_in_angstrom(folder: Path) -> None:
    (folder / "old.star").write_text(
        "data_\nloop_\n_rlnImageName\n_rlnVoltage\n_rlnSphericalAberration\n_rlnDetectorPixelSize\n"
        "_rlnMagnification\n_rlnOriginX\n_rlnOriginY\n1@a.mrcs 200 1.4 5.0 40000 3 4\n"
    )
    source = open_particles(folder / "old.star")
    origins = {"rlnOriginXAngst": np.array([1.5]), "rlnOriginYAngst": np.array([2.5])}
    write_particles_star(folder / "out.star", source.table, origins, source=source)
    blocks = read_star(folder / "out.star")
    optics = blocks["optics"]
    assert optics.numbers("rlnVoltage").tolist() == [200]
    assert optics.numbers("rlnSphericalAberration").tolist() == [1.4]
    assert optics.numbers("rlnImagePixelSize").tolist() == [1.25]
    assert optics.numbers("rlnImageSize").tolist() == [6]
    assert list(blocks["particles"].columns) == [
        "rlnImageName",
        "rlnVoltage",
        "rlnSphericalAberration",
        "rlnDetectorPixelSize",
        "rlnMagnification",
        "rlnOpticsGroup",
        "rlnOriginXAngst",
        "rlnOriginYAngst",
    ]


def test_old_origins_stay_when_no_new_ones_come(folder: Path) -> None:
    (folder / "old.star").write_text(
        "data_\nloop_\n_rlnImageName\n_rlnOriginX\n_rlnOriginY\n1@a.mrcs 3 4\n"
    )
    source = open_particles(folder / "old.star")
    write_particles_star(folder / "out.star", source.table, {}, source=source)
    assert read_star(folder / "out.star")["particles"].text("rlnOriginX") == ["3"]


def test_xmipp_table_keeps_disabled_rows_and_its_own_columns(folder: Path) -> None:
    (folder / "in.xmd").write_text(
        "# XMIPP_STAR_1 * \n# \ndata_noname\nloop_\n _itemId\n _image\n _enabled\n _ctfVoltage\n"
        " 11 2@a.mrcs:mrcs 1 200\n 12 1@a.mrcs -1 200\n"
    )
    source = open_particles(folder / "in.xmd")
    new = {"rlnClassNumber": np.array([1, 0])}
    write_particles_star(folder / "out.star", source.table, new, source=source)
    blocks = read_star(folder / "out.star")
    particles = blocks["particles"]
    assert particles.text("rlnImageName") == ["2@a.mrcs", "1@a.mrcs"]
    assert particles.text("itemId") == ["11", "12"]
    assert particles.text("enabled") == ["1", "-1"]
    assert "image" not in particles
    assert particles.text("rlnOpticsGroup") == ["1", "1"]
    assert blocks["optics"].numbers("rlnVoltage").tolist() == [200]
    assert blocks["optics"].numbers("rlnImagePixelSize").tolist() == pytest.approx([1.06])
    assert open_particles(folder / "out.star").n_images == 2


def test_bare_stack_gets_image_names_and_optics(folder: Path) -> None:
    source = open_particles(folder / "a.mrcs")
    write_particles_star(folder / "out.star", None, _new_columns(), source=source)
    blocks = read_star(folder / "out.star")
    assert blocks["particles"].text("rlnImageName") == [
        f"{k:06d}@{folder / 'a.mrcs'}" for k in (1, 2, 3)
    ]
    again = open_particles(folder / "out.star")
    assert (again.n_images, again.box_px) == (3, 6)
    assert again.pixel_size_angstrom == pytest.approx(1.06)


def test_rows_of_a_bare_stack_can_be_chosen(folder: Path) -> None:
    source = open_particles(folder / "a.mrcs")
    subset = relion_table(source).take(np.array([2]))
    write_particles_star(
        folder / "out.star", subset, {"rlnClassNumber": np.array([4])}, source=source
    )
    names = read_star(folder / "out.star")["particles"].text("rlnImageName")
    assert names == [f"000003@{folder / 'a.mrcs'}"]


def test_array_of_unknown_sampling_gets_one_angstrom(folder: Path) -> None:
    source = array_source(np.zeros((2, 6, 6)))
    write_particles_star(folder / "out.star", None, {}, source=source)
    blocks = read_star(folder / "out.star")
    assert blocks["particles"].text("rlnImageName") == ["000001@array", "000002@array"]
    assert blocks["optics"].numbers("rlnImagePixelSize").tolist() == [1.0]


def test_table_without_group_numbers_gets_those_of_its_only_group(folder: Path) -> None:
    text = (OPTICS + PARTICLES).replace("1 og1", "3 og1")
    text = text.replace("_rlnOpticsGroup #4", "_rlnGroupNumber #4")
    (folder / "in.star").write_text(text)
    source = open_particles(folder / "in.star")
    write_particles_star(folder / "out.star", source.table, {}, source=source)
    assert read_star(folder / "out.star")["particles"].text("rlnOpticsGroup") == ["3"] * 3
