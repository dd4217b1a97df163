"""Ways of growing classes against each other: what the choices in ``cl2d.levels`` rest on.

    python bench/level_variants.py A64 B64 --data FOLDER --seeds 5 --variants evidence,size

Every run has its own seed; each variant replaces one decision of the level loop and leaves the
rest as it is. Prints the adjusted Rand index over good particles and the processor time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest import mock

import bench_sets
import numpy as np

from cl2d.agreement import adjusted_rand_index
from cl2d.engine import LocalEngine, SearchSettings
from cl2d.engine.ingest import ingest
from cl2d.levels import run_levels, splitting
from cl2d.levels.cuts import find_cut
from cl2d.levels.halves import TotalGain
from cl2d.levels.two_groups import two_group_evidence
from cl2d.options import LevelOptions, PreprocessOptions, RunOptions
from cl2d.preprocess import plan_preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from cl2d.engine import Engine
    from cl2d.levels.cuts import Cut, CutRule, Fitted, Rows

    FindCut = Callable[[Engine, Rows, Fitted, CutRule], Cut]


def ranked(cut: Cut, priority: float) -> Cut:
    """Return a cut of another priority; the order of cuts goes by nothing else."""
    gain = TotalGain(priority * cut.gain.n_members, 0.0, cut.gain.n_members)
    return replace(cut, gain=gain)


def by_size(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split the largest class first, wherever its scores part."""
    return ranked(find_cut(engine, rows, fitted, rule), float(len(rows)))


def by_total(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split first the class whose held-out members gain most, all together."""
    cut = find_cut(engine, rows, fitted, rule)
    return ranked(cut, cut.gain.at_least)


def evidence(engine: Engine, cut: Cut, fitted: Fitted) -> float:
    """Return the evidence of two groups along the component, a member."""
    scores = engine.component(cut.rows, fitted.poses.take(cut.rows)).scores
    return two_group_evidence(np.sort(scores).astype(np.float64))[0]


def by_evidence(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split first the class whose scores on the component are most evidently of two groups."""
    cut = find_cut(engine, rows, fitted, rule)
    return ranked(cut, evidence(engine, cut, fitted))


def by_total_evidence(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split the class with the largest evidence of all its members together."""
    cut = find_cut(engine, rows, fitted, rule)
    return ranked(cut, evidence(engine, cut, fitted) * len(rows))


def at_median(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split the most surely mixed class first, always into halves of one size."""
    cut = find_cut(engine, rows, fitted, rule)
    scores = engine.component(cut.rows, fitted.poses.take(cut.rows)).scores
    in_first = np.zeros(len(scores), dtype=bool)
    in_first[np.argsort(scores, kind="stable")[: len(scores) // 2]] = True
    return replace(cut, in_first=in_first)


def by_fit(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Cut at the median of the scores."""
    return find_cut(engine, rows, fitted, replace(rule, split_by="fit"))


def by_better(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Cut by the component, or at the median of the scores if held-out members prefer that."""
    return find_cut(engine, rows, fitted, replace(rule, split_by="better"))


VARIANTS: dict[str, FindCut] = {
    "gain": find_cut,
    "fit": by_fit,
    "better": by_better,
    "total-gain": by_total,
    "evidence": by_evidence,
    "total-evidence": by_total_evidence,
    "size": by_size,
    "median": at_median,
}


def using(variant: str) -> AbstractContextManager[object]:
    """Grow classes by the cuts of a variant, class by class."""

    def cuts(engine: Engine, groups: list[Rows], fitted: Fitted, rule: CutRule) -> list[Cut]:
        return [VARIANTS[variant](engine, rows, fitted, rule) for rows in groups]

    return mock.patch.object(splitting, "cuts_of_groups", cuts)


def engine_of(bench_set: bench_sets.BenchSet, threads: int | None, *, whiten: bool) -> LocalEngine:
    n_threads = RunOptions(threads=threads).n_threads()
    plan = plan_preprocessing(bench_set.source, PreprocessOptions(whiten=whiten))
    read = ingest(bench_set.source, plan, n_threads)
    settings = SearchSettings(0.1 * plan.box_px)
    scale = plan.box_px / plan.working_box_px
    return LocalEngine(read.blocks, read.flags == 0, settings, scale, n_threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--data")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--classes", type=int, default=16)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--first", type=int)
    parser.add_argument("--no-whiten", action="store_true")
    parser.add_argument("--no-exchange", action="store_true")
    parser.add_argument("--variants", default="gain,evidence,size,median")
    options = parser.parse_args()
    n_classes, exchange = options.classes, not options.no_exchange
    for name in options.sets:
        bench_set = bench_sets.load_set(name, options)
        engine = engine_of(bench_set, options.threads, whiten=not options.no_whiten)
        good = bench_set.truth.junk == 0
        for variant in options.variants.split(","):
            found, started = [], time.process_time()
            for seed in range(options.seeds):
                with using(variant):
                    chosen = LevelOptions(classes=n_classes, seed=seed, exchange=exchange)
                    last = run_levels(engine, chosen)[-1]
                view = bench_set.truth.view[good]
                found.append(adjusted_rand_index(view, last.labels[good]))
            seconds = (time.process_time() - started) / options.seeds
            each = " ".join(f"{value:.3f}" for value in found)
            median = statistics.median(found)
            print(f"{name} {variant}: median {median:.3f} [{each}] {seconds:.1f} CPU s", flush=True)


if __name__ == "__main__":
    main()
