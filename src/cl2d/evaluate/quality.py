"""One number for the quality of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]


def class_quality(curves: Values, k_max: int, members: Values, mean_scores: Values) -> Values:
    """Return the quality of each class of a level, 0 to 1.

    The geometric mean of three shares, so that a class must be good in all of them:

    - detail: mean of the half-set FRC over the compared rings 1 .. k_max, each weighted by its
      number of samples, negative values as 0;
    - size: members over the median size of the level's classes, at most 1;
    - fit: mean score of the members over the highest mean score of the level, negative as 0.

    Parameters
    ----------
    curves : (n_classes, n_rings), nan for a class without half-sets
    k_max : last compared ring
    members, mean_scores : (n_classes,)
    """
    rings = np.arange(1, k_max + 1)
    compared = np.clip(np.nan_to_num(curves[:, 1 : k_max + 1], nan=0.0), 0.0, 1.0)
    detail = compared @ rings / rings.sum()
    size = np.minimum(members / max(float(np.median(members)), 1.0), 1.0)
    positive = np.maximum(mean_scores, 0.0)
    fit = positive / positive.max() if positive.max() > 0 else positive
    quality: Values = np.cbrt(detail * size * fit)
    return quality
