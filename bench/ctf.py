"""What flipping phases is worth, and whether images show that it has to be done.

    python bench/ctf.py fine hard --molecules 5

simulates particles of several molecules, as the microscope leaves them and with phases flipped, and
classifies them. A line for each way of treating the phases tells what was done and how well the
classes agree with the truth. The tables do not say whether phases are flipped: without the option
the program has to find out, and flip those of raw particles only.

    python bench/ctf.py fine --molecules 3 --averages --snr 0.2 0.5

compares the averages that are delivered with what their members show without noise and without a
CTF at the same poses: correlation, grey values (slope), and by ring amplitude and correlation.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.io import StarBlock, array_source, read_star, write_star
from cl2d.outputs.averages import raw_averages
from cl2d.preprocess.ctf_weighted import SmoothRings
from cl2d.simulate import SimulationOptions, simulate_particles
from cl2d.simulate.files import STAR_NAME, write_simulation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from cl2d.pipeline.classification import Classification
    from cl2d.simulate.particles import Simulation

    Images = npt.NDArray[np.float32]

COMMON: dict[str, Any] = {"n_views": 16, "noise": "ice"}
SIMULATED: dict[str, dict[str, Any]] = {
    "fine": {
        "n_particles": 3000,
        "box_px": 96,
        "pixel_size_angstrom": 2.2,
        "snr": 0.2,
        "shift_sd_px": 3.0,
        "view_exponent": 0.5,
        "junk_fraction": 0.1,
        "n_blobs": 400,
    },
    "hard": {"n_particles": 4000, "view_exponent": 1.0, "junk_fraction": 0.15},
}
STATES = ("raw", "flipped")
TREATMENTS = ("automatic", "none", "flip", "full")
PRINTED_RINGS = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40)
FLAG = "rlnCtfDataArePhaseFlipped"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for and print a line a run."""
    options = parse(arguments)
    if options.averages:
        for name in options.sets:
            for snr in options.snr or [SIMULATED[name].get("snr", 0.1)]:
                for molecule in range(options.molecules):
                    with tempfile.TemporaryDirectory() as folder:
                        compare_averages(name, snr, molecule, Path(folder), options)
        return 0
    for name in options.sets:
        for molecule in range(options.molecules):
            for state in options.states:
                with tempfile.TemporaryDirectory() as folder:
                    compare(name, molecule, state, Path(folder), options)
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=["fine"], help=f"of {', '.join(SIMULATED)}")
    parser.add_argument("--molecules", type=int, default=3, help="molecules of each set")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each, seeds from 0")
    parser.add_argument("--states", nargs="+", choices=STATES, default=STATES)
    parser.add_argument("--ctf", nargs="+", choices=TREATMENTS, default=TREATMENTS[:3])
    parser.add_argument("--averages", action="store_true", help="compare averages, not classes")
    parser.add_argument("--snr", nargs="+", type=float, help="of --averages; default: the set's")
    parser.add_argument("--particles", type=int, help="images of --averages; default: the set's")
    parser.add_argument("--classes", type=int, default=16)
    parser.add_argument("--threads", type=int, help="default: all cores")
    return parser.parse_args(arguments)


def compare(
    name: str, molecule: int, state: str, folder: Path, options: argparse.Namespace
) -> None:
    """Classify one simulated set in every way asked for."""
    chosen = {**COMMON, **SIMULATED[name], "molecule_seed": molecule, "seed": molecule}
    simulation = simulate_particles(SimulationOptions.from_flat(**chosen, ctf=state))
    write_simulation(folder, simulation)
    forget_state(folder / STAR_NAME)
    views = simulation.truth.view
    good = views >= 0
    for seed in range(options.seeds):
        for ctf in options.ctf:
            started = time.process_time()
            run = cl2d.classify(
                folder / STAR_NAME,
                n_classes=options.classes,
                seed=seed,
                ctf=None if ctf == "automatic" else ctf,
                core=False,
                evaluate=False,
                threads=options.threads,
            )
            index = adjusted_rand_index(views[good], run.labels[good])
            print(
                f"{name} molecule {molecule} {state}, seed {seed}: {ctf} did {run.plan.ctf}, "
                f"ARI {index:.3f}, last ring {run.plan.k_max}, "
                f"{time.process_time() - started:.1f} CPU s",
                flush=True,
            )


