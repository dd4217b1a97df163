"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cl2d.errors import InputFileError

if TYPE_CHECKING:
    from collections.abc import Iterator


_TEMPORARY = re.compile(r"\.(?P<stem>.+)\.[0-9a-f]{12}(?P<suffix>(\.[^.]+)?)")


def final_name(name: str) -> str | None:
    """Return the name of the file that a temporary one was to become; None for any other name."""
    match = _TEMPORARY.fullmatch(name)
    return match["stem"] + match["suffix"] if match else None


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place on success.

    The temporary file keeps the suffix, so that writers which choose a format by it still work.
    When the body ends normally the file is flushed to disk and renamed over ``path``; on any
    exception, Ctrl-C included, it is removed and an older ``path`` stays as it was.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder must exist.

    Yields
    ------
    Path
        Where the body must write.

    Raises
    ------
    InputFileError
        If the folder of ``path`` does not exist or ``path`` is itself a folder.
    """
    target = Path(path)
    if not target.parent.is_dir():
        msg = f"{target}: the folder {target.parent} must exist before a file is written into it"
        raise InputFileError(msg)
    if target.is_dir():
        msg = f"{target}: must be a file to write, not a folder"
        raise InputFileError(msg)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(6)}{target.suffix}")
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        # "No space left on device" alone does not say where, nor does a name made up here.
        if isinstance(error, OSError) and error.filename in (None, str(temporary)):
            error.filename = str(target)
        raise
    # The rename itself is only safe from a power cut once the folder is on disk too.
    _flush_to_disk(target.parent)
