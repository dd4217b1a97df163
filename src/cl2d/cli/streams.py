"""Standard streams that may be closed, full, or read by nobody: no reason to lose a long run."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress

_LAST_STANDARD = 2
# Control characters command a terminal; the others turn or break the line that they stand in.
_NOT_SHOWN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)


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
        print(shown(text), file=sys.stderr, flush=True)


def shown(text: str) -> str:
    """Return text for a terminal: what a name from a file could command it is written out.

    Control characters (but new lines and tabs), marks of the direction of writing, and bytes that
    are no text become the escapes of Python.
    """
    return _NOT_SHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def drop_unwritten() -> None:
    """Forget what standard error could not take: the interpreter would try again and fail."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
