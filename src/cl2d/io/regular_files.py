"""Open files, and nothing that only has a name like one: a pipe or a device would never end."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from cl2d.errors import InputFileError
from cl2d.io.patience import patiently

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04")
"""How files begin that gzip, bzip2, xz, zstd and zip have packed."""


def exists(path: Path) -> bool:
    """Tell whether there is something of that name, if only something that cannot be looked at."""
    try:
        return path.exists()
    except OSError:  # no permission, or a name that is too long: who opens it will say so
        return True


def is_link(path: Path) -> bool:
    """Tell whether there is a link of that name, wherever it leads to."""
    try:
        return path.is_symlink()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Tell whether there is a file of that name that can be looked at."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder of that name that can be looked at."""
    try:
        return path.is_dir()
    except OSError:
        return False


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading its bytes.

    Raises
    ------
    InputFileError
        If it cannot be opened, or is a folder, a pipe, a socket or a device.
    """
    try:
        return patiently(path, lambda: os.fdopen(open_descriptor(path), "rb"))
    except InputFileError:
        raise
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})"
        if path.is_symlink() and error.errno in (errno.ENOENT, errno.ELOOP):
            msg = f"{path}: is a link to {path.readlink()}, which leads to no file"
        raise InputFileError(msg) from error
    except ValueError as error:
        msg = f"{str(path)!r} must be the name of a file ({error})"
        raise InputFileError(msg) from error


def open_descriptor(path: Path) -> int:
    """Open a file for reading and return its descriptor.

    Raises
    ------
    InputFileError
        If it is a folder, a pipe, a socket or a device.
    OSError
        If it cannot be opened.
    """
    _refuse_unless_file(path, path.stat().st_mode)
    # Should it be a pipe by now, the call itself would wait for somebody to write into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _refuse_unless_file(path, os.fstat(descriptor).st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_unless_file(path: Path, mode: int) -> None:
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), None)
    if kind is not None:
        msg = f"{path}: must be a file, not a {kind}"
        raise InputFileError(msg)


def is_packed(first_bytes: bytes) -> bool:
    """Tell whether a file that begins so is compressed."""
    return first_bytes.startswith(_PACKED)
