"""Agreement of two groupings of the same items: adjusted Rand index, mutual information, purity.

All measures are symmetric under renaming of the groups. Labels are whole numbers of any value;
a negative label (an image that is in no class) counts as one more group, so leave such images out
first where they must not count. Cost grows as the number of items, not of groups squared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]


def contingency(truth: npt.ArrayLike, labels: npt.ArrayLike) -> IntArray:
    """Return how many items each pair of groups shares.

    Parameters
    ----------
    truth, labels : (n,) whole numbers
        The two groupings.

    Returns
    -------
    (n_truth, n_labels) int64
        Rows and columns are the groups that occur, in rising order of their label.

    Raises
    ------
    InputError
        If the two differ in length, are empty or are not one-dimensional whole numbers.
    """
    rows, columns, counts = _shared_counts(truth, labels)
    table = np.zeros((int(rows.max()) + 1, int(columns.max()) + 1), dtype=np.int64)
    table[rows, columns] = counts
    return table


def adjusted_rand_index(truth: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the Rand index corrected for chance: 1 for equal groupings, 0 on average for random.

    Hubert & Arabie (1985), J. Classification 2, 193. Computed in whole numbers, so exact for any
    number of items; two groupings that are both trivial in the same way agree fully (1).
    """
    rows, columns, counts = _shared_counts(truth, labels)
    together = _n_pairs(counts)
    in_truth = _n_pairs(_group_sizes(rows, counts))
    in_labels = _n_pairs(_group_sizes(columns, counts))
    n_items = int(counts.sum())
    pairs = n_items * (n_items - 1) // 2
    numerator = 2 * (together * pairs - in_truth * in_labels)
    denominator = (in_truth + in_labels) * pairs - 2 * in_truth * in_labels
    return 1.0 if denominator == 0 else numerator / denominator


def normalised_mutual_information(truth: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return mutual information over the arithmetic mean of the two entropies, in [0, 1].

    Two groupings of one group each say nothing and agree fully: 1.
    """
    rows, columns, counts = _shared_counts(truth, labels)
    row_sizes, column_sizes = _group_sizes(rows, counts), _group_sizes(columns, counts)
    mean_entropy = 0.5 * (_entropy(row_sizes) + _entropy(column_sizes))
    if mean_entropy == 0.0:
        return 1.0
    share = counts / counts.sum()
    by_chance = row_sizes[rows] / counts.sum() * (column_sizes[columns] / counts.sum())
    information = float(np.sum(share * np.log(share / by_chance)))
    return min(max(information / mean_entropy, 0.0), 1.0)


def purity(truth: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the share of items that belong to the commonest true group of their class.

    Rises to 1 when every class holds one true group, however many classes share that group.
    """
    _, columns, counts = _shared_counts(truth, labels)
    largest = np.zeros(int(columns.max()) + 1, dtype=np.int64)
    np.maximum.at(largest, columns, counts)
    return float(largest.sum() / counts.sum())


def matched_classes(truth: npt.ArrayLike, labels: npt.ArrayLike) -> dict[int, int]:
    """Return for each class of ``labels`` the true group it shares most items with.

    Several classes may match the same group; of equal overlaps the lowest true label wins.
    """
    truth_names = np.unique(_whole_numbers(truth, "truth"))
    label_names = np.unique(_whole_numbers(labels, "labels"))
    rows, columns, counts = _shared_counts(truth, labels)
    # Largest overlap last within each class, and of equal overlaps the lowest row last.
    order = np.lexsort((-rows, counts, columns))
    best = np.empty(len(label_names), dtype=np.int64)
    best[columns[order]] = rows[order]
    return {int(name): int(truth_names[row]) for name, row in zip(label_names, best, strict=True)}


def _shared_counts(
    truth: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[IntArray, IntArray, IntArray]:
    """Return row, column and count of every non-empty cell of the contingency table."""
    first, second = _whole_numbers(truth, "truth"), _whole_numbers(labels, "labels")
    if len(first) != len(second):
        message = (
            f"*labels* must have one entry per item of truth ({len(first)}), not {len(second)}"
        )
        raise InputError(message)
    if len(first) == 0:
        message = "*labels* must hold at least one item, not none"
        raise InputError(message)
    _, rows = np.unique(first, return_inverse=True)
    second_names, columns = np.unique(second, return_inverse=True)
    width = len(second_names)
    cells, counts = np.unique(rows.astype(np.int64) * width + columns, return_counts=True)
    return cells // width, cells % width, counts.astype(np.int64)


def _whole_numbers(labels: npt.ArrayLike, name: str) -> IntArray:
    array = np.asarray(labels)
    is_empty_list = array.size == 0
    if array.ndim != 1 or not (is_empty_list or array.dtype.kind in "iub"):
        message = (
            f"*{name}* must be a one-dimensional array of whole numbers, "
            f"not {array.ndim}-dimensional {array.dtype}"
        )
        raise InputError(message)
    return array.astype(np.int64)


def _group_sizes(groups: IntArray, counts: IntArray) -> IntArray:
    sizes = np.zeros(int(groups.max()) + 1, dtype=np.int64)
    np.add.at(sizes, groups, counts)
    return sizes


def _n_pairs(sizes: IntArray) -> int:
    """Return the number of pairs within groups as a Python integer, which cannot overflow."""
    return int(np.sum(sizes * (sizes - 1) // 2))


def _entropy(sizes: IntArray) -> float:
    share = sizes / sizes.sum()
    return float(-np.sum(share * np.log(share)))
