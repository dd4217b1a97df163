from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cl2d.errors import InputFileError
from cl2d.io import read_particle_table

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "data_particles\nloop_\n_rlnImageName\n_rlnDefocusU\n1@a.mrcs 1.50\n2@a.mrcs 2.5\n"


def _file(folder: Path, text: str, name: str = "a.star") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_relion_table_keeps_optics_and_text(tmp_path: Path) -> None:
    optics = "data_optics\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n1 1.0600\n"
    table = read_particle_table(_file(tmp_path, optics + TABLE))
    assert table.flavour == "relion"
    assert table.n_rows == 2
    assert table.column_names == ["rlnImageName", "rlnDefocusU"]
    assert "rlnDefocusU" in table
    assert "rlnDefocusV" not in table
    assert table.text("rlnDefocusU") == ["1.50", "2.5"]
    assert table.numbers("rlnDefocusU").tolist() == [1.5, 2.5]
    assert table.optics is not None
    assert table.optics.text("rlnImagePixelSize") == ["1.0600"]


@pytest.mark.parametrize("block", ["data_", "data_images", "data_particles"])
def test_old_block_names_are_found(tmp_path: Path, block: str) -> None:
    table = read_particle_table(_file(tmp_path, TABLE.replace("data_particles", block)))
    assert table.n_rows == 2
    assert table.optics is None


def test_xmipp_table_is_told_by_its_columns(tmp_path: Path) -> None:
    text = "# XMIPP_STAR_1 * \n# \ndata_noname\nloop_\n _image\n _enabled\n 1@a.mrcs -1\n"
    table = read_particle_table(_file(tmp_path, text, "a.xmd"))
    assert table.flavour == "xmipp"
    assert table.text("enabled") == ["-1"]


def test_rows_that_xmipp_disabled_are_told(tmp_path: Path) -> None:
    rows = " 1@a.mrcs 1\n 2@a.mrcs -1\n 3@a.mrcs 0\n 4@a.mrcs 1\n"
    text = "# XMIPP_STAR_1 * \n# \ndata_noname\nloop_\n _image\n _enabled\n" + rows
    table = read_particle_table(_file(tmp_path, text, "a.xmd"))
    assert table.enabled().tolist() == [True, False, False, True]
    relion = TABLE.replace("rlnDefocusU", "enabled").replace("1.50", "-1")
    assert read_particle_table(_file(tmp_path, relion)).enabled().tolist() == [False, True]


def test_without_the_column_of_xmipp_every_row_is_enabled(tmp_path: Path) -> None:
    assert read_particle_table(_file(tmp_path, TABLE)).enabled().tolist() == [True, True]
    plain = "# XMIPP_STAR_1 * \n# \ndata_noname\nloop_\n _image\n 1@a.mrcs\n"
    assert read_particle_table(_file(tmp_path, plain, "a.xmd")).enabled().tolist() == [True]


def test_word_for_enabled_is_named_with_its_row(tmp_path: Path) -> None:
    text = "data_noname\nloop_\n _image\n _enabled\n 1@a.mrcs 1\n 2@a.mrcs yes\n"
    table = read_particle_table(_file(tmp_path, text, "a.xmd"))
    with pytest.raises(InputFileError, match="row 2 of data_noname: enabled must be a number"):
        table.enabled()


def test_rows_can_be_taken_in_any_order(tmp_path: Path) -> None:
    taken = read_particle_table(_file(tmp_path, TABLE)).take(np.array([1, 0, 1]))
    assert taken.text("rlnImageName") == ["2@a.mrcs", "1@a.mrcs", "2@a.mrcs"]
    assert taken.n_rows == 3


def test_missing_column_is_named_with_those_there(tmp_path: Path) -> None:
    table = read_particle_table(_file(tmp_path, TABLE))
    message = r"data_particles must have a column _rlnDefocusV; it has rlnImageName, rlnDefocusU"
    with pytest.raises(InputFileError, match=message):
        table.numbers("rlnDefocusV")


def test_value_that_is_no_number_is_named_with_its_row(tmp_path: Path) -> None:
    table = read_particle_table(_file(tmp_path, TABLE.replace("2.5", "wide")))
    message = r"a\.star: row 2 of data_particles: rlnDefocusU must be a number, not 'wide'"
    with pytest.raises(InputFileError, match=message):
        table.numbers("rlnDefocusU")


CLASSES = "data_class1\nloop_\n_image\n1@a.stk\ndata_class2\nloop_\n_image\n2@a.stk\n3@a.stk\n"


def test_one_block_of_several_must_be_chosen(tmp_path: Path) -> None:
    path = _file(tmp_path, CLASSES, "a.xmd")
    with pytest.raises(InputFileError, match=r"not 2 \(data_class1, data_class2\); choose one"):
        read_particle_table(path)
    assert read_particle_table(path, "class2").n_rows == 2
    with pytest.raises(InputFileError, match="must have a block data_class3"):
        read_particle_table(path, "class3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "data_x\nloop_\n_rlnMicrographName\nm\n",
            r"must have a table with a column _rlnImageName",
        ),
        ("data_x\n_rlnImageName 1@a\n", r"must have a table with a column"),
        (
            "data_particles\nloop_\n_rlnImageName\n_a\n",
            r"data_particles must have at least one row",
        ),
    ],
)
def test_file_without_particles_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputFileError, match=message):
        read_particle_table(_file(tmp_path, text))


def test_chosen_block_must_hold_images(tmp_path: Path) -> None:
    path = _file(tmp_path, CLASSES + "data_info\n_iterationNumber 3\n", "a.xmd")
    with pytest.raises(InputFileError, match="data_info must be a table with a column"):
        read_particle_table(path, "info")
