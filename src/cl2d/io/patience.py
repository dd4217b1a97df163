"""Read again, after a while, what a network disk did not give at once."""

from __future__ import annotations

import errno
import logging
import math
import os
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Tell = Callable[[str], None]

Result = TypeVar("Result")

PAUSES_SECONDS = (0.5, 2.0, 8.0)
PAUSES_VARIABLE = "CL2D_RETRY_SECONDS"

# What servers and cables do for a while. Full disks, missing rights and bad addresses stay.
_TRANSIENT_NAMES = (
    *("EIO", "ESTALE", "ETIMEDOUT", "EAGAIN", "EINTR", "EBUSY", "ENOTCONN"),
    *("ECONNRESET", "ECONNABORTED", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH"),
    *("ENETRESET", "EREMOTEIO", "ECOMM", "ENOLINK", "ESHUTDOWN"),
)
TRANSIENT = frozenset(getattr(errno, name) for name in _TRANSIENT_NAMES if hasattr(errno, name))

_listener: ContextVar[Tell | None] = ContextVar("told_of_waits", default=None)
_log = logging.getLogger(__name__)


@contextmanager
def told_of_waits(tell: Tell) -> Iterator[None]:
    """Have ``tell`` called with a line for the user whenever the body waits for a disk.

    Without it the line goes to the log ``cl2d.io.patience``.
    """
    token = _listener.set(tell)
    try:
        yield
    finally:
        _listener.reset(token)


def pauses_seconds() -> tuple[float, ...]:
    """Return the pauses before further attempts: 0.5, 2, 8 s, or as CL2D_RETRY_SECONDS says.

    Raises
    ------
    InputError
        If the variable is no list of numbers such as ``1,10,60``; empty means no attempt.
    """
    given = os.environ.get(PAUSES_VARIABLE)
    if given is None:
        return PAUSES_SECONDS
    try:
        pauses = tuple(float(part) for part in given.split(",") if part.strip())
    except ValueError:
        pauses = (math.nan,)
    if not all(0 <= pause < math.inf for pause in pauses):
        msg = f"{PAUSES_VARIABLE} must be seconds, separated by commas, not {given!r}"
        raise InputError(msg)
    return pauses


def patiently(path: Path, read: Callable[[], Result], also: frozenset[int] = frozenset()) -> Result:
    """Return what ``read`` returns, called again after a pause if a disk does not answer.

    Parameters
    ----------
    path : Path
        What is being read, for messages.
    read : callable
        Must begin from the beginning whenever it is called.
    also : set of int
        Error numbers that may pass as well, besides those of disks that do not answer.

    Raises
    ------
    OSError
        That of the last attempt, with the file's name.
    """
    try:
        return read()
    except OSError as error:
        if not _may_pass(error, also):
            raise
        failed = error
    for pause in pauses_seconds():
        _tell(f"{path}: cannot be read now ({failed.strerror}); next attempt in {pause:g} s")
        time.sleep(pause)
        try:
            return read()
        except OSError as error:
            if not _may_pass(error, also):
                raise
            failed = error
    if failed.filename is None:
        failed.filename = str(path)  # "Input/output error" alone does not say where
    raise failed


def _may_pass(error: OSError, also: frozenset[int]) -> bool:
    return not isinstance(error, InputError) and error.errno in TRANSIENT | also


def _tell(message: str) -> None:
    tell = _listener.get()
    if tell is None:
        # A log may be read on a terminal, which a name must not command.
        _log.warning("%s", message.encode("unicode_escape").decode())
    else:
        tell(message)
