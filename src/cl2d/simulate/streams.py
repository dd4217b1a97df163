"""Independent random streams, one a purpose, so that no choice depends on another's order."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a random stream is for; the numbers are part of what a seed means."""

    VIEW_SET = 1
    VIEW = 2
    DIRECTION = 3
    IN_PLANE = 4
    MIRROR = 5
    SHIFT = 6
    AMPLITUDE = 7
    JUNK = 8
    MICROGRAPH = 9
    DEFOCUS = 10
    NOISE = 11
    JUNK_IMAGE = 12


def generator(seed: int, stream: Stream, index: int | None = None) -> np.random.Generator:
    """Return the generator of a stream, or of one particle's share of it."""
    key = (int(stream),) if index is None else (int(stream), index)
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=key)))
