"""Particle tables joined to one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cl2d.errors import InputError
from cl2d.io import ParticleTable, StarBlock, read_particle_table, write_star
from cl2d.io.joined_tables import joined_tables


def table(names, groups, voltages, **columns):
    """Return a table of particles with optics groups 1, 2, ... of some voltages."""
    numbers = [str(number + 1) for number in range(len(voltages))]
    optics = {
        "rlnOpticsGroup": numbers,
        "rlnOpticsGroupName": [f"opticsGroup{number}" for number in numbers],
        "rlnVoltage": voltages,
    }
    rows = {"rlnImageName": names, "rlnOpticsGroup": groups, **columns}
    path = Path(f"{names[0]}.star")
    return ParticleTable(path, "particles", StarBlock(rows), "relion", StarBlock(optics))


def test_rows_follow_one_another_with_all_columns():
    joined = joined_tables(
        [
            table(["1@a", "2@a"], ["1", "1"], ["300"], rlnDefocusU=["10.50", "11"]),
            table(["1@long_name"], ["1"], ["300"], rlnDefocusU=["9"]),
        ]
    )
    assert joined.text("rlnImageName") == ["1@a", "2@a", "1@long_name"]
    assert joined.text("rlnDefocusU") == ["10.50", "11", "9"]


def test_columns_in_another_order_are_the_same_columns():
    first = table(["1@a"], ["1"], ["300"])
    columns = dict(reversed(table(["1@b"], ["1"], ["300"]).block.columns.items()))
    second = ParticleTable(Path("b.star"), "particles", StarBlock(columns), "relion", first.optics)
    assert joined_tables([first, second]).column_names == ["rlnImageName", "rlnOpticsGroup"]


def test_equal_optics_groups_become_one_and_others_get_numbers_and_names():
    joined = joined_tables(
        [
            table(["1@a", "2@a"], ["1", "2"], ["300", "200"]),
            table(["1@b", "2@b"], ["2", "1"], ["300", "100"]),
        ]
    )
    voltage = dict(
        zip(joined.optics.text("rlnOpticsGroup"), joined.optics.text("rlnVoltage"), strict=True)
    )
    # opticsGroup2 of the second file has other values than opticsGroup2 of the first.
    assert [voltage[group] for group in joined.text("rlnOpticsGroup")] == [
        *("300", "200"),
        *("100", "300"),
    ]
    names = joined.optics.text("rlnOpticsGroupName")
    assert len(set(names)) == len(names)


def test_groups_that_agree_in_all_but_the_number_are_one():
    first = table(["1@a"], ["1"], ["300"])
    optics = StarBlock({**first.optics.columns, "rlnOpticsGroup": ["7"]})
    second = ParticleTable(
        Path("b.star"),
        "particles",
        StarBlock({"rlnImageName": ["1@b"], "rlnOpticsGroup": ["7"]}),
        "relion",
        optics,
    )
    joined = joined_tables([first, second])
    assert joined.optics.n_rows == 1
    assert joined.text("rlnOpticsGroup") == ["1", "1"]


def test_other_columns_are_refused_by_name():
    first = table(["1@a"], ["1"], ["300"], rlnDefocusU=["1"])
    second = table(["1@b"], ["1"], ["300"], rlnDefocusV=["1"])
    with pytest.raises(InputError, match=r"1@b\.star.*lacks rlnDefocusU; .* has rlnDefocusV"):
        joined_tables([first, second])


def test_what_is_joined_reads_back(tmp_path):
    tables = [table([f"{i}@a"], ["1"], ["300"], rlnDefocusU=[f"{i}.0"]) for i in range(1, 4)]
    joined = joined_tables(tables)
    blocks = {"optics": joined.optics, "particles": joined.block}
    write_star(tmp_path / "all.star", blocks)
    again = read_particle_table(tmp_path / "all.star")
    assert np.array_equal(again.numbers("rlnDefocusU"), [1, 2, 3])
