"""What cores keep and what they reject, against the truth.

Examples (see README.md):

    CL2D_BENCH_DATA=folder python bench/cores.py B64 A64 --seeds 3
    python bench/cores.py hard --seeds 1 --set-option similarity=correntropy
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from accuracy import named_value
from bench_sets import SIMULATED, simulated_set, stored_set

import cl2d
from cl2d.agreement import adjusted_rand_index, normalised_mutual_information
from cl2d.simulate.truth import JUNK_KINDS

if TYPE_CHECKING:
    import numpy.typing as npt

    Rows = npt.NDArray[np.bool_]


def main() -> None:
    """Classify each set with each seed and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", default=os.environ.get("CL2D_BENCH_DATA", "."))
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument(
        "--set-option", metavar="NAME=VALUE", action="append", default=[], type=named_value
    )
    options = parser.parse_args()
    chosen = {"evaluate": False, "threads": options.threads, **dict(options.set_option)}
    for name in options.sets:
        bench = simulated_set(name) if name in SIMULATED else stored_set(name, Path(options.data))
        kinds = np.array(JUNK_KINDS)[bench.truth.junk]
        for seed in range(options.seeds):
            result = cl2d.classify(
                bench.source, n_classes=bench.default_classes(), seed=seed, **chosen
            )
            print(f"{name} seed {seed}", report(result, bench.truth.view, kinds), flush=True)


def report(
    result: cl2d.Classification, views: npt.NDArray[np.int32], kind: npt.NDArray[np.str_]
) -> str:
    """Return sizes, purity, good particles lost, and junk recognised by kind."""
    good = kind == ""
    last = result.cores[-1]
    subsets = {"all": result.labels >= 0, "core": last.is_core, "stable": last.is_stable_core}
    lines = [
        f"ARI {adjusted_rand_index(views[good], result.labels[good]):.3f}"
        f" NMI {normalised_mutual_information(views[good], result.labels[good]):.3f}"
    ]
    lines += [
        f"{name} {np.count_nonzero(rows)} purity {purity(result.labels[rows], views[rows]):.3f}"
        f" (good only {purity(result.labels[rows & good], views[rows & good]):.3f})"
        for name, rows in subsets.items()
    ]
    rejected = ~last.is_core
    lines.append(
        f"good lost {rejected[good].mean():.3f}"
        f" (junk z {np.mean(last.zscores.junk[good] >= 3):.3f},"
        f" PCA z {np.mean(last.zscores.pca[good] >= 3):.3f})"
    )
    if not good.all():
        lines.append(f"junk precision {np.mean(~good[rejected]):.3f}")
        by_kind = [f"{k} {rejected[kind == k].mean():.3f}" for k in sorted(set(kind[~good]))]
        lines.append("junk recall " + ", ".join(by_kind))
        structured = ~good & (kind != "noise")
        lines.append(f"all but noise {rejected[structured].mean():.3f}")
    lines.append(f"cores took {result.timings['cores']:.1f} s")
    return "\n    " + "\n    ".join(lines)


def purity(labels: npt.NDArray[np.int32], views: npt.NDArray[np.int32]) -> float:
    """Return the share of members that show the view most frequent in their class.

    Junk, view -1, is never the view of a class.
    """
    right = 0
    for k in np.unique(labels):
        shown = views[(labels == k) & (views >= 0)]
        right += int(np.bincount(shown).max()) if len(shown) else 0
    return right / len(labels)


if __name__ == "__main__":
    main()
