"""Classes of two views: how probable it is that a member shows the one that most members show.

Where too few classes were asked for, or a view is rare, a class holds a second view whose members
fit no other class better. A comparison between classes calls them sure; they are told by cutting
their class in two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from cl2d.engine import log_likelihood, without_own_share
from cl2d.levels.splitting import FEWEST_MEMBERS, SAMPLE_MEMBERS, component_half

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.splitting import CutRule, Half, Rows
    from cl2d.results import LevelResult

    Values = npt.NDArray[np.float64]

SMALLEST_GAIN = 1.0
"""What two averages must add to the log-likelihood of a held-out member, on average, to be two
views. By less, one image does not tell them apart: defocus and noise add some tenths."""


def main_view_confidence(
    engine: Engine, level: LevelResult, rule: CutRule
) -> npt.NDArray[np.float32]:
    """Return the confidence of each image, less where its class holds a second view.

    A class is cut in two along its leading component. If two averages in place of one explain
    members that had no part in them, surely (by two standard errors) and by at least
    ``SMALLEST_GAIN`` each, the class holds two views, and the confidence of a member is multiplied
    by the probability that it belongs to the larger half.

    Parameters
    ----------
    engine : Engine, with the images of the level
    level : LevelResult, with the confidence that comes from comparing classes
    rule : CutRule, how large a half must be

    Returns
    -------
    (n,) float32
    """
    confidence = level.confidence.copy()
    for k in range(level.n_classes):
        rows = np.flatnonzero(level.labels == k)
        if len(rows) >= FEWEST_MEMBERS:
            confidence[rows] *= _in_larger_half(engine, rows, level, rule).astype(np.float32)
    return confidence


def _in_larger_half(engine: Engine, rows: Rows, level: LevelResult, rule: CutRule) -> Values:
    """Return the probability of each member to belong to the larger half; 1 in a class of one view.

    At most ``SAMPLE_MEMBERS`` make the averages of the halves; all members are judged.
    """
    n_sample = min(len(rows), SAMPLE_MEMBERS)
    sampled = np.linspace(0, len(rows) - 1, n_sample).astype(np.intp)
    members = _members(engine, rows[sampled], level)
    first = component_half(engine, rows[sampled], level, rule)
    if not holds_two_views(members, first, engine.n_independent):
        return np.ones(len(rows))
    larger = first if 2 * np.count_nonzero(first) >= n_sample else ~first
    sums = [members[side].sum(axis=0, dtype=np.float64) for side in (larger, ~larger)]
    # Which half a member helped to make: 0 the larger, 1 the other, -1 none.
    part = np.full(len(rows), -1)
    part[sampled] = np.where(larger, 0, 1)
    log_odds = np.full(len(rows), np.log(larger.sum() / (~larger).sum()))
    for start in range(0, len(rows), SAMPLE_MEMBERS):
        some = slice(start, start + SAMPLE_MEMBERS)
        flat = _members(engine, rows[some], level)
        for side, sign in ((0, 1.0), (1, -1.0)):
            fit = _correlations(flat, sums[side])
            helped = part[some] == side
            share = _length(flat[helped]) / np.sqrt(np.einsum("j,j->", sums[side], sums[side]))
            fit[helped] = without_own_share(fit[helped], share)
            log_odds[some] += sign * log_likelihood(fit, engine.n_independent)
    probability: Values = expit(log_odds)
    return probability


def holds_two_views(members: npt.NDArray[np.float32], first: Half, n_independent: float) -> bool:
    """Tell whether two averages explain held-out members better than one, and by enough.

    Every other member goes into the averages of the halves and of both; the log-likelihood of the
    others is that of a mixture of the halves, against that of the whole.

    Parameters
    ----------
    members : (n, m) float32, aligned
    first : (n,) bool, who is in the first half
    n_independent : float, independent values among the m
    """
    made, judges = members[::2], members[1::2]
    in_first = first[::2]
    if not 0 < np.count_nonzero(in_first) < len(in_first) or len(judges) < 2:
        return False
    halves = [made[side].sum(axis=0, dtype=np.float64) for side in (in_first, ~in_first)]
    one, other, whole = (
        log_likelihood(_correlations(judges, average), n_independent)
        for average in (*halves, halves[0] + halves[1])
    )
    share = float(in_first.mean())
    gains = np.logaddexp(np.log(share) + one, np.log(1.0 - share) + other) - whole
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return bool(gains.mean() >= max(SMALLEST_GAIN, 2.0 * error))


def _members(engine: Engine, rows: Rows, level: LevelResult) -> npt.NDArray[np.float32]:
    """Return aligned members as rows of real numbers."""
    members = engine.aligned_members(rows, level.poses.take(rows))
    return members.reshape(len(rows), -1).view(np.float32)


def _length(flat: npt.NDArray[np.float32]) -> Values:
    lengths: Values = np.sqrt(np.einsum("ij,ij->i", flat, flat, dtype=np.float64))
    return lengths


def _correlations(flat: npt.NDArray[np.float32], average: Values) -> Values:
    """Return the normalised correlation of each member with an average, 0 where one is zero."""
    # einsum, not a matrix product: the libraries behind that may sum in another order per machine.
    products = np.einsum("ij,j->i", flat, average)
    norms = _length(flat) * np.sqrt(np.einsum("j,j->", average, average))
    found: Values = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    return found
