"""What flipping phases is worth, and whether images show that it has to be done.

    python bench/ctf.py fine hard --molecules 5

simulates particles of several molecules, as the microscope leaves them and with phases flipped, and
classifies them. A line for each way of treating the phases tells what was done and how well the
classes agree with the truth. The tables do not say whether phases are flipped: without the option
the program has to find out, and flip those of raw particles only.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.io import StarBlock, read_star, write_star
from cl2d.simulate import SimulationOptions, simulate_particles
from cl2d.simulate.files import STAR_NAME, write_simulation

if TYPE_CHECKING:
    from collections.abc import Sequence

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
TREATMENTS = ("automatic", "none", "flip")
FLAG = "rlnCtfDataArePhaseFlipped"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for and print a line a run."""
    options = parse(arguments)
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
    parser.add_argument("--ctf", nargs="+", choices=TREATMENTS, default=TREATMENTS)
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
                n_classes=16,
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


def forget_state(star: Path) -> None:
    """Remove from a table what says whether phases are flipped, as most programs write it."""
    blocks = read_star(star)
    optics = {key: value for key, value in blocks["optics"].columns.items() if key != FLAG}
    write_star(star, {**blocks, "optics": StarBlock(optics)})


if __name__ == "__main__":
    raise SystemExit(main())
