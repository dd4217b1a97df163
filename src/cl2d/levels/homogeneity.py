"""Whether the classes of a level show one view each, as far as the noise lets one tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from cl2d.results import ClassHomogeneity

if TYPE_CHECKING:
    from cl2d.levels.cuts import Cut
    from cl2d.levels.halves import TotalGain

UNKNOWN = (0.0, 0.0, 0.5)


def class_homogeneity(cuts: dict[int, Cut], n_classes: int) -> ClassHomogeneity:
    """Say what it is worth to held-out members of every class that it is cut in two.

    Parameters
    ----------
    cuts : of the classes that can be judged (:func:`cl2d.levels.cuts.find_cuts`)
    n_classes : int
    """
    figures = [_class_figures(cuts[k].gain) if k in cuts else UNKNOWN for k in range(n_classes)]
    return ClassHomogeneity(*np.array(figures, dtype=np.float64).reshape(n_classes, 3).T.copy())


def _class_figures(gain: TotalGain) -> tuple[float, float, float]:
    """Return gain and its standard error, both a member, and the homogeneity."""
    if gain.error == 0:  # all members are the same
        return 0.0, 0.0, 1.0
    homogeneity = float(ndtr((gain.edge - gain.total) / gain.error))
    return gain.total / gain.n_members, gain.error / gain.n_members, homogeneity
