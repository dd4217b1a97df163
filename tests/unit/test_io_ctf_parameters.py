"""CTF parameters of every particle, from whatever table it comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cl2d.errors import InputFileError
from cl2d.io import read_particle_table
from cl2d.io.ctf_parameters import ctf_state, has_defocus, read_ctf_parameters

if TYPE_CHECKING:
    from pathlib import Path

DEFOCUS = {
    "rlnDefocusU": ["21000.5", "18000"],
    "rlnDefocusV": ["20000", "17500"],
    "rlnDefocusAngle": ["30", "-12.5"],
}
MICROSCOPE = {
    "rlnVoltage": ["300", "300"],
    "rlnSphericalAberration": ["2.7", "2.7"],
    "rlnAmplitudeContrast": ["0.1", "0.1"],
}
OPTICS = "rlnOpticsGroup rlnVoltage rlnSphericalAberration rlnAmplitudeContrast"


def block(name: str, columns: dict[str, list[Any]]) -> str:
    labels = "".join(f"_{column}\n" for column in columns)
    rows = "".join(" ".join(map(str, row)) + "\n" for row in zip(*columns.values(), strict=True))
    return f"data_{name}\nloop_\n{labels}{rows}\n"


def optics(names: str, *rows: str) -> str:
    values = zip(*(row.split() for row in rows), strict=True)
    columns = {name: list(column) for name, column in zip(names.split(), values, strict=True)}
    return block("optics", columns)


def table(folder: Path, columns: dict[str, list[Any]], first: str = "", image: str = ""):
    name = image or "rlnImageName"
    n_rows = len(next(iter(columns.values())))
    images = {name: [f"{row + 1}@a.mrcs" for row in range(n_rows)]}
    path = folder / "particles.star"
    path.write_text(first + block("particles", {**images, **columns}))
    return read_particle_table(path)


def test_each_particle_takes_the_microscope_of_its_optics_group(tmp_path):
    # The groups neither in order nor counted from 1.
    first = optics(OPTICS, "7 200 1.4 0.07", "3 300 2.7 0.1", "9 nan nan nan")
    found = read_ctf_parameters(table(tmp_path, {**DEFOCUS, "rlnOpticsGroup": [3, 7]}, first))
    np.testing.assert_array_equal(found.voltage_kv, [300, 200])
    np.testing.assert_array_equal(found.spherical_aberration_mm, [2.7, 1.4])
    np.testing.assert_array_equal(found.amplitude_contrast, [0.1, 0.07])
    np.testing.assert_array_equal(found.defocus_u_angstrom, [21000.5, 18000])
    np.testing.assert_array_equal(found.defocus_v_angstrom, [20000, 17500])
    np.testing.assert_array_equal(found.defocus_angle_deg, [30, -12.5])
    np.testing.assert_array_equal(found.phase_shift_deg, [0, 0])


def test_tables_without_optics_groups_have_it_all_in_their_rows(tmp_path):
    columns = {**DEFOCUS, **MICROSCOPE, "rlnPhaseShift": ["90", "85"]}
    found = read_ctf_parameters(table(tmp_path, columns))
    np.testing.assert_array_equal(found.voltage_kv, [300, 300])
    np.testing.assert_array_equal(found.phase_shift_deg, [90, 85])


def test_xmipp_names_are_understood_in_either_kind_of_table(tmp_path):
    columns = {
        "ctfVoltage": [200],
        "ctfSphericalAberration": [2.0],
        "ctfQ0": [-0.07],
        "ctfDefocusU": [15000],
        "ctfDefocusV": [14000],
        "ctfDefocusAngle": [12],
    }
    for image in ("image", "rlnImageName"):
        found = read_ctf_parameters(table(tmp_path, columns, image=image))
        assert found.voltage_kv[0] == 200
        assert found.amplitude_contrast[0] == 0.07
        assert found.defocus_v_angstrom[0] == 14000


@pytest.mark.parametrize("missing", [*DEFOCUS, *MICROSCOPE])
def test_missing_column_is_named_with_its_file(tmp_path, missing):
    columns = {**DEFOCUS, **MICROSCOPE}
    del columns[missing]
    with pytest.raises(InputFileError, match=rf"particles\.star: .* must have a column _{missing}"):
        read_ctf_parameters(table(tmp_path, columns))


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [
        ("rlnDefocusU", "nan", r"between -1e\+07 and 1e\+07, not nan"),
        ("rlnDefocusAngle", "inf", "between -100000 and 100000, not inf"),
        ("rlnVoltage", "0", "between 1 and 10000, not 0"),
        ("rlnAmplitudeContrast", "1.5", "between -1 and 1, not 1.5"),
    ],
)
def test_impossible_value_is_named_with_its_row(tmp_path, column, value, wanted):
    columns = {**DEFOCUS, **MICROSCOPE}
    columns[column] = [columns[column][0], value]
    with pytest.raises(InputFileError, match=f"row 2 of data_particles: {column} must be {wanted}"):
        read_ctf_parameters(table(tmp_path, columns))


def test_impossible_value_of_an_optics_group_is_named_with_its_row(tmp_path):
    first = optics(OPTICS, "1 300 2.7 0.1", "2 300 inf 0.1")
    given = table(tmp_path, {**DEFOCUS, "rlnOpticsGroup": [1, 2]}, first)
    with pytest.raises(InputFileError, match="row 2 of data_optics: rlnSphericalAberration"):
        read_ctf_parameters(given)


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ({}, "raw"),
        ({"rlnCtfDataArePhaseFlipped": [0, 0]}, "raw"),
        ({"rlnCtfDataArePhaseFlipped": [1, 1]}, "flipped"),
        ({"ctfPhaseFlipped": [1, 1]}, "flipped"),
        ({"rlnCtfDataAreCtfPremultiplied": [1, 1]}, "premultiplied"),
        ({"ctfCorrected": [1, 1]}, "corrected"),
    ],
)
def test_table_tells_what_was_done_to_its_images(tmp_path, flags, state):
    assert ctf_state(table(tmp_path, {**DEFOCUS, **flags})) == state


def test_optics_group_tells_what_was_done_to_its_images(tmp_path):
    # A group that no particle belongs to says nothing.
    first = optics("rlnOpticsGroup rlnCtfDataArePhaseFlipped", "1 1", "2 0")
    assert ctf_state(table(tmp_path, {**DEFOCUS, "rlnOpticsGroup": [1, 1]}, first)) == "flipped"


def test_images_treated_differently_are_refused(tmp_path):
    given = table(tmp_path, {**DEFOCUS, "rlnCtfDataArePhaseFlipped": [0, 1]})
    with pytest.raises(InputFileError, match="must be the same for all particles"):
        ctf_state(given)


def test_only_tables_with_defoci_have_a_ctf_to_correct(tmp_path):
    assert has_defocus(table(tmp_path, DEFOCUS))
    assert not has_defocus(table(tmp_path, MICROSCOPE))
    assert not has_defocus(None)
