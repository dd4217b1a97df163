"""Which members kept the company of their class through the levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Labels = npt.NDArray[np.int32]


def stable_members(core_labels: Sequence[Labels], tolerance: int) -> npt.NDArray[np.bool_]:
    """Return which images are in the stable core of the last of some levels.

    For each earlier level, the core class that is most frequent among the core members of a class
    is where that class came from. A member scores one for each earlier level in which it was in
    the core of that very class; with L earlier levels it is stable if it scores at least
    ``L - tolerance``.

    Parameters
    ----------
    core_labels : (n,) each, from level 0
        Class of every image that is in its class's core, -1 for the others.
    tolerance : int
        Earlier levels, at most, in which a member may have been elsewhere.

    Returns
    -------
    (n,) bool

    Notes
    -----
    Time and memory are linear in the number of images. A larger tolerance never removes an image,
    and where there are no more earlier levels than the tolerance forgives, the stable core is the
    core.
    """
    *earlier, last = core_labels
    members = np.flatnonzero(last >= 0)
    score = np.zeros(len(members), dtype=np.int64)
    for labels in earlier:
        score += labels[members] == _origins(last[members], labels[members])
    stable = np.zeros(len(last), dtype=bool)
    stable[members[score >= len(earlier) - tolerance]] = True
    return stable


def _origins(classes: Labels, before: Labels) -> Labels:
    """Return, for each member, the earlier core class most frequent in its class.

    The lower number wins a tie. A class none of whose members was in any core came from nowhere:
    -2, which is the class of nobody.
    """
    was_in_core = before >= 0
    counts = np.zeros(
        (int(classes.max(initial=-1)) + 1, int(before.max(initial=-1)) + 1), dtype=np.int64
    )
    np.add.at(counts, (classes[was_in_core], before[was_in_core]), 1)
    if counts.size == 0:
        return np.full(len(classes), -2, dtype=np.int32)
    origins = np.where(counts.any(axis=1), counts.argmax(axis=1), -2)
    return origins[classes].astype(np.int32)
