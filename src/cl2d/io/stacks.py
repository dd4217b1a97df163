"""Stacks of images in any of the formats that are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cl2d.io.mrc import HEADER_BYTES, mrc_header
from cl2d.io.spider import spider_header
from cl2d.io.stack_header import first_bytes_and_size

if TYPE_CHECKING:
    from cl2d.io.stack_header import StackHeader


def read_stack_header(path: str | Path, *, is_stack: bool = False) -> StackHeader:
    """Read and check the header of an MRC or SPIDER stack; content decides, not the suffix.

    Parameters
    ----------
    path : str or Path
    is_stack : bool
        Whether it is known that an MRC file is no volume.

    Raises
    ------
    InputFileError
        If the file is missing, of another format, of an unknown kind of pixels, or truncated.
    """
    path = Path(path)
    # SPIDER goes first: its floats can pass for an MRC header of the other byte order.
    first_bytes, file_bytes = first_bytes_and_size(path, HEADER_BYTES)
    header = spider_header(path, first_bytes, file_bytes)
    if header is not None:
        return header
    return mrc_header(path, first_bytes, file_bytes, is_stack=is_stack)
