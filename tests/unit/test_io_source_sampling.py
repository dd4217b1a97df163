"""Pixel size and box of the particles: from optics groups, columns and stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cl2d.errors import InputFileError
from cl2d.io import open_particles
from tests.particle_files import BOX, write_table

if TYPE_CHECKING:
    from pathlib import Path


def _optics(*rows: str, columns: str = "rlnOpticsGroup rlnImagePixelSize rlnImageSize") -> str:
    labels = "".join(f"_{name}\n" for name in columns.split())
    return f"data_optics\nloop_\n{labels}" + "".join(f"{row}\n" for row in rows) + "\n"


def test_pixel_size_comes_from_the_optics_group(two_stacks: Path) -> None:
    path = write_table(two_stacks, ["1@a.mrcs"], optics=_optics(f"1 1.0600 {BOX}"))
    assert open_particles(path).pixel_size_angstrom == 1.06


def test_pixel_size_falls_back_on_the_stack(two_stacks: Path) -> None:
    assert open_particles(write_table(two_stacks, ["1@a.mrcs"])).pixel_size_angstrom == 2.0


@pytest.mark.parametrize(
    "columns",
    [
        {"rlnDetectorPixelSize": ["5.0"], "rlnMagnification": ["40000"]},
        {"rlnImagePixelSize": ["1.25"]},
        {"rlnPixelSize": ["1.25"]},
        {"samplingRate": ["1.25"]},
    ],
)
def test_pixel_size_of_old_tables_is_understood(
    two_stacks: Path, columns: dict[str, list[str]]
) -> None:
    path = write_table(two_stacks, ["1@a.mrcs"], columns=columns)
    assert open_particles(path).pixel_size_angstrom == pytest.approx(1.25)


def test_pixel_sizes_that_differ_by_rounding_are_one(two_stacks: Path) -> None:
    optics = _optics(f"1 1.0600 {BOX}", f"2 1.06001 {BOX}")
    names, groups = ["1@a.mrcs", "1@b.mrcs"], {"rlnOpticsGroup": [1, 2]}
    source = open_particles(write_table(two_stacks, names, columns=groups, optics=optics))
    assert source.pixel_size_angstrom == pytest.approx(1.06)


def test_optics_group_that_no_particle_uses_does_not_matter(two_stacks: Path) -> None:
    optics = _optics(f"1 1.06 {BOX}", "7 2.5 128")
    path = write_table(two_stacks, ["1@a.mrcs"], columns={"rlnOpticsGroup": [1]}, optics=optics)
    assert open_particles(path).pixel_size_angstrom == 1.06


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (f"2 2.5 {BOX}", "one pixel size; groups: rlnOpticsGroup 1, rlnImagePixelSize 1.06"),
        ("2 1.06 128", "one box size; groups: .* rlnImageSize 128: 2 particles"),
    ],
)
def test_several_samplings_are_refused_with_the_groups(
    two_stacks: Path, second: str, message: str
) -> None:
    names, groups = ["1@a.mrcs", "1@b.mrcs", "2@b.mrcs"], {"rlnOpticsGroup": [1, 2, 2]}
    optics = _optics(f"1 1.06 {BOX}", second)
    with pytest.raises(InputFileError, match=message):
        open_particles(write_table(two_stacks, names, columns=groups, optics=optics))


@pytest.mark.parametrize(
    ("columns", "optics", "message"),
    [
        ({"rlnOpticsGroup": [1, 3]}, _optics("1 1.06 6"), "row 2 .* is of optics group 3, which"),
        ({}, _optics("1 1.06 6", "2 1.06 6"), "must both have _rlnOpticsGroup"),
        ({}, _optics("1 1.06 128"), r"must be the box of the stacks \(6 px\), not 128"),
        ({}, _optics("1 0 6"), "rlnImagePixelSize of data_optics must be positive"),
        ({}, _optics("1 wide 6"), "row 1 of data_optics: rlnImagePixelSize must be a number, not"),
        ({}, _optics(), "data_optics must have at least one row"),
        ({"rlnPixelSize": [1.5, 2]}, "", "one pixel size, not 2 .* 1.5 A/px in 1 rows; 2 A/px"),
        ({"rlnPixelSize": [1.5, -2]}, "", "row 2 .* must be positive, not -2"),
        (
            {"rlnDetectorPixelSize": [5, 5], "rlnMagnification": [1e4, 0]},
            "",
            "row 2 .* the pixel size from rlnDetectorPixelSize and rlnMagnification must be",
        ),
    ],
)
def test_wrong_sampling_is_refused(
    two_stacks: Path, columns: dict[str, list[Any]], optics: str, message: str
) -> None:
    path = write_table(two_stacks, ["1@a.mrcs", "1@b.mrcs"], columns=columns, optics=optics)
    with pytest.raises(InputFileError, match=message):
        open_particles(path)
