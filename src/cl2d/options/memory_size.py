"""Amounts of memory as people write them: "8GB"."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {f"{prefix}IB": 1 << 10 * power for power, prefix in enumerate("KMGT", start=1)}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?) *([a-z]+)", re.IGNORECASE)


def size_in_bytes(text: str) -> int:
    """Return an amount of memory: "8GB" is 8 10^9 bytes, "8 GiB" 8 2^30.

    Raises
    ------
    ValueError
        If the text is no such amount, or the amount is less than a byte.
    """
    match = _AMOUNT.fullmatch(text.strip())
    unit = _UNITS.get(match[2].upper()) if match else None
    n_bytes = 0 if match is None or unit is None else int(float(match[1]) * unit)
    if n_bytes < 1:
        message = f"an amount of memory must be a number and a unit like 8GB, not {text!r}"
        raise ValueError(message)
    return n_bytes


def size(n_bytes: int) -> str:
    """Return an amount of memory in decimal units: "12.3 GB"."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.1f} {unit}"
    return f"{n_bytes} byte" if n_bytes == 1 else f"{n_bytes} bytes"


def _checked(text: str) -> str:
    try:
        size_in_bytes(text)
    except ValueError:
        kind, wanted = "memory_size", "a number and a unit like 8GB"
        raise PydanticCustomError(kind, wanted) from None
    return text


MemorySize = Annotated[str, AfterValidator(_checked)]
"""An amount of memory with its unit; :func:`size_in_bytes` tells how much it is."""
