"""One run at a time in an output folder: a lock that the system takes back from the dead."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK = ".cl2d.lock"
_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


class FolderInUseError(InputError):
    """An output folder that another process is writing to."""


@contextmanager
def locked_folder(
    out: str | os.PathLike[str], warn: Callable[[str], None] = lambda _: None
) -> Iterator[Path]:
    """Have an output folder to oneself during the body; make it if it is not there.

    The lock is one of the system's (``flock``) on a hidden file: whatever ends this process ends
    the lock, so none is ever left behind. The file says who holds it, and is removed at the end, as
    are folders made here in which nothing was written.

    Parameters
    ----------
    out
        The output folder.
    warn : callable, optional
        Gets a sentence where the file system knows no locks; the body runs all the same.

    Raises
    ------
    FolderInUseError
        If another process has it.
    InputError
        If the folder cannot be made or written in.
    """
    folder = Path(out)
    made = [part for part in (folder, *folder.parents) if not part.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _locked_file(folder / LOCK, warn)
    except InputError:
        raise
    except OSError as error:
        reason = error.strerror or error
        message = f"the output must be a folder that can be written in, not '{folder}' ({reason})"
        raise InputError(message) from error
    try:
        yield folder
    finally:
        # Removed before it is let go: whoever waits sees that the name has gone, and makes another.
        with suppress(OSError):
            (folder / LOCK).unlink()
        os.close(file)
        with suppress(OSError):  # what is not empty stays
            for part in made:
                part.rmdir()


def _locked_file(path: Path, warn: Callable[[str], None]) -> int:
    """Return an open file that this process alone has locked."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            _lock(file, path, warn)
            if _is_still(path, file):
                _say_who(file)
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # its holder has removed it in the meantime


def _lock(file: int, path: Path, warn: Callable[[str], None]) -> None:
    import fcntl  # noqa: PLC0415 - what only writes needs it, and not every system has it

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        message = f"the output folder '{path.parent}' must not be in use, but {_holder(file)}"
        raise FolderInUseError(message) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise
        warn(
            f"the file system of '{path.parent}' knows no locks ({error.strerror}): see to it that "
            "no other run writes there"
        )


def _is_still(path: Path, file: int) -> bool:
    """Tell whether a path still leads to the open file."""
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    held = os.fstat(file)
    return (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)


def _say_who(file: int) -> None:
    """Write into the file who holds it, if that can be written; the lock holds without it."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    about = {"process": os.getpid(), "host": socket.gethostname(), "since": now}
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(about).encode(), 0)


def _holder(file: int) -> str:
    """Return who has the lock, as far as the file says."""
    about: Any = None
    with suppress(OSError, ValueError):
        about = json.loads(os.pread(file, 1000, 0))
    if not isinstance(about, dict) or not {"process", "host", "since"} <= about.keys():
        return "another process is writing to it"
    host, since = str(about["host"])[:100], str(about["since"])[:40]
    return f"process {about['process']} on {host} has been writing to it since {since}"
