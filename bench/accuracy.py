"""How well particles are classified: agreement with the truth, poses, junk, against the ceiling.

Examples (see README.md):

    python bench/accuracy.py plain hard --seeds 3
    CL2D_BENCH_DATA=folder python bench/accuracy.py A64 B64 --json
    python bench/accuracy.py --suite --data folder --threads 1 --table docs/quality.md
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from accuracy_figures import (
    Figures,
    label_figures,
    nearest_axis,
    run_figures,
    timed_classification,
)
from bench_sets import SIMULATED, BenchSet, load_set
from oracle import cartesian_labels, oracle_labels

from cl2d.errors import InputError
from cl2d.simulate.geometry import spread_directions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DEFAULT_RESULTS = Path(__file__).resolve().parents[1] / "build" / "accuracy_suite.jsonl"
COLUMNS = {
    "adjusted_rand_index": "ARI",
    "normalised_mutual_information": "NMI",
    "purity": "purity",
    "views_found": "found",
    "angle_error_deg": "angle",
    "shift_error_px": "shift",
    "pose_right": "pose ok",
    "angular_spread_deg": "spread",
    "junk_precision": "junk p",
    "junk_recall": "junk r",
    "score_ranks_junk_low": "junk AUC",
    "cpu_seconds": "CPU s",
    "wall_seconds": "wall s",
}
SMALLER_IS_BETTER = {
    "angle_error_deg",
    "shift_error_px",
    "angular_spread_deg",
    "cpu_seconds",
    "wall_seconds",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sets asked for and print their figures."""
    options = parse(arguments)
    if options.suite:
        return suite_and_page(options)
    results = []
    for name in options.sets:
        try:
            bench_set = load_set(name, options)
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
        results.append(measure(bench_set, options))
        if not options.json:
            print_result(results[-1])
    if options.json:
        print(json.dumps(without_nan(results), indent=2))
    return 0


def suite_and_page(options: argparse.Namespace) -> int:
    """Run the suite and, where asked for, write its page."""
    from quality_table import write_page
    from suite import run_suite

    try:
        label = run_suite(options)
        if options.table is not None:
            write_page(options.table, options.results, label)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "sets",
        nargs="*",
        help=f"of {', '.join(SIMULATED)} (default: the first two), or NAME of NAME.star,"
        " NAME_truth.csv in --data",
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("CL2D_BENCH_DATA"), help="folder of sets"
    )
    parser.add_argument("--seeds", type=int, help="runs a set, seeds from 0; default 3, --suite 5")
    parser.add_argument("--classes", type=int, help="default: the number of views")
    parser.add_argument("--first", type=int, help="use only the first images of each set")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument(
        "--set-option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=named_value,
        help="any option of cl2d.classify, e.g. clustering=robust; may be repeated",
    )
    parser.add_argument(
        "--oracle",
        choices=["engine", "cartesian", "none"],
        default="engine",
        help="who assigns images to the true views for the ceiling; cartesian is slow",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    add_suite_options(parser)
    options = parser.parse_args(arguments)
    if options.seeds is None:
        options.seeds = 5 if options.suite else 3
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    if options.suite and options.sets:
        parser.error("--cases, not a list of sets, names the cases of the suite")
    options.sets = options.sets or ["easy", "plain"]
    if options.suite and options.set_option and options.label is None:
        parser.error("--label must name the variant where --set-option makes one")
    return options


def add_suite_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the suite."""
    suite = parser.add_argument_group("suite")
    suite.add_argument("--suite", action="store_true", help="run the cases of suite_cases.toml")
    suite.add_argument(
        "--cases", type=lambda names: names.split(","), help="names, comma between; default: all"
    )
    suite.add_argument(
        "--results",
        type=Path,
        default=DEFAULT_RESULTS,
        metavar="FILE",
        help="where runs are kept; those that are there are not made again",
    )
    suite.add_argument("--label", help="name of this variant in FILE; default: the commit")
    suite.add_argument("--table", type=Path, metavar="PAGE", help="write the page of the results")


def named_value(text: str) -> tuple[str, Any]:
    """Return name and value of an option; what is no JSON (true, 3, 0.5) is a word."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, not {text}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def measure(bench_set: BenchSet, options: argparse.Namespace) -> dict[str, Any]:
    """Classify a set once a seed, and by the true views."""
    n_classes = options.classes or bench_set.default_classes()
    chosen = {"n_classes": n_classes, "threads": options.threads, **dict(options.set_option)}
    runs = [run_once(bench_set, {**chosen, "seed": seed}) for seed in range(options.seeds)]
    return {
        "set": bench_set.name,
        "n_images": bench_set.source.n_images,
        "n_classes": n_classes,
        "options": dict(options.set_option),
        "oracle": run_oracle(bench_set, n_classes, options),
        "median": {name: summary(runs, name, np.median) for name in COLUMNS},
        "worst": {
            name: summary(runs, name, np.max if name in SMALLER_IS_BETTER else np.min)
            for name in COLUMNS
        },
        "runs": runs,
    }


def run_once(bench_set: BenchSet, chosen: dict[str, Any]) -> Figures:
    """Return the figures of one classification."""
    result, times = timed_classification(bench_set.source, chosen)
    return {**run_figures(bench_set.truth, result), **times}


def run_oracle(bench_set: BenchSet, n_classes: int, options: argparse.Namespace) -> Figures | None:
    """Return the figures of the assignment to the truth: what no clustering can beat.

    Where directions are uniform, the true directions are cut into as many compact classes.
    """
    if options.oracle == "none":
        return None
    truth = bench_set.truth
    if len(bench_set.views) == 0:
        axes = spread_directions(n_classes, np.random.default_rng(0))
        return label_figures(truth, nearest_axis(truth.beam_directions(), axes))
    assign = oracle_labels if options.oracle == "engine" else cartesian_labels
    labels, poses = assign(bench_set.source, bench_set.views, options.threads)
    return label_figures(truth, labels, poses)


def summary(runs: Iterable[Figures], name: str, statistic: Any) -> float:
    """Return a statistic over the runs in which a figure has a meaning."""
    values = [run[name] for run in runs if not np.isnan(run[name])]
    return float(statistic(values)) if values else float("nan")


def print_result(result: dict[str, Any]) -> None:
    """Print one set as a table of median, worst and ceiling."""
    print(f"\n{result['set']}: {result['n_images']} images, {result['n_classes']} classes")
    print(" " * 8 + "".join(f"{title:>9}" for title in COLUMNS.values()))
    for row in ("median", "worst", "oracle"):
        if result[row] is not None:
            cells = (cell(result[row].get(name, float("nan"))) for name in COLUMNS)
            print(f"{row:8}" + "".join(f"{text:>9}" for text in cells), flush=True)


def without_nan(value: Any) -> Any:
    """Return nested figures with null, which JSON knows, in place of NaN, which it does not."""
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def cell(value: float) -> str:
    """Return a figure to three digits or so, a dash where it has no meaning."""
    if np.isnan(value):
        return "-"
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
