"""How well particles are classified: agreement with the truth, poses, junk, against the ceiling.

Examples (see README.md):

    python bench/accuracy.py plain hard --seeds 3
    CL2D_BENCH_DATA=folder python bench/accuracy.py A64 B64 --json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from oracle import cartesian_labels, oracle_labels

import cl2d
from cl2d.errors import InputError
from cl2d.io import array_source, open_particles
from cl2d.io.mrc import read_stack
from cl2d.simulate import (
    SimulationOptions,
    Truth,
    read_truth,
    score_classification,
    simulate_particles,
)
from cl2d.simulate.geometry import spread_directions
from cl2d.simulate.scores import ranking_quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from cl2d.io import ParticleSource

SIMULATED: dict[str, dict[str, Any]] = {
    "easy": {"n_particles": 500, "n_views": 6, "snr": 0.5, "shift_sd_px": 1.5},
    "plain": {"n_particles": 4000, "n_views": 16, "snr": 0.1},
    "alike": {
        "n_particles": 4000,
        "n_views": 16,
        "snr": 0.1,
        "solvent": 0.0,
        "view_exponent": 0.5,
        "ctf": "flipped",
        "noise": "ice",
        "junk_fraction": 0.1,
    },
    "hard": {
        "n_particles": 4000,
        "n_views": 16,
        "snr": 0.1,
        "view_exponent": 1.0,
        "ctf": "raw",
        "noise": "ice",
        "junk_fraction": 0.15,
    },
    "crowded": {
        "n_particles": 8000,
        "n_views": 48,
        "snr": 0.1,
        "view_exponent": 0.5,
        "ctf": "flipped",
        "noise": "ice",
        "junk_fraction": 0.1,
    },
    "sphere": {"n_particles": 10_000, "n_views": 0, "snr": 0.1, "ctf": "flipped", "noise": "ice"},
}
UNIFORM_CLASSES = 32
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
Figures = dict[str, float]


@dataclass(frozen=True)
class BenchSet:
    """Particles with their truth; ``views`` are the clean views, empty for uniform directions."""

    name: str
    source: ParticleSource
    truth: Truth
    views: npt.NDArray[np.float32]

    def default_classes(self) -> int:
        """Return one class a view, or a few where directions are uniform."""
        return len(self.views) or UNIFORM_CLASSES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sets asked for and print their figures."""
    options = parse(arguments)
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


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "sets",
        nargs="*",
        default=["easy", "plain"],
        help=f"of {', '.join(SIMULATED)}, or NAME of NAME.star, NAME_truth.csv in --data",
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("CL2D_BENCH_DATA"), help="folder of sets"
    )
    parser.add_argument("--seeds", type=int, default=3, help="runs a set, seeds from 0")
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
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    return options


def named_value(text: str) -> tuple[str, Any]:
    """Return name and value of an option; what is no JSON (true, 3, 0.5) is a word."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, not {text}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def load_set(name: str, options: argparse.Namespace) -> BenchSet:
    """Return a simulated set by its name, or one of the data folder."""
    if name in SIMULATED:
        bench_set = simulated_set(name)
    elif options.data is not None:
        bench_set = stored_set(name, Path(options.data))
    else:
        message = f"*{name}* must be one of {', '.join(SIMULATED)}, or --data must name a folder"
        raise InputError(message)
    return bench_set if options.first is None else first_images(bench_set, options.first)


def simulated_set(name: str) -> BenchSet:
    """Make a set in memory."""
    simulation = simulate_particles(SimulationOptions(**SIMULATED[name]))
    source = array_source(simulation.images, simulation.options.pixel_size_angstrom)
    return BenchSet(name, source, simulation.truth, simulation.views)


def stored_set(name: str, folder: Path) -> BenchSet:
    """Open NAME.star with NAME_truth.csv and, where views are discrete, NAME_views.mrcs."""
    source = open_particles(folder / f"{name}.star")
    truth = read_truth(folder / f"{name}_truth.csv")
    views = np.zeros((0, source.box_px, source.box_px), dtype=np.float32)
    if truth.has_views:
        views = read_stack(folder / f"{name}_views.mrcs")
    return BenchSet(name, source, truth, views)


def first_images(bench_set: BenchSet, n_images: int) -> BenchSet:
    """Return the first images of a set, in memory."""
    images = bench_set.source.read(0, min(n_images, bench_set.source.n_images))
    source = array_source(images, bench_set.source.pixel_size_angstrom)
    truth = bench_set.truth.take(slice(0, len(images)))
    return BenchSet(bench_set.name, source, truth, bench_set.views)


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
    wall, cpu = time.perf_counter(), time.process_time()
    result = cl2d.classify(bench_set.source, **chosen)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    truth = bench_set.truth
    return {
        **asdict(score_classification(truth, result.labels, result.poses)),
        "score_ranks_junk_low": ranking_quality(truth.good, result.scores),
        "cpu_seconds": cpu,
        "wall_seconds": wall,
    }


def run_oracle(bench_set: BenchSet, n_classes: int, options: argparse.Namespace) -> Figures | None:
    """Return the figures of the assignment to the truth: what no clustering can beat.

    Where directions are uniform, the true directions are cut into as many compact classes.
    """
    if options.oracle == "none":
        return None
    truth = bench_set.truth
    if len(bench_set.views) == 0:
        axes = spread_directions(n_classes, np.random.default_rng(0))
        cosines = np.nan_to_num(np.abs(truth.beam_directions() @ axes.T))
        return asdict(score_classification(truth, cosines.argmax(axis=1).astype(np.int32)))
    assign = oracle_labels if options.oracle == "engine" else cartesian_labels
    labels, poses = assign(bench_set.source, bench_set.views, options.threads)
    return asdict(score_classification(truth, labels, poses))


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
