"""Assignment rules: from the scores of an image against every class to the class it joins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cl2d.engine.confidence import log_likelihood

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine.distributions import ScoreDistributions

    Scores = npt.NDArray[np.float32]
    Values = npt.NDArray[np.float64]
    Among = npt.NDArray[np.bool_] | None

LEAST_VALUE = -1e6
"""Value of a class without an average, less than that of any other."""


@dataclass(frozen=True)
class Choice:
    """Chosen class of each image, and by what margin of the rule's value it beat the next."""

    labels: npt.NDArray[np.int32]
    margin: npt.NDArray[np.float32]


class AssignmentRule(Protocol):
    """A rule sees one block's scores at a time and gives every image a class."""

    def values(self, scores: npt.NDArray[np.float32]) -> Scores:
        """Return what the rule goes by, the higher the better, for (n_images, n_classes) scores."""
        ...

    def choose(self, scores: npt.NDArray[np.float32], among: Among = None) -> Choice:
        """Return the choice for scores of shape (n_images, n_classes).

        ``among``, of the same shape and True somewhere in each row, are the classes that an image
        may join; the others count for nothing. All by default.
        """
        ...

    def log_likelihoods(self, scores: npt.NDArray[np.float32], n_independent: float) -> Values:
        """Return how likely each class makes each image, up to a constant of the image."""
        ...


class ClassicalRule:
    """Every image joins the class it correlates with best; the lower number wins a tie."""

    def values(self, scores: npt.NDArray[np.float32]) -> Scores:
        """Return the scores themselves."""
        return scores

    def choose(self, scores: npt.NDArray[np.float32], among: Among = None) -> Choice:
        """Return the class of the best value of each image, and its lead over the second best."""
        values = _only(self.values(scores), among)
        labels = values.argmax(axis=1).astype(np.int32)
        return Choice(labels, _lead(values, labels))

    def log_likelihoods(self, scores: npt.NDArray[np.float32], n_independent: float) -> Values:
        """Return the log-likelihoods for images of any strength, by their correlations."""
        return log_likelihood(scores.astype(np.float64), n_independent)


class LikelihoodRule(ClassicalRule):
    """Every image joins the class whose average makes it likeliest.

    For Gaussian noise the log-likelihood of an image of length 1, given a class whose members
    correlate with its average by b and that it correlates with by c itself, is ``b c - b^2 / 2``
    over the variance of the noise, up to what is the same for all classes (Sigworth, J. Struct.
    Biol. 122, 1998, with amplitudes as expected in place of free ones). The correlation alone lets
    a strong or well averaged class draw images that fit it worse than its members do.

    How sure a choice is goes by the correlations (:meth:`ClassicalRule.log_likelihoods`): an image
    that another class would fit better is not sure, whatever is expected of members.

    Parameters
    ----------
    expected : (n_classes,) float64
        Correlation of a member with the average of the others (:func:`expected_scores`).
    present : (n_classes,) bool
        Classes that have an average; no image joins another one, if there is any.
    """

    def __init__(self, expected: npt.NDArray[np.float64], present: npt.NDArray[np.bool_]) -> None:
        self._expected = expected
        self._absent = ~present

    def values(self, scores: npt.NDArray[np.float32]) -> Scores:
        """Return ``b c - b^2 / 2``, in units of the expected correlation of a member."""
        values = scores * self._expected - 0.5 * np.square(self._expected)
        values[:, self._absent] = LEAST_VALUE
        found: Scores = values.astype(np.float32)
        return found


class RobustRule(ClassicalRule):
    """Every image joins the class in which its score is most remarkable.

    The value of a class is the probability that the image's score beats that of a random member
    times the probability that it beats that of a random image of another class. Scores of
    different classes become comparable that way, be one average sharp and another one noisy. The
    idea is that of CL2D (Sorzano et al., J. Struct. Biol. 171, 2010), with empirical ranks in
    place of histograms: no score lies outside the range.

    Parameters
    ----------
    distributions : ScoreDistributions
        Of the same references, as the pass before left them.
    """

    def __init__(self, distributions: ScoreDistributions) -> None:
        self._distributions = distributions

    def values(self, scores: npt.NDArray[np.float32]) -> Scores:
        """Return the products of both probabilities."""
        return self._distributions.values(scores)

    def choose(self, scores: npt.NDArray[np.float32], among: Among = None) -> Choice:
        """Return the best class of each image and its lead in probability over the second best.

        Classes of one probability are told apart by the score, and then by the lower number.
        """
        values = _only(self.values(scores), among)
        tied = values == values.max(axis=1, keepdims=True)
        labels = np.where(tied, scores, -np.inf).argmax(axis=1).astype(np.int32)
        return Choice(labels, _lead(values, labels))


def _only(values: Scores, among: Among) -> Scores:
    """Return the values with those of other classes below all."""
    return values if among is None else np.where(among, values, np.float32(-np.inf))


def _lead(
    values: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]
) -> npt.NDArray[np.float32]:
    """Return by how much each row's chosen value exceeds the best other; alone, the value."""
    rows = np.arange(len(values))
    best = values[rows, labels]
    if values.shape[1] == 1:
        return best.astype(np.float32)
    others = values.copy()
    others[rows, labels] = -np.inf
    lead: npt.NDArray[np.float32] = (best - others.max(axis=1)).astype(np.float32)
    return lead
