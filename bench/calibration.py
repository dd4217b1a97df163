"""Whether confidences are what they say: of images with confidence p, a share of p is right.

Examples (see README.md):

    CL2D_BENCH_DATA=FOLDER python bench/calibration.py A64 B64 C128 E64
    python bench/calibration.py molecules --seeds 1

An image is right if its view is the one that most good members of its class show. Good particles
only. Views that have no class of their own make images wrong that no comparison with the averages
can tell; ``with a class`` leaves these images out.
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
from cl2d.simulate import SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

N_BINS = 10
MOLECULES: dict[str, dict[str, Any]] = {
    "snr 0.3": {"molecule_seed": 11, "snr": 0.3, "solvent": 0.2},
    "snr 0.1, alike": {"molecule_seed": 9, "snr": 0.1, "solvent": 0.0, "view_exponent": 1.0},
    "snr 0.1, ice": {"molecule_seed": 12, "snr": 0.1, "noise": "ice", "ctf": "flipped"},
    "snr 0.05": {"molecule_seed": 3, "snr": 0.05, "n_views": 10},
    "snr 0.05, junk": {
        "molecule_seed": 7,
        "snr": 0.05,
        "noise": "ice",
        "ctf": "raw",
        "junk_fraction": 0.15,
    },
    "snr 0.03, ice": {"molecule_seed": 5, "snr": 0.03, "noise": "ice", "ctf": "flipped"},
}
"""Sets of other molecules, 2000 particles of 12 views unless stated."""


def main() -> None:
    """Classify each set with each seed and print its calibration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+", help=f"of {', '.join(SIMULATED)}, molecules, or stored")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--data", default=os.environ.get("CL2D_BENCH_DATA", "."))
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--no-tables", action="store_true", help="one line a run, no reliability")
    parser.add_argument(
        "--set-option", metavar="NAME=VALUE", action="append", default=[], type=named_value
    )
    options = parser.parse_args()
    chosen = {"evaluate": False, "core": False, "threads": options.threads}
    for bench in sets(options.sets, Path(options.data)):
        for seed in range(options.seeds):
            result = cl2d.classify(
                bench.source,
                n_classes=bench.default_classes(),
                seed=seed,
                **chosen,
                **dict(options.set_option),
            )
            report(f"{bench.name} seed {seed}", bench, result, tables=not options.no_tables)


def sets(names: list[str], data: Path) -> Iterator[BenchSet]:
    """Yield the sets asked for; ``molecules`` stands for all of ``MOLECULES``."""
    for name in names:
        if name == "molecules":
            for title, values in MOLECULES.items():
                chosen = {"n_particles": 2000, "n_views": 12, **values}
                made = simulate_particles(SimulationOptions(**chosen))
                source = cl2d.array_source(made.images, made.options.pixel_size_angstrom)
                yield BenchSet(title, source, made.truth, made.views)
        else:
            yield simulated_set(name) if name in SIMULATED else stored_set(name, data)


def report(name: str, bench: BenchSet, result: cl2d.Classification, *, tables: bool) -> None:
    """Print the summary of a run and its reliability table."""
    good = bench.truth.good & (result.labels >= 0)
    labels, views = result.labels[good], bench.truth.view[good]
    shown = majority_views(labels, views, result.n_classes)
    right = shown[labels] == views
    p = result.confidence[good].astype(np.float64)
    margin = result.levels[-1].margin[good].astype(np.float64)
    has_class = np.isin(views, shown)
    print(
        f"{name}: right {right.mean():.3f}, mean confidence {p.mean():.3f}, "
        f"ECE {expected_calibration_error(p, right):.4f}, Brier {brier(p, right):.4f} "
        f"(margin as probability: {expected_calibration_error(margin, right):.4f}, "
        f"{brier(margin, right):.4f}); "
        f"with a class {has_class.mean():.3f}: right {right[has_class].mean():.3f}, "
        f"ECE {expected_calibration_error(p[has_class], right[has_class]):.4f}",
        flush=True,
    )
    if tables:
        print("    confidence  mean p   right  images")
        for low, mean, share, count in reliability(p, right):
            print(f"    {low:.1f} - {low + 1 / N_BINS:.1f}    {mean:.3f}   {share:.3f}  {count:6d}")


def majority_views(
    labels: npt.NDArray[np.int32], views: npt.NDArray[np.int32], n_classes: int
) -> npt.NDArray[np.intp]:
    """Return the view most members of each class show, -1 for a class without good particles."""
    shown = np.full(n_classes, -1, dtype=np.intp)
    for k in np.unique(labels):
        shown[k] = np.bincount(views[labels == k]).argmax()
    return shown


def reliability(p: Values, right: Flags) -> list[tuple[float, float, float, int]]:
    """Return lower limit, mean probability, share that is right and images of each filled bin."""
    place = np.clip((p * N_BINS).astype(int), 0, N_BINS - 1)
    return [
        (b / N_BINS, float(p[place == b].mean()), float(right[place == b].mean()), int(n))
        for b, n in enumerate(np.bincount(place, minlength=N_BINS))
        if n
    ]


def expected_calibration_error(p: Values, right: Flags) -> float:
    """Return the mean distance of confidence and share that is right over bins, by images."""
    rows = reliability(p, right)
    return sum(n * abs(mean - share) for _, mean, share, n in rows) / max(len(p), 1)


def brier(p: Values, right: Flags) -> float:
    """Return the mean square of the error of the probabilities."""
    return float(np.square(p - right).mean())


if __name__ == "__main__":
    main()
