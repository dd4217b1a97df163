"""Lengths of time as people and schedulers write them: "90m", "11:30:00"."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_CLOCK = re.compile(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)")
_UNITS = re.compile(r"(?:(\d+)d)? *(?:(\d+)h)? *(?:(\d+)m)? *(?:(\d+)s)?")
_SECONDS = (86400, 3600, 60, 1)


def duration_seconds(text: str) -> int:
    """Return a length of time: "2h30m" and "2:30:00" are 9000 s, "1-00:00:00" is a day.

    A number without a unit is none: schedulers mean minutes by it, most programs seconds.

    Raises
    ------
    ValueError
        If the text is no such length, or the length is zero.
    """
    match = _CLOCK.fullmatch(text.strip()) or _UNITS.fullmatch(text.strip())
    parts = match.groups() if match else ("0",) * len(_SECONDS)
    found = sum(int(part or 0) * seconds for part, seconds in zip(parts, _SECONDS, strict=True))
    if found < 1:
        message = f"a length of time must be like 90m, 2h30m or 11:30:00, not {text!r}"
        raise ValueError(message)
    return found


def _checked(text: str) -> str:
    try:
        duration_seconds(text)
    except ValueError:
        kind, wanted = "duration", "a length of time like 90m, 2h30m or 11:30:00"
        raise PydanticCustomError(kind, wanted) from None
    return text


Duration = Annotated[str, AfterValidator(_checked)]
"""A length of time; :func:`duration_seconds` tells how many seconds it has."""
