"""Samples that are spread evenly over some images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def evenly_spread(rows: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    """Return all rows, or ``most`` of them in their order if there are more."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.intp)]
