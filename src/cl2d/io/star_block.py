"""One block of a STAR file, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

# Bytes that are not UTF-8 (old Latin-1 paths) survive a round trip this way.
TEXT_ENCODING = "utf-8"
TEXT_ERRORS = "surrogateescape"


@dataclass(frozen=True)
class StarBlock:
    """A table (``loop_``) or a list of single values.

    Attributes
    ----------
    columns : mapping from name, without the leading underscore, to a list of str or an array
        Columns read from a file are arrays of bytes (dtype S, UTF-8) with the text as it stood
        there: a tenth of the memory of as many str. Take them through `text` and `numbers`.
    is_loop : bool
        False for a list block, where every column has one value.
    """

    columns: Mapping[str, Sequence[str] | npt.NDArray[Any]]
    is_loop: bool = True

    @property
    def n_rows(self) -> int:
        """Number of rows (1 for a list block)."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __contains__(self, name: str) -> bool:
        """Tell whether there is a column of this name."""
        return name in self.columns

    def text(self, name: str) -> list[str]:
        """Return a column as text."""
        column = self.columns[name]
        if isinstance(column, np.ndarray):
            if column.dtype.kind == "S":
                return [value.decode(TEXT_ENCODING, TEXT_ERRORS) for value in column.tolist()]
            return [str(value) for value in column.tolist()]
        return list(column)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column as float64; ValueError if a value is not a number."""
        return np.asarray(self.columns[name]).astype(np.float64)

    def first_without_number(self, name: str) -> int:
        """Return the first row (0-based) of a column that `numbers` cannot read."""
        column = np.asarray(self.columns[name])
        for row in range(len(column)):
            try:
                column[row : row + 1].astype(np.float64)
            except ValueError:
                return row
        msg = f"column {name} must hold something that is no number"
        raise ValueError(msg)

    def take(self, rows: npt.NDArray[np.intp]) -> StarBlock:
        """Return some of the rows, in the order asked for."""
        taken: dict[str, Sequence[str] | npt.NDArray[Any]] = {
            name: column[rows]
            if isinstance(column, np.ndarray)
            else [column[row] for row in rows.tolist()]
            for name, column in self.columns.items()
        }
        return StarBlock(taken, self.is_loop)
