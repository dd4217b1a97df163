"""Assignment rules: from the scores of an image against every class to the class it joins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.engine.distributions import ScoreDistributions


@dataclass(frozen=True)
class Choice:
    """Chosen class of each image, and by what margin of the rule's value it beat the next."""

    labels: npt.NDArray[np.int32]
    margin: npt.NDArray[np.float32]


class AssignmentRule(Protocol):
    """A rule sees one block's scores at a time and gives every image a class."""

    def choose(self, scores: npt.NDArray[np.float32]) -> Choice:
        """Return the choice for scores of shape (n_images, n_classes)."""
        ...


class ClassicalRule:
    """Every image joins the class it correlates with best; the lower number wins a tie."""

    def choose(self, scores: npt.NDArray[np.float32]) -> Choice:
        """Return the best class of each image and its lead in score over the second best."""
        labels = scores.argmax(axis=1).astype(np.int32)
        return Choice(labels, _lead(scores, labels))


class RobustRule:
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

    def choose(self, scores: npt.NDArray[np.float32]) -> Choice:
        """Return the best class of each image and its lead in probability over the second best.

        Classes of one probability are told apart by the score, and then by the lower number.
        """
        values = self._distributions.values(scores)
        tied = values == values.max(axis=1, keepdims=True)
        labels = np.where(tied, scores, -np.inf).argmax(axis=1).astype(np.int32)
        return Choice(labels, _lead(values, labels))


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
