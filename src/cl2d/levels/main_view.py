"""Classes of two views: how probable it is that a member shows the one that most members show.

Where too few classes were asked for, or a view is rare, a class holds a second view whose members
fit no other class better. A comparison between classes calls them sure; they are told by cutting
their class in two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from cl2d.engine import ClassicalRule, OwnShare, log_likelihood, normalised_references, sum_lengths
from cl2d.levels.halves import likelihood_slope
from cl2d.results import identity_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.cuts import Cut, Fitted, Rows
    from cl2d.results import LevelResult

    Values = npt.NDArray[np.float64]

SMALLEST_GAIN = 1.0
"""What two averages must add to the log-likelihood of a held-out member, on average, to be two
views. By less, one image does not tell them apart: defocus and noise add some tenths."""


def main_view_confidence(
    engine: Engine, level: LevelResult, cuts: dict[int, Cut]
) -> npt.NDArray[np.float32]:
    """Return the confidence of each image, less where its class holds a second view.

    If two averages in place of one explain members that had no part in them, surely (by two
    standard errors) and by at least ``SMALLEST_GAIN`` each, a class holds two views, and the
    confidence of a member is multiplied by the probability that it belongs to the larger half.

    Parameters
    ----------
    engine : Engine, with the images of the level
    level : LevelResult, with the confidence that comes from comparing classes
    cuts : of the classes that can be judged (:func:`cl2d.levels.cuts.find_cuts`)

    Returns
    -------
    (n,) float32
    """
    confidence = level.confidence.copy()
    mixed = [k for k, cut in cuts.items() if holds_two_views(engine, level, cut)]

    def in_larger_half(alone: Engine, k: int) -> tuple[Rows, Values]:
        rows = np.flatnonzero(level.labels == k)
        return rows, _in_larger_half(alone, rows, cuts[k])

    for rows, probability in engine.each(in_larger_half, mixed):
        confidence[rows] *= probability.astype(np.float32)
    return confidence


def holds_two_views(engine: Engine, fitted: Fitted, cut: Cut) -> bool:
    """Tell whether two averages explain held-out members better than one, and by enough."""
    fit = float(fitted.scores[cut.rows].mean())
    # Gains are in units of the correlation.
    per_member = likelihood_slope(fit, engine.n_independent) / cut.gain.n_members
    return per_member * cut.gain.total >= max(SMALLEST_GAIN, 2.0 * per_member * cut.gain.error)


def _in_larger_half(engine: Engine, rows: Rows, cut: Cut) -> Values:
    """Return the probability of each member to belong to the larger half.

    The members that were looked at make the averages of the halves; all are held against them.
    """
    members = engine.subset(rows)
    place = np.searchsorted(rows, cut.rows)
    labels = np.full(len(rows), -1, dtype=np.int32)
    labels[place] = np.where(cut.in_first, 0, 1)
    poses = identity_poses(len(rows))
    poses.put(place, cut.poses)
    halves = members.update(labels, poses, 2)
    lengths = sum_lengths(halves.sums)
    scores = members.assign(
        normalised_references(halves.sums),
        ClassicalRule(),
        sample=np.arange(len(rows)),
        own=OwnShare(labels, lengths, halves.counts),
    ).sampled_scores
    assert scores is not None
    likelihood = log_likelihood(scores.astype(np.float64), engine.n_independent)
    likelihood += np.log(halves.counts / halves.counts.sum())
    larger = int(halves.counts.argmax())
    probability: Values = expit(likelihood[:, larger] - likelihood[:, 1 - larger])
    return probability
