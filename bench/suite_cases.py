"""The cases of the suite: particles, number of classes, and the figure each is judged by."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_sets import BenchSet, stored_set

from cl2d.errors import InputError
from cl2d.io import array_source
from cl2d.simulate import Simulation, SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from collections.abc import Sequence

ARI, PURITY, KEPT = "adjusted_rand_index", "purity", "kept_together"
ANGLE, LARGEST = "angle_to_mean_deg", "largest_over_even"
SPECIAL_OPTIONS = {
    "n_blobs": "{} blobs",
    "solvent": "solvent {:g}",
    "molecule_radius": "radius {:g} of the box",
    "shift_sd_px": "shift sd {:g} px",
    "pixel_size_angstrom": "{:g} A/px",
}
"""Options of the simulator that are told only where they are not the usual ones."""


@dataclass(frozen=True)
class Case:
    """Particles, how many classes they go to, and what the classes are judged by.

    Attributes
    ----------
    name
        Of the case, and of its set where the data folder holds it.
    n_classes
    asks
        The question, in a few words.
    judged_by
        Key of the figure that counts; it also says which table the case is in.
    simulation
        Options of the simulator; None for a set of the data folder.
    particles
        What a stored set shows, in words; simulated ones are told by their options.
    ctf
        Contrast transfer of a stored set, in the simulator's words.
    max_seeds
        Most runs, for cases that take minutes.
    """

    name: str
    n_classes: int
    asks: str
    judged_by: str = ARI
    simulation: dict[str, Any] | None = None
    particles: str = ""
    ctf: str = "none"
    max_seeds: int | None = None

    @property
    def contrast_transfer(self) -> str:
        """The contrast transfer of the particles: none, flipped or raw."""
        return self.ctf if self.simulation is None else str(self.simulation["ctf"])

    def definition(self) -> dict[str, Any]:
        """Return what results depend on: those of another definition are not of this case."""
        return {
            "n_classes": self.n_classes,
            "judged_by": self.judged_by,
            "contrast_transfer": self.contrast_transfer,
            "simulation": self.simulation,
        }

    def seeds(self, n_seeds: int) -> range:
        """Return the seeds to run where ``n_seeds`` are asked for."""
        return range(min(n_seeds, self.max_seeds or n_seeds))


@dataclass(frozen=True)
class LoadedCase:
    """A case with its particles; ``simulation`` where they are the simulator's."""

    case: Case
    bench_set: BenchSet
    simulation: Simulation | None


def read_cases(path: Path) -> dict[str, Case]:
    """Return the cases of a TOML file by name, in its order."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    cases = {}
    for name, table in tables["case"].items():
        if "simulation" in table:
            table["simulation"] = {**tables["usual"], **table["simulation"]}
        cases[name] = Case(name, **table)
    return cases


CASES = read_cases(Path(__file__).with_suffix(".toml"))


def chosen_cases(names: Sequence[str] | None) -> list[Case]:
    """Return the cases named, all by default.

    Raises
    ------
    InputError
        If a name is none of a case.
    """
    unknown = sorted(set(names or ()) - set(CASES))
    if unknown:
        message = f"*cases* must be of {', '.join(CASES)}, not {', '.join(unknown)}"
        raise InputError(message)
    return [case for name, case in CASES.items() if not names or name in names]


def load_case(case: Case, data: Path | None) -> LoadedCase:
    """Return a case with its particles.

    Raises
    ------
    InputError
        If a stored set is asked for and its folder, or a file of it, is missing.
    """
    if case.simulation is not None:
        simulation = simulate_particles(SimulationOptions(**case.simulation))
        source = array_source(simulation.images, simulation.options.pixel_size_angstrom)
        bench_set = BenchSet(case.name, source, simulation.truth, simulation.views)
        return LoadedCase(case, bench_set, simulation)
    if data is None:
        message = f"--data must name the folder that holds {case.name}.star"
        raise InputError(message)
    return LoadedCase(case, stored_set(case.name, data), None)


def described_particles(case: Case) -> str:
    """Return in a few words what the particles of a case are."""
    if case.simulation is None:
        return case.particles
    options = SimulationOptions(**case.simulation)
    if case.judged_by == LARGEST:
        return {"white": "white noise", "ice": "noise as of ice"}[options.noise]
    population = "every direction" if options.n_views == 0 else ""
    if options.view_exponent:
        population = f"p ~ rank^-{options.view_exponent:g}"
    values, usual = options.model_dump(), SimulationOptions().model_dump()
    words = [
        f"molecule {options.molecule_seed}",
        population,
        f"SNR {options.snr:g}",
        "no CTF" if options.ctf == "none" else f"CTF {options.ctf}",
        "ice" if options.noise == "ice" else "white noise",
        f"{100 * options.junk_fraction:g} % junk" if options.junk_fraction else "",
    ]
    words += [
        text.format(values[name])
        for name, text in SPECIAL_OPTIONS.items()
        if values[name] != usual[name]
    ]
    return ", ".join(word for word in words if word)
