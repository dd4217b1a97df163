"""How the scores of members and of non-members of each class are distributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Scores = npt.NDArray[np.float32]

SAMPLE_IMAGES = 20_000
"""Images whose scores against all classes are kept for the distributions."""

PRIOR_IMAGES = 20
"""Weight of the pooled distribution, in images: a class with that many has half a say."""

POOLED_SCORES = 1000
"""Scores the pooled distribution is thinned to, at equal steps of rank."""


def sample_rows(usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return at most ``SAMPLE_IMAGES`` usable images, evenly spread over all."""
    rows = np.flatnonzero(usable)
    if len(rows) <= SAMPLE_IMAGES:
        return rows
    return rows[np.linspace(0, len(rows) - 1, SAMPLE_IMAGES).astype(np.intp)]


def distribution_bytes(n_images: int, n_classes: int) -> int:
    """Return the memory of the kept scores, of this pass and the one before, and their tables."""
    n_sample = min(n_images, SAMPLE_IMAGES)
    scores, steps = 2 * 4 * n_sample, 3 * 4 * (n_sample + 2 * POOLED_SCORES)
    return n_classes * (scores + steps)


def beaten_share(values: Scores, sample: Scores) -> Floats:
    """Return the share of a sorted sample that each value beats, equals counting half.

    Within [1 / 2n, 1 - 1 / 2n]: a value beyond n sampled ones has rank 0 or n, and how far beyond
    it is nobody knows. An empty sample tells nothing, 1/2.
    """
    n = len(sample)
    if n == 0:
        return np.full(values.shape, 0.5)
    left = np.searchsorted(sample, values, side="left")
    right = np.searchsorted(sample, values, side="right")
    return np.clip((left + right) / (2 * n), 0.5 / n, 1.0 - 0.5 / n)


@dataclass(frozen=True)
class _StepFunction:
    """Value at each of some ascending scores, and in the gaps before, between and after them."""

    scores: Scores
    values: Scores

    def __call__(self, scores: Scores) -> Scores:
        place = np.searchsorted(self.scores, scores, side="left")
        met = self.scores[np.minimum(place, len(self.scores) - 1)] == scores
        found: Scores = self.values[2 * place + met]
        return found


class ScoreDistributions:
    """For every class, P(better than a random member) P(better than a random non-member).

    Either probability is ``(n F + m P) / (n + m)``: F the share of the class's n sampled members
    (or non-members) that a score beats, P the same among those of all classes together, and m =
    ``PRIOR_IMAGES``. Both F and P stay off 0 and 1 by half a rank (:func:`beaten_share`), so the
    product is never 0, not even for a score beyond everything seen.

    Parameters
    ----------
    scores : (n_sample, n_classes) float32
        Of sampled images against all references, one pass earlier.
    labels : (n_sample,) int32
        The classes they were given then.
    pooled_only : (n_classes,) bool, optional
        Classes that have got a new reference since, which their old scores do not describe.
    """

    def __init__(
        self,
        scores: Scores,
        labels: npt.NDArray[np.int32],
        pooled_only: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        n_classes = scores.shape[1]
        own = labels[:, None] == np.arange(n_classes)
        none = scores[:0, 0]
        pooled = _thinned(scores[own]), _thinned(scores[~own])
        self._functions: list[_StepFunction] = []
        for k in range(n_classes):
            stale = pooled_only is not None and pooled_only[k]
            members = none if stale else np.sort(scores[own[:, k], k])
            others = none if stale else np.sort(scores[~own[:, k], k])
            self._functions.append(_value_function((members, others), pooled))

    def values(self, scores: Scores) -> Scores:
        """Return the product of both probabilities for scores (n_images, n_classes)."""
        values = np.empty(scores.shape, dtype=np.float32)
        for k, function in enumerate(self._functions):
            values[:, k] = function(scores[:, k])
        return values


def _thinned(scores: Scores) -> Scores:
    """Return scores sorted, and thinned at equal steps of rank if there are many."""
    scores = np.sort(scores)
    if len(scores) <= POOLED_SCORES:
        return scores
    ranks = (np.arange(POOLED_SCORES) + 0.5) * len(scores) / POOLED_SCORES
    return scores[ranks.astype(np.intp)]


def _value_function(own: tuple[Scores, Scores], pooled: tuple[Scores, Scores]) -> _StepFunction:
    """Tabulate the value of one class: it changes only at scores that were seen."""
    steps = np.unique(np.concatenate([*own, *pooled]))
    # A gap is told by its upper end: the next float below a step lies in the gap before it,
    # unless it is a step itself, and then nothing lies in the gap.
    gaps = np.append(np.nextafter(steps, np.float32(-np.inf)), np.float32(np.inf))
    at = np.empty(2 * len(steps) + 1, dtype=np.float32)
    at[::2], at[1::2] = gaps, steps
    product = np.ones(len(at))
    for sample, pool in zip(own, pooled, strict=True):
        n = len(sample)
        prior = PRIOR_IMAGES * beaten_share(at, pool)
        product *= (n * beaten_share(at, sample) + prior) / (n + PRIOR_IMAGES)
    return _StepFunction(steps, product.astype(np.float32))
