"""An engine whose images are vectors: no rotations, no shifts, everything exact and quick.

Implements the protocol that :mod:`cl2d.levels` asks for, so that the course of a classification can
be tested apart from alignment.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cl2d.engine import (
    Assignment,
    ClassicalRule,
    ClassSums,
    Component,
    GroupAssignment,
    class_probabilities,
)
from cl2d.results import identity_poses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from cl2d.engine import AssignmentRule, LastPoses, OwnShare, RealAverages
    from cl2d.results import Poses

    Item = TypeVar("Item")
    Result = TypeVar("Result")

Vectors = npt.NDArray[np.float64]


class VectorEngine:
    """Images as rows of ``vectors`` (n, d); similarity is the normalised correlation.

    With ``missed`` (n,) bool it has a fast search, which misses the best class of these images
    unless they are doubted.
    """

    def __init__(
        self,
        vectors: Vectors,
        usable: npt.NDArray[np.bool_] | None = None,
        missed: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        vectors = np.asarray(vectors, dtype=np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        # As in a real engine an image has the length 1, in the norm that is a mean over angles.
        self.vectors = vectors * np.sqrt(vectors.shape[1]) / np.maximum(lengths, 1e-30)
        self.usable = np.ones(len(vectors), dtype=bool) if usable is None else usable
        self.n_assignments = 0
        self.missed = missed
        self.lasts: list[LastPoses | None] = []

    @property
    def n_images(self) -> int:
        return len(self.vectors)

    @property
    def n_independent(self) -> int:
        return self.vectors.shape[1]

    def assign(
        self,
        references: npt.NDArray[np.complex64],
        rule: AssignmentRule,
        on_progress: Callable[[int], None] | None = None,
        sample: npt.NDArray[np.intp] | None = None,
        averages: RealAverages | None = None,
        *,
        own: OwnShare | None = None,
        last: LastPoses | None = None,
    ) -> Assignment:
        assert averages is None
        self.n_assignments += 1
        self.lasts.append(last)
        fast = last is not None and self.missed is not None
        means = references.reshape(len(references), -1).real.astype(np.float64)
        lengths = np.linalg.norm(self.vectors, axis=1) * np.sqrt(self.vectors.shape[1])
        scores = self.vectors @ means.T / np.maximum(lengths, 1e-30)[:, None]
        if own is not None:
            scores = self._without_own(scores, own)
        if fast:
            rows = np.flatnonzero(self.missed & ~last.doubted)
            scores[rows, rule.values(scores[rows].astype(np.float32)).argmax(axis=1)] = -1.0
        choice = rule.choose(scores.astype(np.float32))
        if on_progress is not None:
            on_progress(self.n_images)
        labels = np.where(self.usable, choice.labels, -1).astype(np.int32)
        own = scores[np.arange(self.n_images), choice.labels].astype(np.float32)
        sampled = None if sample is None else scores[sample].astype(np.float32)
        poses = identity_poses(self.n_images)
        likelihoods = rule.log_likelihoods(scores.astype(np.float32), self.n_independent)
        sure = class_probabilities(likelihoods, choice.labels)
        return Assignment(labels, poses, own, choice.margin, sure, sampled, fast)

    def _without_own(self, scores: Vectors, own: OwnShare) -> Vectors:
        """Return scores, those against the own class by the sum of its other members."""
        scores = scores.copy()
        for i in np.flatnonzero(own.labels >= 0):
            others = self.vectors[(own.labels == own.labels[i]) & (np.arange(len(scores)) != i)]
            rest = others.sum(axis=0)
            product = np.linalg.norm(self.vectors[i]) * np.linalg.norm(rest)
            if product > 0:
                scores[i, own.labels[i]] = self.vectors[i] @ rest / product
        return scores

    def assign_within(
        self,
        references: npt.NDArray[np.complex64],
        groups: npt.NDArray[np.int32],
        on_progress: Callable[[int], None] | None = None,
        *,
        own: OwnShare | None = None,
        last: LastPoses | None = None,
    ) -> GroupAssignment:
        assert on_progress is last is None
        labels = np.full(self.n_images, -1, dtype=np.int32)
        scores = np.full((self.n_images, references.shape[1]), np.nan, dtype=np.float32)
        for group in np.unique(groups[groups >= 0]):
            rows = np.flatnonzero(groups == group)
            share = None if own is None else own.within(group, rows)
            found = self.subset(rows).assign(
                references[group], ClassicalRule(), sample=np.arange(len(rows)), own=share
            )
            labels[rows], scores[rows] = found.labels, found.sampled_scores
        return GroupAssignment(labels, identity_poses(self.n_images), scores)

    def averages(self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int) -> None:
        """Say that classes are not chosen by correntropy."""
        assert len(labels) == len(poses) == self.n_images
        assert labels.max() < n_classes

    def update(self, labels: npt.NDArray[np.int32], poses: Poses, n_classes: int) -> ClassSums:
        assert len(labels) == len(poses) == self.n_images
        assert not (labels[~self.usable] >= 0).any()
        sums = np.zeros((n_classes, 1, self.vectors.shape[1]), dtype=np.complex128)
        for k in range(n_classes):
            sums[k, 0] = self.vectors[labels == k].sum(axis=0)
        return ClassSums(sums, np.bincount(labels[labels >= 0], minlength=n_classes))

    def component(self, rows: npt.NDArray[np.intp], poses: Poses) -> Component:
        assert len(rows) == len(poses)
        centred = self.vectors[rows] - self.vectors[rows].mean(axis=0)
        left, values, _ = np.linalg.svd(centred, full_matrices=False)
        scores = (left[:, 0] * values[0]).astype(np.float32)
        total = float(np.square(centred).sum() / len(rows))
        return Component(scores, float(values[0] ** 2 / len(rows)), total)

    def aligned_members(
        self, rows: npt.NDArray[np.intp], poses: Poses
    ) -> npt.NDArray[np.complex64]:
        assert len(rows) == len(poses)
        return self.vectors[rows][:, None].astype(np.complex64)

    def subset(self, rows: npt.NDArray[np.intp]) -> VectorEngine:
        return VectorEngine(self.vectors[rows], self.usable[rows])

    def each(
        self,
        function: Callable[[VectorEngine, Item], Result],
        groups: Sequence[tuple[npt.NDArray[np.intp], Item]],
    ) -> Iterator[Result]:
        """Do as an engine of many machines would: function, item and result are sent."""
        for rows, item in groups:
            sent, sent_item = pickle.loads(pickle.dumps((function, item)))
            yield pickle.loads(pickle.dumps(sent(self.subset(rows), sent_item)))

    def of_references(self, references: npt.NDArray[np.complex64]) -> VectorEngine:
        vectors = references[:, 0].real.astype(np.float64)
        return VectorEngine(vectors, vectors.any(axis=1))


def groups_of_vectors(
    n_groups: int, n_each: int, noise: float, seed: int = 0, dimensions: int = 24
) -> tuple[Vectors, npt.NDArray[np.intp]]:
    """Return noisy copies of orthogonal vectors in random order, and the group of each."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(n_groups), n_each))
    return np.eye(dimensions)[truth] + noise * rng.normal(size=(len(truth), dimensions)), truth
