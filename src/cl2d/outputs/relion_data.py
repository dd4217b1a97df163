"""The particles of a run as the data.star of a RELION job: every column that RELION looks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io import StarBlock, read_mrc_header
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleTable
    from cl2d.outputs.relion_classes import RelionClasses

    Column = list[str] | npt.NDArray[Any]

STACK_SUFFIX, STACK_HINT, _VOLUME_SUFFIX = b".mrcs", b":mrcs", b".mrc"
CLASS_OF_RUN = "cl2dClassNumber"
"""Where RELION's classes are halves of those of the run: the number of the latter."""
GROUP_NUMBER = "rlnGroupNumber"
_ONE_GROUP = "group_1"
# RELION 3.1 ends at a table of optics groups that lacks one of these.
_OPTICS_DEFAULTS = {"rlnVoltage": 300.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}


@dataclass(frozen=True)
class Optics:
    """What the optics groups of a run have in common: box and, 1 if unknown, pixel size."""

    box_px: int
    pixel_size_angstrom: float


def data_blocks(
    table: ParticleTable, classes: RelionClasses, optics: Optics
) -> dict[str, StarBlock]:
    """Return the tables of a data.star.

    Parameters
    ----------
    table : ParticleTable
        All particles of the run, as in its particles.star; every row and column stays.
    classes : RelionClasses
        Where they are classes of mirrored members, poses need no mirror any more: rlnIsFlip
        becomes 0.
    optics : Optics
        For what the table does not say of its optics groups.
    """
    columns: dict[str, Any] = dict(table.block.columns)
    columns["rlnImageName"] = stack_names(table.image_names())
    if classes.is_mirrored.any():
        columns[CLASS_OF_RUN] = columns["rlnClassNumber"]
        columns["rlnIsFlip"] = np.zeros(table.n_rows, dtype=np.int32)
    columns["rlnClassNumber"] = (classes.labels + 1).astype(np.int32)
    columns |= _columns_of_a_classification(table)
    return {"optics": _optics(table, optics), "particles": StarBlock(columns)}


def stack_names(names: list[bytes]) -> npt.NDArray[np.bytes_]:
    """Return image names such that RELION takes every numbered MRC file for a stack.

    It takes ``000002@stack.mrc`` for the second image of a volume and stops. What stands after a
    colon overrules the suffix.
    """
    named = [name.partition(b"@")[2] for name in names]
    hints = {stack: _hint(stack) for stack in set(named)}
    if any(hints.values()):
        names = [name + hints[stack] for name, stack in zip(names, named, strict=True)]
    return np.array(names, dtype="S")


def group_names(table: ParticleTable) -> npt.NDArray[np.bytes_]:
    """Return the group of each particle: RELION's own if it has one, else its micrograph."""
    for name in ("rlnGroupName", "rlnMicrographName"):
        if name in table:
            return np.array(table.block.columns[name], dtype="S")
    return np.full(table.n_rows, _ONE_GROUP.encode())


def _hint(stack: bytes) -> bytes:
    """Return what must stand after the name of a stack; nothing for one of another format."""
    if not stack or stack.endswith((STACK_SUFFIX, STACK_HINT)):
        return b""
    if not stack.endswith(_VOLUME_SUFFIX):
        try:
            read_mrc_header(stack.decode(TEXT_ENCODING, TEXT_ERRORS), is_stack=True)
        except InputFileError:
            return b""
    return STACK_HINT


def _columns_of_a_classification(table: ParticleTable) -> dict[str, Column]:
    """Return what a 2-D classification adds besides class and pose; old values must not stay.

    Angles that a 2-D pose does not have are 0; RELION's class ranker reads them unasked.
    """
    zeros = np.zeros(table.n_rows)
    _, numbers = np.unique(group_names(table), return_inverse=True)
    certain = table.numbers("cl2dConfidence") if "cl2dConfidence" in table else zeros + 1
    return {
        "rlnAngleRot": zeros,
        "rlnAngleTilt": zeros,
        GROUP_NUMBER: (numbers + 1).astype(np.int32),
        "rlnNormCorrection": zeros + 1,
        "rlnLogLikeliContribution": zeros,
        "rlnMaxValueProbDistribution": certain,
        "rlnNrOfSignificantSamples": np.ones(table.n_rows, dtype=np.int32),
    }


def _optics(table: ParticleTable, facts: Optics) -> StarBlock:
    """Return the optics groups of a table with every column that RELION needs."""
    assert table.optics is not None  # cl2d wrote it
    columns: dict[str, Any] = dict(table.optics.columns)
    n_groups = table.optics.n_rows
    columns.setdefault("rlnOpticsGroup", np.arange(1, n_groups + 1))
    numbers = StarBlock(columns).text("rlnOpticsGroup")
    columns.setdefault("rlnOpticsGroupName", [f"opticsGroup{number}" for number in numbers])
    for name, default in _OPTICS_DEFAULTS.items():
        own = table.numbers(name)[0] if name in table else default
        columns.setdefault(name, np.full(n_groups, own))
    columns.setdefault("rlnImagePixelSize", np.full(n_groups, facts.pixel_size_angstrom))
    columns.setdefault("rlnImageSize", np.full(n_groups, facts.box_px))
    columns.setdefault("rlnImageDimensionality", np.full(n_groups, 2))
    return StarBlock(columns)
