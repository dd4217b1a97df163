"""What Xmipp's CL2D says of a level, in the blocks of its metadata files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io import StarBlock
from cl2d.io.star_cells import as_writable
from cl2d.io.working_directory import path_from_here
from cl2d.io.xmipp_columns import xmipp_columns, xmipp_pose_columns
from cl2d.outputs.tables import class_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.evaluate import LevelEvaluation
    from cl2d.io import ParticleTable
    from cl2d.results import LevelResult

    Columns = dict[str, npt.NDArray[Any]]

CLASSES, SORTED, INFO, REJECTED = "classes", "classes_sorted", "info", "images_rejected"


@dataclass(frozen=True, eq=False)
class XmippImages:
    """All particles of a level with class and pose, as columns by Xmipp's labels.

    Attributes
    ----------
    columns : mapping from label to (n,) array
    labels : (n,) int32, classes from 0; -1 for an image in no class
    n_classes : int
    """

    columns: Columns
    labels: npt.NDArray[np.int32]
    n_classes: int

    def block(self, chosen: npt.NDArray[np.bool_] | None = None) -> StarBlock:
        """Return the images, or those chosen, in the order of the input."""
        return StarBlock(self.columns if chosen is None else _taken(self.columns, chosen))

    def class_blocks(self, chosen: npt.NDArray[np.bool_] | None = None) -> dict[str, StarBlock]:
        """Return a block for each class, with its members or those chosen of them."""
        is_member = self.labels >= 0 if chosen is None else (self.labels >= 0) & chosen
        rows = np.flatnonzero(is_member)
        rows = rows[np.argsort(self.labels[rows], kind="stable")]
        members = _taken(self.columns, rows)
        ends = np.searchsorted(self.labels[rows], np.arange(self.n_classes + 1))
        return {
            f"class{k + 1:06d}_images": StarBlock(
                {name: values[ends[k] : ends[k + 1]] for name, values in members.items()}
            )
            for k in range(self.n_classes)
        }


def _taken(columns: Columns, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def input_columns(table: ParticleTable) -> Columns:
    """Return what a RELION 3.1 table says of its particles, by Xmipp's labels, as arrays."""
    return {name: as_writable(values) for name, values in xmipp_columns(table).items()}


def level_images(columns: Columns, level: LevelResult, core: LevelCores | None) -> XmippImages:
    """Add class, pose and scores at a level to the columns of the input.

    An image in no class has ``ref`` 0, ``enabled`` -1 and no pose.
    """
    used = level.labels >= 0
    poses = {
        name: np.where(used, values, 0) for name, values in xmipp_pose_columns(level.poses).items()
    }
    found: Columns = {
        "enabled": np.where(used, 1, -1),
        "ref": class_numbers(level.labels),
        **poses,
        "maxCC": np.where(used, level.scores, np.float32(0)),
    }
    if core is not None:
        found["zScore"] = core.zscores.junk
    return XmippImages({**columns, **found}, level.labels, level.n_classes)


def info_block(level: LevelResult) -> StarBlock:
    """Return one row an iteration: how many images moved, and the mean score."""
    reports = level.iterations
    columns = {
        "iterationNumber": np.arange(1, len(reports) + 1),
        "cl2dSimilarity": np.array([report.mean_score for report in reports], dtype=np.float64),
        "cl2dChanges": np.array([report.n_changed for report in reports], dtype=np.int64),
    }
    return StarBlock(columns)


def class_block(stack: Path, members: npt.NDArray[np.int64]) -> StarBlock:
    """Return the classes of a level: number, average and count.

    The average is named as Xmipp looks for it: from the working directory, if it lies below.
    """
    name = path_from_here(stack)
    numbers = np.arange(1, len(members) + 1)
    columns: Mapping[str, Sequence[str] | npt.NDArray[Any]] = {
        "ref": numbers,
        "image": [f"{number:06d}@{name}" for number in numbers.tolist()],
        "classCount": members,
    }
    return StarBlock(columns)


def with_evaluation(
    blocks: Mapping[str, StarBlock], evaluation: LevelEvaluation | None
) -> dict[str, StarBlock]:
    """Return the blocks of a level with the resolution of its classes, and these sorted.

    ``classificationFRC05`` is the digital frequency at which the correlation of half-sets falls
    below a half, 0 for a class that is too small to tell; ``classes_sorted`` has neighbours that
    look alike.
    """
    if evaluation is None:
        return dict(blocks)
    frequency = np.nan_to_num(evaluation.crossing_per_px[:, 0], nan=0.0)
    columns = {**blocks[CLASSES].columns, "classificationFRC05": frequency}
    classes = StarBlock(columns)
    ordered = StarBlock({**columns, "itemId": columns["ref"]}).take(evaluation.order)
    return {**blocks, CLASSES: classes, SORTED: ordered}
