"""Run the cases of the suite that have not been run yet, one result line each."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from accuracy_figures import Figures, run_figures, size_figures, timed_classification
from speed_machine import processor_name, source_commit
from suite_cases import LARGEST, Case, LoadedCase, chosen_cases, load_case
from suite_oracle import oracle_figures
from suite_results import ORACLE, ResultsFile, Run

from cl2d.errors import InputError
from cl2d.options import RunOptions

if TYPE_CHECKING:
    import argparse


@dataclass(frozen=True)
class Variant:
    """How cases are run, and the label under which the runs are kept.

    ``made`` says where and when the program started: sources may change while it runs.
    """

    label: str
    threads: int | None
    options: dict[str, Any]
    made: dict[str, Any]


def run_suite(options: argparse.Namespace) -> str:
    """Run what is missing of the chosen cases and return the label of the runs.

    Cases whose particles are not there are named and left out.
    """
    results = ResultsFile(options.results)
    made = where_and_when(options.threads)
    label = options.label or made["commit"]
    variant = Variant(label, options.threads, dict(options.set_option), made)
    cpu_seconds = 0.0
    for case in chosen_cases(options.cases):
        done = results.done(label, case)
        missing = [seed for seed in [ORACLE, *case.seeds(options.seeds)] if seed not in done]
        if not missing:
            print(f"{case.name}: done before", flush=True)
            continue
        try:
            loaded = load_case(case, options.data)
        except InputError as error:
            print(f"{case.name}: left out, {error}", file=sys.stderr, flush=True)
            continue
        for seed in missing:
            run = run_case(loaded, seed, variant)
            results.append(run)
            cpu_seconds += run.figures.get("cpu_seconds", 0.0)
            print(told(case, run), flush=True)
    print(f"{cpu_seconds / 60:.1f} CPU min of classification; {results.path}, label {label}")
    return str(label)


def run_case(loaded: LoadedCase, seed: int | str, variant: Variant) -> Run:
    """Classify the particles of a case with a seed, or by the oracle."""
    if seed == ORACLE:
        figures = oracle_figures(loaded, variant.threads)
    else:
        figures = seed_figures(loaded, int(seed), variant)
    bench_set = loaded.bench_set
    return Run(
        label=variant.label,
        case=loaded.case.name,
        definition=loaded.case.definition(),
        seed=seed,
        figures=figures,
        particles={
            "n_images": bench_set.source.n_images,
            "box_px": bench_set.source.box_px,
            "n_views": len(bench_set.views),
        },
        made=variant.made,
    )


def seed_figures(loaded: LoadedCase, seed: int, variant: Variant) -> Figures:
    """Return the figures of one classification by default options, as far as the case needs them.

    Half-sets are left out, for they change no class; cores are found where there is junk.
    """
    truth, n_classes = loaded.bench_set.truth, loaded.case.n_classes
    chosen: dict[str, Any] = {
        "n_classes": n_classes,
        "seed": seed,
        "threads": variant.threads,
        "core": not truth.good.all(),
        "evaluate": False,
        **variant.options,
    }
    result, times = timed_classification(loaded.bench_set.source, chosen)
    sizes = size_figures(result.labels, n_classes)
    if loaded.case.judged_by == LARGEST:
        return {**sizes, **times}
    return {**run_figures(truth, result), **sizes, **times}


def where_and_when(threads: int | None) -> dict[str, Any]:
    """Return what a figure depends on besides the case."""
    return {
        "commit": source_commit(),
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": RunOptions(threads=threads).n_threads(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def told(case: Case, run: Run) -> str:
    """Return a run in one line."""
    who = ORACLE if run.seed == ORACLE else f"seed {run.seed}"
    value, seconds = run.figures[case.judged_by], run.figures.get("cpu_seconds")
    took = "" if seconds is None else f", {seconds:.1f} CPU s"
    return f"{case.name} {who}: {case.judged_by} {value:.3f}{took}"
