"""One number for the quality of a class, and the proposal which classes to keep.

Everything is relative to the other classes of the level: what is usual is the median over its
particles. No threshold is fitted; each is a half, of what is usual or of the members.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

JUNK_ZSCORE = 3.0
"""Junk z from which a member counts as junk: that of a fit no better than noise."""

SUSPICIOUS_ZSCORE = 2.0
"""Junk z that one in twenty good members exceeds."""

HALF = 0.5

TOO_SMALL, WEAK, OFF_CENTRE, JUNK = "too_small", "weak", "off_centre", "junk"
REASONS = {
    TOO_SMALL: "too few members to be judged",
    WEAK: "its members fit more like noise than like what is usual",
    OFF_CENTRE: "less than half of the usual share of its signal lies in the middle",
    JUNK: "half of its members do not show what a class shows",
}
"""Why a class is proposed to be left out, in the order in which reasons are told."""


@dataclass(frozen=True, eq=False)
class ClassMeasures:
    """What is known of the classes of a level, each but the last (n_classes,) float64.

    Attributes
    ----------
    members : number of members
    detail : mean half-set FRC over the compared rings, see :func:`mean_frc`; 0 without half-sets
    fit : mean score of the members, less their own share in the average
    certainty : mean confidence of the members
    central : share of the average's signal in the inner half of the mask's radius
    junk_share : share of members with a junk z of at least 3; 0 where none were measured
    junk_median : median junk z of the members; 0 where none were measured
    noise_fit : typical score of noise
    """

    members: Values
    detail: Values
    fit: Values
    certainty: Values
    central: Values
    junk_share: Values
    junk_median: Values
    noise_fit: float


def class_quality(measures: ClassMeasures) -> Values:
    """Return the quality of each class of a level, 0 to 1.

    The geometric mean of six shares, so that a class must be good in all of them:

    - detail: mean of the half-set FRC over the compared rings;
    - size: members over the median size of the level's classes, at most 1;
    - fit: where the fit of the members lies on the way from noise, 0, to what is usual, 1;
    - certainty: mean confidence of the members;
    - centre: signal in the middle over what is usual, at most 1;
    - soundness: share of members that are not junk.
    """
    m = measures
    shares = (
        m.detail,
        m.members / max(float(np.median(m.members)), 1.0),
        _above_noise(m),
        m.certainty,
        _relative(m.central, m.members),
        1.0 - m.junk_share,
    )
    quality: Values = np.prod(np.clip(shares, 0.0, 1.0), axis=0) ** (1 / len(shares))
    return quality


def reasons_to_drop(measures: ClassMeasures, measured: npt.NDArray[np.bool_]) -> list[list[str]]:
    """Return for each class why it should be left out, keys of ``REASONS``; none: keep it.

    Parameters
    ----------
    measures : ClassMeasures
    measured : (n_classes,) bool, whether a class was large enough for half-sets
    """
    m = measures
    found = {
        TOO_SMALL: ~measured,
        WEAK: measured & (_above_noise(m) < HALF),
        OFF_CENTRE: measured & (_relative(m.central, m.members) < HALF),
        JUNK: measured & (m.junk_median >= SUSPICIOUS_ZSCORE),
    }
    return [[name for name in REASONS if found[name][k]] for k in range(len(m.members))]


def mean_frc(curves: Values, k_max: int) -> Values:
    """Return the mean of FRC curves over rings 1 .. k_max, each weighted by its samples.

    Parameters
    ----------
    curves : (n_classes, n_rings), nan for a class without half-sets, which gets 0
    k_max : last compared ring
    """
    rings = np.arange(1, k_max + 1)
    compared = np.clip(np.nan_to_num(curves[:, 1 : k_max + 1], nan=0.0), 0.0, 1.0)
    mean: Values = compared @ rings / rings.sum()
    return mean


def weighted_median(values: Values, weights: Values) -> float:
    """Return the smallest value that half of the weight does not exceed; 0 without weight."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    if len(reached) == 0 or reached[-1] <= 0:
        return 0.0
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])


def _above_noise(measures: ClassMeasures) -> Values:
    """Return where the fit lies between that of noise, 0, and what is usual, 1.

    Where the usual fit is that of noise nothing is told: 1.
    """
    noise = measures.noise_fit
    usual = weighted_median(measures.fit, measures.members)
    if usual <= noise:
        return np.ones_like(measures.fit)
    place: Values = (measures.fit - noise) / (usual - noise)
    return place


def _relative(values: Values, members: Values) -> Values:
    """Return values over what is usual, 1 where nothing is."""
    usual = weighted_median(values, members)
    return values / usual if usual > 0 else np.ones_like(values)
