"""Bytes that a run sends to its workers and gets from them."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np


@dataclass
class Traffic:
    """Bytes of arrays that went out and came back since the last look."""

    sent_bytes: int = 0
    received_bytes: int = 0

    def went(self, value: Any, copies: int = 1) -> None:
        """Count what was sent, to so many workers."""
        self.sent_bytes += copies * array_bytes(value)

    def came(self, value: Any) -> None:
        """Count what came back."""
        self.received_bytes += array_bytes(value)


def array_bytes(value: Any) -> int:
    """Return the bytes of all arrays in a value; of records and containers those within."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        return sum(array_bytes(part) for part in value.values())
    if isinstance(value, (list, tuple)):
        return sum(array_bytes(part) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return sum(array_bytes(getattr(value, field.name)) for field in fields(value))
    return 0
