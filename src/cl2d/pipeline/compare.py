"""How far two classifications of the same particles agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from cl2d.agreement import adjusted_rand_index, normalised_mutual_information
from cl2d.errors import InputError
from cl2d.outputs.saved_run import read_run_particles

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

    from cl2d.io import ParticleTable

    Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class ClassMatch:
    """A class of the first run and the class of the second that answers to it.

    ``jaccard`` is the particles both have over the particles either has.
    """

    class_a: int
    class_b: int
    members_a: int
    members_b: int
    shared: int
    jaccard: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Agreement of two runs over the particles that both have in a class.

    Attributes
    ----------
    n_compared : particles that both runs have in a class
    n_only_a, n_only_b : particles that only one of them has in a class
    contingency : (n_classes_a, n_classes_b) int64, particles shared by each pair of classes
    adjusted_rand_index, normalised_mutual_information : 1 for equal classes
    matches : each class paired with at most one of the other run, so that the pairs share as
        many particles as possible; class numbers from 1, as in files
    """

    n_compared: int
    n_only_a: int
    n_only_b: int
    contingency: npt.NDArray[np.int64]
    adjusted_rand_index: float
    normalised_mutual_information: float
    matches: tuple[ClassMatch, ...]

    @property
    def matched_share(self) -> float:
        """Share of the compared particles that lie in matched classes."""
        return sum(match.shared for match in self.matches) / self.n_compared


def compare(run_a: str | os.PathLike[str], run_b: str | os.PathLike[str]) -> Comparison:
    """Compare the classes of two finished runs, particle by particle.

    Particles are recognised by their image names, whatever their order, so that runs of
    overlapping sets can be compared. Particles in no class of one of the runs are left out.

    Parameters
    ----------
    run_a, run_b : path
        Output folders, or their particles.star.

    Raises
    ------
    InputError
        If a run cannot be read, an image name occurs twice in it, or no particle is in both.
    """
    table_a, table_b = read_run_particles(run_a), read_run_particles(run_b)
    rows_a, rows_b = _same_particles(table_a, table_b)
    all_a = table_a.numbers("rlnClassNumber").astype(np.int64)
    all_b = table_b.numbers("rlnClassNumber").astype(np.int64)
    both = (all_a[rows_a] > 0) & (all_b[rows_b] > 0)
    if not both.any():
        message = f"{table_a.path} and {table_b.path} must share particles that are in classes"
        raise InputError(message)
    return compare_labels(
        all_a[rows_a][both] - 1,
        all_b[rows_b][both] - 1,
        n_only_a=int((all_a > 0).sum() - both.sum()),
        n_only_b=int((all_b > 0).sum() - both.sum()),
    )


def compare_labels(
    labels_a: npt.NDArray[np.int64],
    labels_b: npt.NDArray[np.int64],
    *,
    n_only_a: int = 0,
    n_only_b: int = 0,
) -> Comparison:
    """Compare two classifications given as 0-based class labels of the same particles.

    Parameters
    ----------
    labels_a, labels_b : (n,) whole numbers, at least 0; n >= 1
    n_only_a, n_only_b : particles left out before, for the record
    """
    table = np.zeros((int(labels_a.max()) + 1, int(labels_b.max()) + 1), dtype=np.int64)
    np.add.at(table, (labels_a, labels_b), 1)
    return Comparison(
        n_compared=len(labels_a),
        n_only_a=n_only_a,
        n_only_b=n_only_b,
        contingency=table,
        adjusted_rand_index=adjusted_rand_index(labels_a, labels_b),
        normalised_mutual_information=normalised_mutual_information(labels_a, labels_b),
        matches=_matches(table),
    )


def _matches(table: npt.NDArray[np.int64]) -> tuple[ClassMatch, ...]:
    """Return the best one-to-one pairs (Hungarian method) that share at least one particle."""
    sizes_a, sizes_b = table.sum(axis=1), table.sum(axis=0)
    # By its whole name this part of scipy is imported when first used: it takes long.
    matched = scipy.optimize.linear_sum_assignment(table, maximize=True)
    pairs = zip(*matched, strict=True)
    return tuple(
        ClassMatch(
            class_a=int(a) + 1,
            class_b=int(b) + 1,
            members_a=int(sizes_a[a]),
            members_b=int(sizes_b[b]),
            shared=int(table[a, b]),
            jaccard=float(table[a, b] / (sizes_a[a] + sizes_b[b] - table[a, b])),
        )
        for a, b in pairs
        if table[a, b] > 0
    )


def _same_particles(table_a: ParticleTable, table_b: ParticleTable) -> tuple[Rows, Rows]:
    """Return the rows of both tables that show the same image, in the order of the first."""
    names_a, names_b = table_a.image_names(), table_b.image_names()
    if names_a == names_b:
        rows = np.arange(len(names_a))
        return rows, rows
    row_of_name = {_canonical(name): row for row, name in enumerate(names_b)}
    if len(row_of_name) < len(names_b) or len({*map(_canonical, names_a)}) < len(names_a):
        message = f"each image of {table_a.path} and {table_b.path} must be named once"
        raise InputError(message)
    found = [row_of_name.get(_canonical(name), -1) for name in names_a]
    rows_b = np.array(found, dtype=np.intp)
    rows_a = np.flatnonzero(rows_b >= 0)
    return rows_a, rows_b[rows_a]


def _canonical(name: bytes) -> tuple[int, bytes]:
    """Take ``000012@stack`` and ``12@stack`` for the same image."""
    number, at, stack = name.partition(b"@")
    return (int(number), stack) if at and number.isdigit() else (1, name)
