"""Several particle tables as one: all rows, all columns, optics groups that agree."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputError
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS, StarBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from cl2d.io.particle_table import ParticleTable

_GROUP, _GROUP_NAME = "rlnOpticsGroup", "rlnOpticsGroupName"


def joined_tables(tables: Sequence[ParticleTable]) -> ParticleTable:
    """Return the rows of RELION 3.1 tables one after another.

    Optics groups that are alike in all but their number are one group of the result; the others
    get numbers, and where needed names, of their own.

    Parameters
    ----------
    tables : sequence of ParticleTable, at least one, each with optics groups
        As :func:`cl2d.io.relion_table` gives them.

    Raises
    ------
    InputError
        If they differ in the columns of particles or of optics groups.
    """
    first = tables[0]
    groups = _Groups()
    numbers = []
    for table in tables:
        _check_columns(first, first.block, table, table.block, "particles")
        assert first.optics is not None
        assert table.optics is not None
        _check_columns(first, first.optics, table, table.optics, "optics groups")
        numbers.append(groups.numbers_of(table, list(first.optics.columns)))
    columns = {
        name: np.concatenate([_cells(table.block, name) for table in tables])
        for name in first.column_names
    }
    columns[_GROUP] = np.concatenate(numbers)
    return replace(first, block=StarBlock(columns), optics=groups.block())


class _Groups:
    """Optics groups that are met one after another."""

    def __init__(self) -> None:
        self._number_of: dict[tuple[tuple[str, str], ...], int] = {}
        self._rows: list[dict[str, str]] = []

    def numbers_of(self, table: ParticleTable, names: list[str]) -> npt.NDArray[np.bytes_]:
        """Return the group of each particle of a table, as numbered here."""
        assert table.optics is not None
        values = {name: table.optics.text(name) for name in names}
        new_number = {}
        for i in range(table.optics.n_rows):
            row = {name: values[name][i] for name in names}
            new_number[float(row[_GROUP])] = str(self._number(row)).encode()
        own, inverse = np.unique(table.numbers(_GROUP), return_inverse=True)
        return np.array([new_number[number] for number in own.tolist()], dtype="S")[inverse.ravel()]

    def block(self) -> StarBlock:
        """Return the table of all groups."""
        return StarBlock({name: [row[name] for row in self._rows] for name in self._rows[0]})

    def _number(self, row: dict[str, str]) -> int:
        key = tuple(item for item in row.items() if item[0] != _GROUP)
        if key not in self._number_of:
            number = len(self._rows) + 1
            self._number_of[key] = number
            own = {**row, _GROUP: str(number)}
            if row.get(_GROUP_NAME) in {other.get(_GROUP_NAME) for other in self._rows}:
                own[_GROUP_NAME] = f"{row[_GROUP_NAME]}_{number}"
            self._rows.append(own if _GROUP_NAME in row else {**row, _GROUP: str(number)})
        return self._number_of[key]


def _cells(block: StarBlock, name: str) -> npt.NDArray[np.bytes_]:
    column: Any = block.columns[name]
    if isinstance(column, np.ndarray) and column.dtype.kind == "S":
        return column
    return np.array([value.encode(TEXT_ENCODING, TEXT_ERRORS) for value in block.text(name)], "S")


def _check_columns(
    first: ParticleTable, expected: StarBlock, table: ParticleTable, block: StarBlock, what: str
) -> None:
    lacking = [name for name in expected.columns if name not in block]
    besides = [name for name in block.columns if name not in expected]
    if lacking or besides:
        parts = [
            f"{verb} {', '.join(names)}"
            for verb, names in (("it lacks", lacking), ("it alone has", besides))
            if names
        ]
        message = (
            f"{table.path}: the columns of {what} must be those of {first.path}: {'; '.join(parts)}"
        )
        raise InputError(message)
