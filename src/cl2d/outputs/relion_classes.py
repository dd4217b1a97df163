"""Classes as RELION sees them: those of a run, or those and their mirror images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.results import LevelResult


@dataclass(frozen=True, eq=False)
class RelionClasses:
    """Classes whose members need no mirror, or the classes as they are.

    Attributes
    ----------
    parent : (n_classes,) intp, the class of the run, from 0, that each one shows
    is_mirrored : (n_classes,) bool, whether it shows the mirror image of that class
    labels : (n_images,) int32, from 0; -1: in no class
    """

    parent: npt.NDArray[np.intp]
    is_mirrored: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int32]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.parent)

    def members(self) -> npt.NDArray[np.int64]:
        """Return the number of members of each class."""
        return np.bincount(self.labels[self.labels >= 0], minlength=self.n_classes)

    def averages(self, averages: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the average of each class, given those of the run, (n_classes, box, box).

        A class without members is a zero image, like everywhere.
        """
        shown = np.zeros((self.n_classes, *averages.shape[1:]), dtype=np.float32)
        for k in np.flatnonzero(self.members()).tolist():
            average = averages[self.parent[k]]
            shown[k] = mirror_image(average) if self.is_mirrored[k] else average
        return shown


def relion_classes(level: LevelResult, *, split_mirrors: bool) -> RelionClasses:
    """Return the classes of a level for RELION.

    Parameters
    ----------
    level : LevelResult
    split_mirrors : bool
        Whether the mirrored members of each class are a class of their own. Those classes come
        after all others, in the same order; a class without mirrored members has none.
    """
    classes = np.arange(level.n_classes)
    if not split_mirrors:
        return RelionClasses(classes, np.zeros(level.n_classes, dtype=bool), level.labels)
    is_mirrored = (level.labels >= 0) & level.poses.mirror
    parents = np.unique(level.labels[is_mirrored]).astype(np.intp)
    labels = level.labels.copy()
    place = np.searchsorted(parents, level.labels[is_mirrored])
    labels[is_mirrored] = level.n_classes + place
    return RelionClasses(
        np.concatenate([classes, parents]),
        np.arange(level.n_classes + len(parents)) >= level.n_classes,
        labels,
    )


def mirror_image(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return an image mirrored at the line x = 0, which is column ``box // 2``.

    The first column of an even box has no partner on the other side and stays where it is, as if
    the image went on periodically.
    """
    mirrored = image[:, ::-1]
    return np.roll(mirrored, 1, axis=1) if image.shape[1] % 2 == 0 else mirrored
