"""Folders inside the output folder: made by the run itself, never links to somewhere else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cl2d.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


LEVEL_NAME = re.compile(r"level_\d{2,}")


def level_name(level: int) -> str:
    """Return what the folder of a level is called, wherever it lies."""
    return f"level_{level:02d}"


def own_folder(out: Path, *parts: str) -> Path:
    """Return a folder below the output folder, created on the first call.

    Raises
    ------
    InputError
        If it, or one above it, is a symbolic link: files would land elsewhere.
    """
    folder = out
    for part in parts:
        folder = folder / part
        refuse_unless_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def refuse_unless_folder(path: Path) -> None:
    """Raise InputError if there is a link or a file where a folder of the run belongs."""
    if path.is_symlink():
        msg = f"'{path}' must be a folder of the run itself, not a symbolic link"
        raise InputError(msg)
    if path.exists() and not path.is_dir():
        msg = f"'{path}' must be a folder, not a file"
        raise InputError(msg)
