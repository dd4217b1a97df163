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

import accuracy
import numpy as np

from cl2d.agreement import adjusted_rand_index
from cl2d.engine import LocalEngine, SearchSettings
from cl2d.engine.ingest import ingest
from cl2d.levels import run_levels, splitting
from cl2d.levels.halves import held_out_gains
from cl2d.options import LevelOptions, PreprocessOptions, RunOptions
from cl2d.preprocess import plan_preprocessing

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from cl2d.engine import Engine
    from cl2d.levels.splitting import Cut, CutRule, Fitted, Rows

    FindCut = Callable[[Engine, Rows, Fitted, CutRule], Cut]

find_cut = splitting.find_cut


def by_size(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split the largest class first, wherever its scores part."""
    cut = find_cut(engine, rows, fitted, rule)
    return splitting.Cut(float(len(rows)), cut.first, cut.second)


def by_total_evidence(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split the class with the largest evidence of all its members together."""
    cut = find_cut(engine, rows, fitted, rule)
    return splitting.Cut(cut.gain * len(rows), cut.first, cut.second)


def at_median(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split the most evidently mixed class first, always into halves of one size."""
    cut = find_cut(engine, rows, fitted, rule)
    rows = np.sort(np.concatenate([cut.first, cut.second]))
    order = rows[np.argsort(engine.component(rows, fitted.poses.take(rows)).scores, kind="stable")]
    half = len(rows) // 2
    return splitting.Cut(cut.gain, np.sort(order[:half]), np.sort(order[half:]))


def by_fit(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Cut at the median of the scores."""
    return find_cut(engine, rows, fitted, replace(rule, split_by="fit"))


def by_better(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Cut by the component, or at the median of the scores if held-out members prefer that."""
    return find_cut(engine, rows, fitted, replace(rule, split_by="better"))


def by_held_out(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split first the class whose halves fit held-out members best, surely so."""
    cut = by_better(engine, rows, fitted, rule)
    return splitting.Cut(sure_gain(engine, cut, fitted), cut.first, cut.second)


def by_total_held_out(engine: Engine, rows: Rows, fitted: Fitted, rule: CutRule) -> Cut:
    """Split first the class whose held-out members gain most, all together."""
    cut = by_better(engine, rows, fitted, rule)
    return splitting.Cut(sure_gain(engine, cut, fitted) * len(rows), cut.first, cut.second)


def sure_gain(engine: Engine, cut: Cut, fitted: Fitted) -> float:
    """Return the mean gain of held-out members, less two standard errors."""
    rows = np.sort(np.concatenate([cut.first, cut.second]))
    members = engine.aligned_members(rows, fitted.poses.take(rows))
    gains = held_out_gains(members, np.isin(rows, cut.first))
    error = gains.std() / np.sqrt(len(gains))
    return float(gains.mean() - 2 * error)


VARIANTS: dict[str, FindCut] = {
    "evidence": find_cut,
    "fit": by_fit,
    "better": by_better,
    "held-out": by_held_out,
    "total-held-out": by_total_held_out,
    "total": by_total_evidence,
    "size": by_size,
    "median": at_median,
}


def using(variant: str) -> AbstractContextManager[object]:
    return mock.patch.object(splitting, "find_cut", VARIANTS[variant])


def engine_of(bench_set: accuracy.BenchSet, threads: int | None, *, whiten: bool) -> LocalEngine:
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
    parser.add_argument("--variants", default="evidence,total,size,median")
    options = parser.parse_args()
    for name in options.sets:
        bench_set = accuracy.load_set(name, options)
        engine = engine_of(bench_set, options.threads, whiten=not options.no_whiten)
        good = bench_set.truth.junk == 0
        for variant in options.variants.split(","):
            found, started = [], time.process_time()
            for seed in range(options.seeds):
                with using(variant):
                    last = run_levels(engine, LevelOptions(classes=options.classes, seed=seed))[-1]
                view = bench_set.truth.view[good]
                found.append(adjusted_rand_index(view, last.labels[good]))
            seconds = (time.process_time() - started) / options.seeds
            each = " ".join(f"{value:.3f}" for value in found)
            median = statistics.median(found)
            print(f"{name} {variant}: median {median:.3f} [{each}] {seconds:.1f} CPU s", flush=True)


if __name__ == "__main__":
    main()
