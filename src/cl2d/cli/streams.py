"""Standard streams that may be closed, full, or read by nobody: no reason to lose a long run."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_LAST_STANDARD = 2


def open_missing_streams() -> None:
    """Put the null device where a standard stream is closed.

    Otherwise the next file opened takes its number, and what a library writes to standard error
    ends up in it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= _LAST_STANDARD:
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))


def say(text: str) -> None:
    """Write lines for people on standard error, if that takes them."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def drop_unwritten() -> None:
    """Forget what standard error could not take: the interpreter would try again and fail."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
