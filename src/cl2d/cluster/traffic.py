"""Bytes that a run sends to its workers and gets from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Traffic:
    """Bytes of messages since the run began.

    Attributes
    ----------
    sent_bytes : int
        From the client to workers, those that went to each of them counted as often.
    received_bytes : int
        From workers to the client.
    """

    sent_bytes: int = 0
    received_bytes: int = 0
