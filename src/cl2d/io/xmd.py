"""Xmipp metadata files; `cl2d.io.star.read_star` reads them like any STAR file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl2d.io.star import StarDialect, write_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cl2d.io.star_block import StarBlock

# Xmipp knows its files by the first line and wants a second comment line after it.
XMIPP = StarDialect(b"# XMIPP_STAR_1 * \n# \n", b"", b" ", numbered_labels=False, blank_lines=False)


def write_xmd(path: str | Path, blocks: Mapping[str, StarBlock]) -> None:
    """Write an Xmipp metadata file; it appears whole or not at all.

    Parameters
    ----------
    path : str or Path
    blocks : mapping from block name, without ``data_``, to block; columns by Xmipp's labels

    Raises
    ------
    InputError
        If the columns of a block differ in length, or a value cannot be written on one line.
    """
    write_blocks(path, blocks, XMIPP)
