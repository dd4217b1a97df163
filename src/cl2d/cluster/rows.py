"""Rows of particles in few bytes, as they travel with what a worker has to know of a subset."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

FAST = 1
"""Level of compression: evenly spread rows shrink to a few per cent by any."""


@dataclass(frozen=True, eq=False)
class PackedRows:
    """Rows as the compressed steps from each to the next: a bit or two each where they ascend.

    Attributes
    ----------
    steps : bytes
    step_type : str
        NumPy's name of the type of a step.
    """

    steps: bytes
    step_type: str

    @classmethod
    def of(cls, rows: npt.NDArray[np.intp]) -> Self:
        """Pack rows, of any order."""
        steps = np.diff(rows, prepend=0)
        small = np.result_type(
            np.min_scalar_type(steps.min(initial=0)), np.min_scalar_type(steps.max(initial=0))
        )
        return cls(zlib.compress(steps.astype(small).tobytes(), FAST), small.str)

    def unpacked(self) -> npt.NDArray[np.intp]:
        """Return the same rows, (n,) intp."""
        steps = np.frombuffer(zlib.decompress(self.steps), dtype=self.step_type)
        return np.cumsum(steps, dtype=np.intp)
