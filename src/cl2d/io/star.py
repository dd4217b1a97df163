"""STAR files as RELION reads and writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl2d.errors import InputError
from cl2d.io.atomic import atomic_path
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS, StarBlock
from cl2d.io.star_cells import as_writable, column_cells, join_cells
from cl2d.io.star_reader import read_star

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["RELION", "StarBlock", "StarDialect", "read_star", "write_blocks", "write_star"]

_ROWS_PER_WRITE = 1 << 15


@dataclass(frozen=True)
class StarDialect:
    """The small differences between the STAR files of two programs."""

    file_header: bytes
    block_header: bytes
    indent: bytes
    numbered_labels: bool
    blank_lines: bool


# Without this line RELION 3.1 and later take the table for one of version 3.0.
RELION = StarDialect(b"", b"\n# version 30001\n\n", b"", numbered_labels=True, blank_lines=True)


def _check_lengths(name: str, block: StarBlock) -> None:
    lengths = {column: len(values) for column, values in block.columns.items()}
    expected = block.n_rows if block.is_loop else 1
    for column, length in lengths.items():
        if length != expected:
            msg = f"column {column} of data_{name} must have {expected} values, not {length}"
            raise InputError(msg)


def _encoded(text: str) -> bytes:
    return text.encode(TEXT_ENCODING, TEXT_ERRORS)  # names come back as the bytes they were


def _write_list(stream: BinaryIO, block: StarBlock, dialect: StarDialect) -> None:
    width = max(map(len, block.columns), default=0) + 4
    for name, values in block.columns.items():
        text = join_cells([column_cells(as_writable(values), name, is_first=False)])
        stream.write(dialect.indent + _encoded(f"_{name}".ljust(width)) + text)


def _write_loop(stream: BinaryIO, block: StarBlock, dialect: StarDialect) -> None:
    stream.write(b"loop_\n")
    for number, name in enumerate(block.columns, 1):
        label = f"_{name} #{number}\n" if dialect.numbered_labels else f"_{name}\n"
        stream.write(dialect.indent + _encoded(label))
    columns = {name: as_writable(values) for name, values in block.columns.items()}
    for start in range(0, block.n_rows, _ROWS_PER_WRITE):
        cells = [
            column_cells(values[start : start + _ROWS_PER_WRITE], name, is_first=j == 0)
            for j, (name, values) in enumerate(columns.items())
        ]
        stream.write(join_cells(cells, dialect.indent))


def write_blocks(path: str | Path, blocks: Mapping[str, StarBlock], dialect: StarDialect) -> None:
    """Write blocks in a dialect; the file appears whole or not at all (see `write_star`)."""
    for name, block in blocks.items():
        _check_lengths(name, block)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(dialect.file_header)
        for name, block in blocks.items():
            stream.write(dialect.block_header + _encoded(f"data_{name}\n"))
            stream.write(b"\n" if dialect.blank_lines else b"")
            (_write_loop if block.is_loop else _write_list)(stream, block, dialect)
            # RELION ends a table at the first blank line.
            stream.write(b"\n" if dialect.blank_lines else b"")


def write_star(path: str | Path, blocks: Mapping[str, StarBlock]) -> None:
    """Write a STAR file for RELION 3.1 and later.

    Text columns are written as they are, in quotes only where a value is empty, has white space
    or could be taken for something else. Integers and booleans are written plain, floats with six
    decimals, or as ``%.6e`` below 0.001 and from 1e8.

    Parameters
    ----------
    path : str or Path
    blocks : mapping from block name, without ``data_``, to block

    Raises
    ------
    InputError
        If the columns of a block differ in length, or a value cannot be written on one line.
    """
    write_blocks(path, blocks, RELION)
