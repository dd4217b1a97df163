"""Stacks of images in any of the formats that are read."""

from __future__ import annotations

from dataclasses import replace
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
    # Asked before the header is read: whatever changes later is then seen to have changed.
    modified_ns = _modified_ns(path)
    first_bytes, file_bytes = first_bytes_and_size(path, HEADER_BYTES)
    # SPIDER goes first: its floats can pass for an MRC header of the other byte order.
    header = spider_header(path, first_bytes, file_bytes)
    if header is None:
        header = mrc_header(path, first_bytes, file_bytes, is_stack=is_stack)
    return replace(header, modified_ns=modified_ns)


def _modified_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0  # reading it tells why, or gets through