def compare_averages(
    name: str, snr: float, molecule: int, folder: Path, options: argparse.Namespace
) -> None:
    """Compare the averages of raw particles, taken in each way, with the true ones."""
    chosen = {**COMMON, **SIMULATED[name], "molecule_seed": molecule, "seed": molecule, "snr": snr}
    if options.particles is not None:
        chosen["n_particles"] = options.particles
    simulation = simulate_particles(SimulationOptions.from_flat(**chosen, ctf="raw"))
    write_simulation(folder, simulation)
    rings = "".join(f"{ring:7d}" for ring in PRINTED_RINGS)
    print(f"{name} molecule {molecule}, SNR {snr:g}; ring{rings}", flush=True)
    for ctf in options.ctf:
        run = cl2d.classify(
            folder / STAR_NAME,
            n_classes=options.classes,
            seed=0,
            ctf=None if ctf == "automatic" else ctf,
            core=False,
            evaluate=False,
            threads=options.threads,
        )
        report_averages(ctf, run, true_averages(simulation, run))


def true_averages(simulation: Simulation, run: Classification) -> Images:
    """Return what the good members of each class show at their poses, on the particles' scale."""
    clean = simulate_particles(
        simulation.options.model_copy(update={"ctf": "none", "noise": "white"})
    )
    scale = np.float32(simulation.signal_scale / clean.signal_scale)
    images = scale * clean.signal(0, len(simulation.truth))
    labels = np.where(simulation.truth.good, run.labels, np.int32(-1))
    level = replace(run.levels[-1], labels=labels)
    return raw_averages(array_source(images), [level], 1)[0]


def report_averages(ctf: str, run: Classification, truth: Images) -> None:
    """Print medians over the classes of what their averages have in common with the truth."""
    rings = SmoothRings(truth.shape[-1]).rings
    correlations, slopes, amplitudes, ring_correlations = [], [], [], []
    for average, true in zip(run.averages, truth, strict=True):
        if not true.any():
            continue
        correlations.append(np.corrcoef(average.ravel(), true.ravel())[0, 1])
        slopes.append(np.polyfit(true.ravel(), average.ravel(), 1)[0])
        one, other = (np.fft.rfft2(image.astype(np.float64)) for image in (average, true))
        power, true_power = rings(np.abs(one) ** 2), rings(np.abs(other) ** 2)
        amplitudes.append(np.sqrt(power / true_power))
        cross = rings((one * other.conj()).real)
        ring_correlations.append(cross / np.maximum(np.sqrt(power * true_power), 1e-300))
    shown = [ring for ring in PRINTED_RINGS if ring < rings.box_px // 2]
    print(
        f"  {ctf:>9}: correlation {np.median(correlations):.3f}, least {np.min(correlations):.3f}, "
        f"slope {np.median(slopes):.2f}, averaged in {run.timings['averages']:.1f} s"
    )
    for what, values in (("amplitude", amplitudes), ("FRC", ring_correlations)):
        medians = np.median(values, axis=0)
        print(f"  {what:>30}" + "".join(f"{medians[ring]:7.2f}" for ring in shown), flush=True)


def forget_state(star: Path) -> None:
    """Remove from a table what says whether phases are flipped, as most programs write it."""
    blocks = read_star(star)
    optics = {key: value for key, value in blocks["optics"].columns.items() if key != FLAG}
    write_star(star, {**blocks, "optics": StarBlock(optics)})


if __name__ == "__main__":
    raise SystemExit(main())
