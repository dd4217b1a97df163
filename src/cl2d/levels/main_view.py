"""Classes of two views: how probable it is that a member shows the one that most members show.

Where too few classes were asked for, or a view is rare, a class holds a second view whose members
fit no other class better. A comparison between classes calls them sure; they are told by cutting
their class in two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from cl2d.engine import OwnShare, log_likelihood, normalised_references, sum_lengths
from cl2d.levels.halves import likelihood_slope
from cl2d.results import identity_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine import Engine
    from cl2d.levels.cuts import Cut, Fitted
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
    if not mixed:
        return confidence
    groups = np.full(len(level.labels), -1, dtype=np.int32)
    for group, k in enumerate(mixed):
        groups[level.labels == k] = group
    probability = _in_larger_half(engine, groups, [cuts[k] for k in mixed])
    member = groups >= 0
    confidence[member] *= probability[member].astype(np.float32)
    return confidence


def holds_two_views(engine: Engine, fitted: Fitted, cut: Cut) -> bool:
    """Tell whether two averages explain held-out members better than one, and by enough."""
    fit = float(fitted.scores[cut.rows].mean())
    # Gains are in units of the correlation.
    per_member = likelihood_slope(fit, engine.n_independent) / cut.gain.n_members
    return per_member * cut.gain.total >= max(SMALLEST_GAIN, 2.0 * per_member * cut.gain.error)


def _in_larger_half(engine: Engine, groups: npt.NDArray[np.int32], cuts: list[Cut]) -> Values:
    """Return the probability of each member to belong to the larger half of its class.

    The members that were looked at make the averages of the halves; all are held against them.

    Parameters
    ----------
    engine : Engine
    groups : (n_images,) int32, number of the cut class of each image, or -1
    cuts : of these classes

    Returns
    -------
    (n_images,) float64, NaN for images in no cut class
    """
    halves = np.full(len(groups), -1, dtype=np.int32)
    poses = identity_poses(len(groups))
    for cut in cuts:
        halves[cut.rows] = np.where(cut.in_first, 0, 1)
        cut.put_poses(poses)
    labels = np.where(halves >= 0, 2 * groups + halves, np.int32(-1)).astype(np.int32)
    found = engine.update(labels, poses, 2 * len(cuts))
    references = normalised_references(found.sums)
    counts = found.counts.reshape(-1, 2)
    scores = engine.assign_within(
        references.reshape(-1, 2, *references.shape[1:]),
        groups,
        own=OwnShare(halves, sum_lengths(found.sums).reshape(-1, 2), counts),
    ).scores
    likelihood = log_likelihood(scores.astype(np.float64), engine.n_independent)
    likelihood += np.log(counts / counts.sum(axis=1, keepdims=True))[groups]
    larger = counts.argmax(axis=1)[groups]
    image = np.arange(len(groups))
    odds = likelihood[image, larger] - likelihood[image, 1 - larger]
    probability: Values = expit(odds)
    return probability
