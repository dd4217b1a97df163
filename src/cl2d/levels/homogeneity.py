"""Whether the classes of a level show one view each, as far as the noise lets one tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from cl2d.levels.splitting import FEWEST_MEMBERS, find_cut
from cl2d.results import ClassHomogeneity

if TYPE_CHECKING:
    from cl2d.engine import Engine
    from cl2d.levels.splitting import CutRule, Fitted, Rows

UNKNOWN = (0.0, 0.0, 0.5)


def class_homogeneity(
    engine: Engine, fitted: Fitted, n_classes: int, rule: CutRule
) -> ClassHomogeneity:
    """Cut every class in two and say what that is worth to held-out members.

    Parameters
    ----------
    engine : Engine
    fitted : classes, poses and scores of all images
    n_classes : int
    rule : CutRule, how a class is cut
    """
    figures = [
        _class_figures(engine, fitted, np.flatnonzero(fitted.labels == k), rule)
        for k in range(n_classes)
    ]
    return ClassHomogeneity(*np.array(figures, dtype=np.float64).reshape(n_classes, 3).T.copy())


def _class_figures(
    engine: Engine, fitted: Fitted, rows: Rows, rule: CutRule
) -> tuple[float, float, float]:
    """Return gain and its standard error, both a member, and the homogeneity."""
    if len(rows) < FEWEST_MEMBERS:
        return UNKNOWN
    gain = find_cut(engine, rows, fitted, rule).gain
    if gain.error == 0:  # all members are the same
        return 0.0, 0.0, 1.0
    homogeneity = float(ndtr((gain.edge - gain.total) / gain.error))
    return gain.total / gain.n_members, gain.error / gain.n_members, homogeneity
