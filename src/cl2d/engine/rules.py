"""Assignment rules: from the scores of an image against every class to the class it joins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Choice:
    """Chosen class of each image, and by what margin of score it beat the next."""

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
        """Return the best class of each image and its lead over the second best."""
        labels = scores.argmax(axis=1)
        rows = np.arange(len(scores))
        best = scores[rows, labels]
        if scores.shape[1] == 1:
            return Choice(labels.astype(np.int32), best.astype(np.float32))
        others = scores.copy()
        others[rows, labels] = -np.inf
        return Choice(labels.astype(np.int32), (best - others.max(axis=1)).astype(np.float32))
