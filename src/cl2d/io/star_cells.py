"""Turn columns into text, many rows at a time.

A column of n values becomes a matrix of bytes (n, width) in which NUL means "nothing here".
Matrices are set side by side, and dropping the NULs leaves the text of all rows at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputError
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Cells = npt.NDArray[np.uint8]

FLOAT_DECIMALS = 6
# Outside these, six decimals would say too little or need more than 15 digits.
_SMALLEST_FIXED = 1e-3
_LARGEST_FIXED = 1e8
_LARGEST_INTEGER = 1 << 62
_RESERVED = (b"_", b"data_", b"loop_", b"save_", b"global_", b"stop_")


def _quoted(value: bytes, name: str) -> bytes:
    shown = value.decode(TEXT_ENCODING, "replace")
    if b"\n" in value or b"\r" in value:
        msg = f"a value of column {name} must be on one line, not {shown!r}"
        raise InputError(msg)
    for quote in (b'"', b"'"):
        if quote not in value:
            return quote + value + quote
    # A quote ends a value only where white space follows, so whatever was read can be written.
    for quote in (b'"', b"'"):
        if not any(after.isspace() for after in _following(quote, value)):
            return quote + value + quote
    msg = f"a value of column {name} must not need both kinds of quotes, as {shown!r} does"
    raise InputError(msg)


def _following(quote: bytes, value: bytes) -> list[bytes]:
    """Return what stands after each quote within a value."""
    return [part[:1] for part in value.split(quote)[1:]]


def _as_cells(column: npt.NDArray[np.bytes_]) -> Cells:
    width = max(1, column.dtype.itemsize)
    return (
        np.ascontiguousarray(column)
        .astype(f"S{width}", copy=False)
        .view(np.uint8)
        .reshape(len(column), width)
    )


def _text_cells(column: npt.NDArray[np.bytes_], name: str, is_first: bool) -> Cells:
    """Return the cells of a text column, quotes put round the values that need them."""
    cells = _as_cells(column)
    first = cells[:, 0]
    needy = (first == 0) | np.isin(first, np.frombuffer(b"\"'#", np.uint8))
    needy |= ((cells <= ord(" ")) & (cells > 0)).any(axis=1)
    if is_first:
        # Elsewhere in a row these cannot be taken for a label or a block, and RELION itself
        # leaves them bare.
        needy |= np.isin(first, np.frombuffer(b"_dlsgDLSG;", np.uint8)) & np.array(
            [value.lower().startswith((*_RESERVED, b";")) for value in column.tolist()], bool
        )
    if not needy.any():
        return cells
    values = column.tolist()
    for row in np.flatnonzero(needy).tolist():
        values[row] = _quoted(values[row], name)
    return _as_cells(np.array(values, dtype="S"))


def _digit_cells(magnitude: npt.NDArray[np.int64], decimals: int) -> Cells:
    """Return decimal digits of ``magnitude / 10**decimals``; column 0 is left for the sign."""
    n_digits = max(decimals + 1, len(str(int(magnitude.max(initial=0)))))
    point = 1 if decimals else 0
    cells = np.zeros((len(magnitude), 1 + n_digits + point), np.uint8)
    rest = magnitude
    for place in range(n_digits):
        tens = rest // 10
        digit = (rest - 10 * tens + ord("0")).astype(np.uint8)
        if place > decimals:
            digit[rest == 0] = 0
        cells[:, -1 - place - (point if place >= decimals else 0)] = digit
        rest = tens
    if decimals:
        cells[:, -1 - decimals] = ord(".")
    return cells


def _integer_cells(values: npt.NDArray[Any]) -> Cells:
    if len(values) and (values.max() >= _LARGEST_INTEGER or int(values.min()) <= -_LARGEST_INTEGER):
        return _as_cells(np.array([str(value).encode() for value in values.tolist()], "S"))
    signed = values.astype(np.int64)
    cells = _digit_cells(np.abs(signed), 0)
    cells[signed < 0, 0] = ord("-")
    return cells


def _float_cells(values: npt.NDArray[np.floating]) -> Cells:
    """Return six decimals, or ``%.6e`` where those would not do.

    Rounding is to the nearest multiple of 1e-6 after one multiplication in float64, so ties may
    fall differently from C's printf.
    """
    values = values.astype(np.float64)
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        fixed = (size == 0) | ((size >= _SMALLEST_FIXED) & (size < _LARGEST_FIXED))
    scaled = np.rint(np.where(fixed, size, 0) * 10**FLOAT_DECIMALS).astype(np.int64)
    cells = _digit_cells(scaled, FLOAT_DECIMALS)
    cells[fixed & (values < 0), 0] = ord("-")
    others = np.flatnonzero(~fixed)
    if len(others):
        texts = _as_cells(np.array([b"%.6e" % value for value in values[others].tolist()], "S"))
        missing = max(0, texts.shape[1] - cells.shape[1])
        cells = np.pad(cells, ((0, 0), (missing, 0)))
        cells[others] = 0
        cells[others, : texts.shape[1]] = texts
    return cells


def as_writable(column: Sequence[str] | npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a column as an array of bytes, integers or floats, to be cut into blocks of rows."""
    if isinstance(column, np.ndarray) and column.dtype.kind in "Siuf":
        return column
    if isinstance(column, np.ndarray) and column.dtype.kind == "b":
        return column.astype(np.uint8)
    encoded = [str(value).encode(TEXT_ENCODING, TEXT_ERRORS) for value in column]
    return np.array(encoded, dtype="S")


def column_cells(values: npt.NDArray[Any], name: str, *, is_first: bool) -> Cells:
    """Return the text of some rows of a column as cells (n, width).

    Raises
    ------
    InputError
        If a text value cannot be written on one line.
    """
    if values.dtype.kind == "S":
        return _text_cells(values, name, is_first)
    if values.dtype.kind == "f":
        return _float_cells(values)
    return _integer_cells(values)


def join_cells(columns: list[Cells], prefix: bytes = b"") -> bytes:
    """Return the rows as text: values separated by one space, each row ending in a newline."""
    n_rows = len(columns[0])
    separator = np.full((n_rows, 1), ord(" "), np.uint8)
    parts: list[Cells] = []
    if prefix:
        parts.append(np.tile(np.frombuffer(prefix, np.uint8), (n_rows, 1)))
    for cells in columns:
        parts += [cells, separator]
    parts[-1] = np.full((n_rows, 1), ord("\n"), np.uint8)
    flat = np.concatenate(parts, axis=1).ravel()
    text: bytes = flat[flat != 0].tobytes()
    return text
