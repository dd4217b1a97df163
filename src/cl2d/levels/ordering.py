"""Class numbers: largest class first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cl2d.results import LevelResult


def order_classes_by_size(levels: Sequence[LevelResult]) -> tuple[LevelResult, ...]:
    """Return the levels with classes renumbered by size, largest first, and parents to match.

    Equal sizes keep their order, so the numbers depend on nothing but the classes.
    """
    ordered: list[LevelResult] = []
    new_number_above = np.array([-1], dtype=np.int32)
    for level in levels:
        old_numbers = np.argsort(-level.class_sizes(), kind="stable")
        new_number = np.empty(level.n_classes + 1, dtype=np.int32)
        new_number[old_numbers] = np.arange(level.n_classes)
        new_number[-1] = -1
        ordered.append(
            replace(
                level,
                labels=new_number[level.labels],
                parents=new_number_above[level.parents[old_numbers]],
                reference_numbers=None
                if level.reference_numbers is None
                else level.reference_numbers[old_numbers],
                homogeneity=None
                if level.homogeneity is None
                else level.homogeneity.take(old_numbers),
            )
        )
        new_number_above = new_number
    return tuple(ordered)
