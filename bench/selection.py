"""What the automatic selection of classes takes away: junk, it is hoped, and no good particles.

Examples (see README.md):

    CL2D_BENCH_DATA=FOLDER python bench/selection.py B64 --seeds 5
    python bench/selection.py junk --seeds 2

For each run: of junk and of good particles, the share that is not selected by class (``auto``),
that is in no core (``core``), and either (``auto or core``); and how many classes were dropped, of
how many that hold mostly junk, and how many of the others.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from accuracy import named_value
from bench_sets import SIMULATED, BenchSet, simulated_set, stored_set

import cl2d
from cl2d.evaluate.quality import REASONS
from cl2d.simulate import SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from collections.abc import Iterator

JUNK: dict[str, dict[str, Any]] = {
    "no junk": {
        "molecule_seed": 5,
        "n_particles": 1500,
        "n_views": 10,
        "snr": 0.08,
        "noise": "ice",
        "view_exponent": 1.0,
        "seed": 4,
    },
    "10 %, snr 0.05": {
        "molecule_seed": 31,
        "snr": 0.05,
        "junk_fraction": 0.1,
        "noise": "ice",
        "ctf": "raw",
    },
    "20 %, snr 0.2": {"molecule_seed": 13, "snr": 0.2, "junk_fraction": 0.2, "solvent": 0.3},
    "30 %, snr 0.1": {
        "molecule_seed": 4,
        "snr": 0.1,
        "junk_fraction": 0.3,
        "noise": "ice",
        "ctf": "flipped",
    },
    "40 %, snr 0.1": {
        "molecule_seed": 21,
        "snr": 0.1,
        "junk_fraction": 0.4,
        "noise": "ice",
        "ctf": "raw",
        "view_exponent": 0.5,
    },
}
"""Sets of other molecules: 2000 particles of 12 views, unless stated."""

EXTRA_CLASSES = 2
"""More classes than views, so that junk finds classes of its own."""


def main() -> None:
    """Classify each set with each seed and print what is selected."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+", help=f"of {', '.join(SIMULATED)}, junk, or stored")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data", default=os.environ.get("CL2D_BENCH_DATA", "."))
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument(
        "--set-option", metavar="NAME=VALUE", action="append", default=[], type=named_value
    )
    options = parser.parse_args()
    for bench, n_classes in sets(options.sets, Path(options.data)):
        for seed in range(options.seeds):
            result = cl2d.classify(
                bench.source,
                n_classes=n_classes,
                seed=seed,
                threads=options.threads,
                **dict(options.set_option),
            )
            print(f"{bench.name} seed {seed}: {report(bench, result)}", flush=True)


def sets(names: list[str], data: Path) -> Iterator[tuple[BenchSet, int]]:
    """Yield the sets asked for and how many classes to make; ``junk``: all of ``JUNK``."""
    for name in names:
        if name == "junk":
            for title, values in JUNK.items():
                made = simulate_particles(
                    SimulationOptions(**{"n_particles": 2000, "n_views": 12, **values})
                )
                source = cl2d.array_source(made.images, made.options.pixel_size_angstrom)
                bench = BenchSet(title, source, made.truth, made.views)
                yield bench, bench.default_classes() + EXTRA_CLASSES
        else:
            bench = simulated_set(name) if name in SIMULATED else stored_set(name, data)
            yield bench, bench.default_classes()


def report(bench: BenchSet, result: cl2d.Classification) -> str:
    """Return the shares of junk and of good particles that are not selected, and the classes."""
    good, labels = bench.truth.good, result.labels
    evaluation = result.evaluations[-1]
    by_class = (labels < 0) | ~evaluation.selected[labels]
    by_core = ~result.cores[-1].is_core
    sizes = np.bincount(labels[labels >= 0], minlength=result.n_classes)
    n_good = np.bincount(labels[good & (labels >= 0)], minlength=result.n_classes)
    mostly_junk = 2 * n_good < sizes
    dropped = ~evaluation.selected
    reasons = [sum(name in found for found in evaluation.reasons) for name in REASONS]
    parts = [
        f"{name} junk {share(gone, ~good)} good {share(gone, good)}"
        for name, gone in (
            ("auto", by_class),
            ("core", by_core),
            ("auto or core", by_class | by_core),
        )
    ]
    counts = f"classes dropped {(dropped & mostly_junk).sum()} of {mostly_junk.sum()} of junk"
    others = f"{(dropped & ~mostly_junk).sum()} of {(~mostly_junk).sum()} others"
    named = ", ".join(f"{name} {n}" for name, n in zip(REASONS, reasons, strict=True))
    return f"{'; '.join(parts)}; {counts}, {others} ({named})"


def share(gone: Any, among: Any) -> str:
    """Return the share of some particles that is gone, a dash where there are none."""
    return f"{gone[among].mean():.3f}" if among.any() else "-"


if __name__ == "__main__":
    main()
