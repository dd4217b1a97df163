"""Names of stacks in a table that is written to another folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl2d.io import open_particles, write_particles_star, write_stack
from tests.particle_files import numbered_images, write_table

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_stack_beside_the_table_is_named_so_that_the_name_holds_elsewhere(
    two_stacks: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("project")
    write_stack(elsewhere / "a.mrcs", numbered_images(4, first=50))
    path = write_table(two_stacks, ["1@a.mrcs", "000002@b.mrcs:mrcs", "b.mrcs"])
    monkeypatch.chdir(elsewhere)
    source = open_particles(path)
    assert source.table is not None
    b = two_stacks / "b.mrcs"
    assert source.table.text("rlnImageName") == ["1@a.mrcs", f"000002@{b}", str(b)]
    assert source.image_name(1) == "000002@b.mrcs:mrcs"
    write_particles_star(elsewhere / "again.star", source.table, {}, source=source)
    assert open_particles(elsewhere / "again.star").read(0, 3)[:, 0, 0].tolist() == [50, 101, 100]


def test_stack_below_the_working_directory_is_named_from_there(
    two_stacks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_table(two_stacks, ["1@a.mrcs"])
    monkeypatch.chdir(two_stacks.parent)
    table = open_particles(path.relative_to(two_stacks.parent)).table
    assert table is not None
    assert table.text("rlnImageName") == [f"1@{two_stacks.name}/a.mrcs"]
    assert table.column_names == ["rlnImageName"]


def test_names_that_hold_already_are_left_alone(
    two_stacks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["1@a.mrcs:mrcs", f"3@{two_stacks}/b.mrcs", "0002@./a.mrcs"]
    path = write_table(two_stacks, names)
    monkeypatch.chdir(two_stacks)
    table = open_particles(path).table
    assert table is not None
    assert table.text("rlnImageName") == names
