"""The contrast transfer function of every particle, as its table describes it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.sampling import optics_numbers, used_optics_groups

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io.particle_table import ParticleTable

    Numbers = npt.NDArray[np.float64]

CtfState = Literal["raw", "flipped", "premultiplied", "corrected"]

# RELION's name and Xmipp's. Both are looked for in every table: particles that came from Xmipp keep
# its names in the RELION tables made of them.
_COLUMNS = {
    "voltage_kv": ("rlnVoltage", "ctfVoltage"),
    "spherical_aberration_mm": ("rlnSphericalAberration", "ctfSphericalAberration"),
    "amplitude_contrast": ("rlnAmplitudeContrast", "ctfQ0"),
    "defocus_u_angstrom": ("rlnDefocusU", "ctfDefocusU"),
    "defocus_v_angstrom": ("rlnDefocusV", "ctfDefocusV"),
    "defocus_angle_deg": ("rlnDefocusAngle", "ctfDefocusAngle"),
    "phase_shift_deg": ("rlnPhaseShift", "ctfVPPphaseshift"),
}
_ZERO_IF_MISSING = "phase_shift_deg"
# What a microscope can have, and far more. Beyond, single precision has no digits left for phases.
_POSSIBLE = {
    "voltage_kv": (1.0, 1e4),
    "spherical_aberration_mm": (-1e3, 1e3),
    "amplitude_contrast": (-1.0, 1.0),
    "defocus_u_angstrom": (-1e7, 1e7),
    "defocus_v_angstrom": (-1e7, 1e7),
    "defocus_angle_deg": (-1e5, 1e5),
    "phase_shift_deg": (-1e5, 1e5),
}
_FLIPPED = ("rlnCtfDataArePhaseFlipped", "ctfPhaseFlipped")
_PREMULTIPLIED = ("rlnCtfDataAreCtfPremultiplied",)
# Xmipp's programs that set it divide by the CTF, more or less.
_CORRECTED = ("ctfCorrected",)


@dataclass(frozen=True, eq=False)
class CtfParameters:
    """Parameters of the contrast transfer function of n particles, each (n,) float64.

    Attributes
    ----------
    voltage_kv : acceleration voltage
    spherical_aberration_mm : Cs
    amplitude_contrast : share of amplitude contrast, 0 to 1
    defocus_u_angstrom, defocus_v_angstrom : underfocus along the two axes of astigmatism
    defocus_angle_deg : direction of the first of them, from x towards y
    phase_shift_deg : of a phase plate
    """

    voltage_kv: Numbers
    spherical_aberration_mm: Numbers
    amplitude_contrast: Numbers
    defocus_u_angstrom: Numbers
    defocus_v_angstrom: Numbers
    defocus_angle_deg: Numbers
    phase_shift_deg: Numbers

    def __len__(self) -> int:
        """Return the number of particles."""
        return len(self.defocus_u_angstrom)

    def take(self, rows: slice | npt.NDArray[np.intp]) -> CtfParameters:
        """Return the parameters of some of the particles."""
        return CtfParameters(*(getattr(self, field.name)[rows] for field in fields(self)))

    def tobytes(self) -> bytes:
        """Return all numbers as bytes, by which two sets of parameters can be told apart."""
        return b"".join(getattr(self, field.name).astype("<f8").tobytes() for field in fields(self))


class _Column(NamedTuple):
    """A column of a file, for messages, and the parameter it holds."""

    path: Path
    block: str
    name: str
    key: str


def has_defocus(table: ParticleTable | None) -> bool:
    """Tell whether a table has defoci, without which there is no CTF to correct."""
    return table is not None and any(name in table for name in _COLUMNS["defocus_u_angstrom"])


def ctf_state(table: ParticleTable) -> CtfState:
    """Return what a table says was done about the CTF of its images; "raw" if it says nothing.

    Raises
    ------
    InputFileError
        If images of one table were treated differently, or a flag is no number.
    """
    if _flag(table, _PREMULTIPLIED):
        return "premultiplied"
    if _flag(table, _CORRECTED):
        return "corrected"
    return "flipped" if _flag(table, _FLIPPED) else "raw"


def read_ctf_parameters(table: ParticleTable) -> CtfParameters:
    """Read the CTF of every particle of a RELION (3.0, 3.1 and later) or Xmipp table.

    A value of the particle's own row counts; what it lacks is looked for in its optics group. Only
    the phase shift may be missing, and is 0 then.

    Raises
    ------
    InputFileError
        If a column is missing, or a value is not finite or not possible; with file, row and column.
    """
    values = {key: _column(table, key, names) for key, names in _COLUMNS.items()}
    # Earlier versions of Xmipp write the amplitude contrast with a minus sign.
    values["amplitude_contrast"] = np.abs(values["amplitude_contrast"])
    return CtfParameters(**values)


def _column(table: ParticleTable, key: str, names: tuple[str, ...]) -> Numbers:
    found = next((name for name in names if name in table), None)
    if found is not None:
        values = table.numbers(found)
        called = table.field_names.get(found, found)
        _check(values, _Column(table.path, f"data_{table.block_name}", called, key))
        return values
    found = next((name for name in names if table.optics and name in table.optics), None)
    if found is not None:
        return _of_optics_groups(table, found, key)
    if key == _ZERO_IF_MISSING:
        return np.zeros(table.n_rows)
    name = names[0] if table.flavour == "relion" else names[1]
    name = table.field_names.get(name, f"_{name}")
    msg = f"{table.path}: data_{table.block_name} must have a column {name} to correct the CTF"
    raise InputFileError(msg)


def _of_optics_groups(table: ParticleTable, name: str, key: str) -> Numbers:
    """Return a value of the optics groups for each particle."""
    used = used_optics_groups(table)
    assert table.optics is not None
    values = optics_numbers(table, name)
    called = table.field_names.get(name, name)
    _check(values, _Column(table.path, "data_optics", called, key), [row for row, _ in used])
    if len(values) == 1:
        return np.full(table.n_rows, values[0])
    group_of_optics = optics_numbers(table, "rlnOpticsGroup")
    order = np.argsort(group_of_optics)
    place = np.searchsorted(group_of_optics, table.numbers("rlnOpticsGroup"), sorter=order)
    of_each_row: Numbers = values[order[place]]
    return of_each_row


def _check(values: Numbers, column: _Column, rows: list[int] | None = None) -> None:
    """Refuse values that no microscope has; only in ``rows``, if they are given."""
    low, high = _POSSIBLE[column.key]
    possible = (values >= low) & (values <= high)
    wrong = [row for row in np.flatnonzero(~possible).tolist() if rows is None or row in rows]
    if wrong:
        msg = (
            f"{column.path}: row {wrong[0] + 1} of {column.block}: {column.name} must be between "
            f"{low:g} and {high:g}, not {values[wrong[0]]:g}"
        )
        raise InputFileError(msg)


def _flag(table: ParticleTable, names: tuple[str, ...]) -> bool:
    """Return what a flag says about all images; false where there is none."""
    for name in names:
        if name in table:
            values = table.numbers(name)
        elif table.optics is not None and name in table.optics:
            rows = [row for row, _ in used_optics_groups(table)]
            values = optics_numbers(table, name)[rows]
        else:
            continue
        on = values != 0
        if on.any() != on.all():
            msg = f"{table.path}: {name} must be the same for all particles"
            raise InputFileError(msg)
        return bool(on.any())
    return False
