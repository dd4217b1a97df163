"""How many classes are found, and how well homogeneity tells mixed classes from pure ones.

    python bench/automatic.py A64 C128 --data FOLDER --seeds 5
    python bench/automatic.py A64 B64 --data FOLDER --classes 12

A class is mixed if less than ``PURE`` of its good particles show one view. Classes of fewer than
20 good particles, or most of whose members are junk, are not counted as either.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import accuracy
import numpy as np

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.simulate.scores import ranking_quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accuracy import BenchSet

    from cl2d import Classification

PURE = 0.8
FEWEST_GOOD = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sets and print a line a run."""
    options = accuracy.parse(arguments)
    for name in options.sets:
        bench_set = accuracy.load_set(name, options)
        for seed in range(options.seeds):
            started = time.process_time()
            result = cl2d.classify(
                bench_set.source,
                **{
                    "n_classes": options.classes or "auto",
                    "threads": options.threads,
                    "seed": seed,
                    "core": False,
                    "evaluate": False,
                    **dict(options.set_option),
                },
            )
            seconds = time.process_time() - started
            print(f"{name} seed {seed}: {described(bench_set, result)}, CPU {seconds:.1f} s")
            sys.stdout.flush()
    return 0


def described(bench_set: BenchSet, result: Classification) -> str:
    """Return numbers of classes, agreement with the truth, and how mixed classes rank."""
    levels = " ".join(str(level.n_classes) for level in result.levels)
    good = bench_set.truth.good
    if not bench_set.truth.has_views:
        return f"classes {levels}"
    view, labels = bench_set.truth.view, result.labels
    index = adjusted_rand_index(view[good], labels[good])
    counts = np.zeros((result.n_classes, view.max() + 1), dtype=int)
    np.add.at(counts, (labels[good], view[good]), 1)
    sizes = np.bincount(labels[labels >= 0], minlength=result.n_classes)
    known = (counts.sum(axis=1) >= FEWEST_GOOD) & (2 * counts.sum(axis=1) > sizes)
    pure = counts.max(axis=1) >= PURE * counts.sum(axis=1)
    homogeneity = result.levels[-1].homogeneity
    assert homogeneity is not None
    rank = ranking_quality(pure[known], homogeneity.homogeneity[known])
    found = len(set(counts[known & pure].argmax(axis=1).tolist()))
    return (
        f"classes {levels}, ARI {index:.3f}, {found} of {counts.shape[1]} views found, "
        f"mixed {np.count_nonzero(known & ~pure)} of {np.count_nonzero(known)}, "
        f"AUC of homogeneity {rank:.3f}"
    )


if __name__ == "__main__":
    sys.exit(main())
