"""How many classes each level has."""

from __future__ import annotations


def level_schedule(initial_classes: int, classes: int) -> list[int]:
    """Return the number of classes of each level: K0, 2 K0, 4 K0, ..., K.

    The last step may be partial; with ``initial_classes >= classes`` there is one level.
    """
    schedule = [min(initial_classes, classes)]
    while schedule[-1] < classes:
        schedule.append(min(2 * schedule[-1], classes))
    return schedule
