"""Classes as one thing in Python: averages, members, poses, scores."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io import relion_table, write_particles_star, write_stack
from cl2d.outputs import check_output_folder, prepare_output_folder
from cl2d.outputs.folder import CLASS_AVERAGES, PARTICLE_TABLE
from cl2d.outputs.run_lock import locked_folder
from cl2d.outputs.tables import particle_columns

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.results import LevelResult, Poses


@dataclass(frozen=True, eq=False)
class ClassSet:
    """The classes of a level, or a trusted part of each.

    Attributes
    ----------
    name : "classes", "core" or "stable core"
    source : ParticleSource
    level : LevelResult, with every particle of the run
    averages : (n_classes, box, box) float32, of the particles in this set
    is_member : (n,) bool, which particles are in this set
    """

    name: str
    source: ParticleSource
    level: LevelResult
    averages: npt.NDArray[np.float32]
    is_member: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of classes, empty ones included."""
        return self.level.n_classes

    def __iter__(self) -> Iterator[npt.NDArray[np.intp]]:
        """Iterate over the classes: the rows of the members of each."""
        return (self.members(k) for k in range(len(self)))

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """Class of each particle of the run, from 0; -1 for one that is not in this set."""
        return np.where(self.is_member, self.level.labels, np.int32(-1)).astype(np.int32)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Members of each class, (n_classes,)."""
        return np.bincount(self.level.labels[self.is_member], minlength=len(self))

    def members(self, k: int) -> npt.NDArray[np.intp]:
        """Return the rows of the particles in class ``k``, counted from 0, ascending.

        Raises
        ------
        IndexError
            If there is no such class.
        """
        if not 0 <= k < len(self):
            message = f"k must be a class from 0 to {len(self) - 1}, not {k}"
            raise IndexError(message)
        return np.flatnonzero(self.is_member & (self.level.labels == k))

    def poses(self, k: int) -> Poses:
        """Return the poses of the members of class ``k``, in the order of ``members``."""
        return self.level.poses.take(self.members(k))

    def scores(self, k: int) -> npt.NDArray[np.float32]:
        """Return the scores of the members of class ``k``, in the order of ``members``."""
        return self.level.scores[self.members(k)]

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row for each particle in this set.

        Columns: ``row`` and ``image`` of the input, ``label`` (class, from 0), ``psi_rad``,
        ``shift_x_px``, ``shift_y_px``, ``mirror``, ``score`` and ``confidence``.

        Raises
        ------
        ImportError
            If pandas is not installed; cl2d itself does not need it.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            message = "to_frame needs pandas, which cl2d does not install: pip install pandas"
            raise ImportError(message) from error
        rows = np.flatnonzero(self.is_member)
        poses = self.level.poses.take(rows)
        columns = {
            "row": rows,
            "image": [self.source.image_name(row) for row in rows.tolist()],
            "label": self.level.labels[rows],
            "psi_rad": poses.psi_rad,
            "shift_x_px": poses.shift_px[:, 0],
            "shift_y_px": poses.shift_px[:, 1],
            "mirror": poses.mirror,
            "score": self.level.scores[rows],
            "confidence": self.level.confidence[rows],
        }
        return pandas.DataFrame(columns)

    def save(self, out: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the averages and the table of the particles in this set; return the folder.

        ``classes.mrcs`` has all classes, ``particles.star`` the members alone, with every column of
        the input, their class and pose.

        Raises
        ------
        InputError
            If the folder holds a run and ``overwrite`` is false, or cannot be written.
        """
        check_output_folder(out, overwrite, inputs=self.source.files)
        with locked_folder(out):
            folder = prepare_output_folder(out, overwrite, inputs=self.source.files)
            self._write(folder)
        return folder

    def _write(self, folder: Path) -> None:
        write_stack(folder / CLASS_AVERAGES, self.averages, self.source.pixel_size_angstrom)
        rows = np.flatnonzero(self.is_member)
        table = relion_table(self.source).take(rows)
        flags = np.zeros(len(self.is_member), dtype=np.uint8)
        columns = particle_columns(
            self.level, flags, self.source.pixel_size_angstrom, table.column_names
        )
        chosen = {name: np.asarray(values)[rows] for name, values in columns.items()}
        write_particles_star(folder / PARTICLE_TABLE, table, chosen, source=self.source)
