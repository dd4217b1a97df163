"""A simulated set on disk: stack, table, truth and clean views."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, cast

import numpy as np

from cl2d.errors import InputFileError
from cl2d.events import PhaseFinished, PhaseProgress, PhaseStarted, ignore_event
from cl2d.io.atomic import atomic_path
from cl2d.io.mrc import write_stack
from cl2d.io.star import write_star
from cl2d.io.star_block import StarBlock
from cl2d.simulate.optics import AMPLITUDE_CONTRAST, SPHERICAL_ABERRATION_MM, VOLTAGE_KV
from cl2d.simulate.truth import JUNK_KINDS, Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from cl2d.simulate.particles import SimulatedStack, Simulation

STACK_NAME, STAR_NAME, TRUTH_NAME = "particles.mrcs", "particles.star", "truth.csv"
VIEWS_NAME, OPTIONS_NAME = "views.mrcs", "simulation.json"
TRUTH_COLUMNS = (
    "index",
    "view",
    "rot",
    "tilt",
    "psi",
    "inplane_deg",
    "shift_x",
    "shift_y",
    "mirror",
    "defocus_u",
    "defocus_v",
    "defocus_angle",
    "amplitude",
    "junk_type",
    "micrograph",
)
PHASE = "simulating"


@dataclass(frozen=True)
class _ReportedStack:
    """A simulated stack that says how far it has been read."""

    stack: SimulatedStack
    on_event: Callable[[object], None]

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.stack.shape

    def __len__(self) -> int:
        return len(self.stack)

    def __getitem__(self, rows: slice) -> npt.NDArray[np.float32]:
        images = self.stack[rows]
        done = rows.indices(len(self))[1]
        self.on_event(PhaseProgress(PHASE, done, len(self)))
        return images


def write_simulation(
    folder: str | Path,
    simulation: Simulation,
    *,
    on_event: Callable[[object], None] | None = None,
) -> None:
    """Write ``particles.mrcs``, ``particles.star``, ``truth.csv`` and ``simulation.json``.

    Discrete views are written too, clean, as ``views.mrcs``. Images are made block by block, so the
    set need not fit in memory. Files of these names are replaced; each appears whole or not at all,
    the table last, so that where it stands the set is complete.

    Parameters
    ----------
    folder
        Made if missing.
    simulation
    on_event
        Called with phase events.

    Raises
    ------
    InputFileError
        If the folder cannot be made or written to.
    """
    target = _prepare_folder(Path(folder))
    options = simulation.options
    report = on_event or ignore_event
    report(PhaseStarted(PHASE, options.n_particles))
    started = perf_counter()
    stack = _ReportedStack(simulation.stack, report)
    # write_stack takes one slice after another, of anything with a shape.
    images = cast("npt.NDArray[np.float32]", stack)
    write_stack(target / STACK_NAME, images, options.pixel_size_angstrom)
    if options.n_views > 0:
        write_stack(target / VIEWS_NAME, simulation.views, options.pixel_size_angstrom)
    write_truth(target / TRUTH_NAME, simulation.truth)
    with atomic_path(target / OPTIONS_NAME) as path:
        path.write_text(options.model_dump_json(indent=2) + "\n", encoding="utf-8")
    write_star(target / STAR_NAME, particle_table(simulation, STACK_NAME))
    report(PhaseFinished(PHASE, perf_counter() - started))


def particle_table(simulation: Simulation, stack_name: str) -> dict[str, StarBlock]:
    """Return the RELION 3.1 blocks of a set: no poses, defocus where there is a CTF."""
    options, truth = simulation.options, simulation.truth
    optics: dict[str, list[str]] = {
        "rlnOpticsGroup": ["1"],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnVoltage": [f"{VOLTAGE_KV:.6f}"],
        "rlnSphericalAberration": [f"{SPHERICAL_ABERRATION_MM:.6f}"],
        "rlnAmplitudeContrast": [f"{AMPLITUDE_CONTRAST:.6f}"],
        "rlnImagePixelSize": [f"{options.pixel_size_angstrom:.6f}"],
        "rlnImageSize": [str(options.box_px)],
        "rlnImageDimensionality": ["2"],
        "rlnCtfDataAreCtfPremultiplied": ["0"],
        "rlnCtfDataArePhaseFlipped": ["1" if options.ctf == "flipped" else "0"],
    }
    particles: dict[str, list[str] | npt.NDArray[np.generic]] = {
        "rlnImageName": [f"{number:06d}@{stack_name}" for number in range(1, len(truth) + 1)],
        "rlnMicrographName": [f"mic{number:05d}.mrc" for number in truth.micrograph.tolist()],
        "rlnOpticsGroup": np.ones(len(truth), dtype=np.int64),
    }
    if truth.has_ctf:
        particles["rlnDefocusU"] = truth.defocus_angstrom[:, 0]
        particles["rlnDefocusV"] = truth.defocus_angstrom[:, 1]
        particles["rlnDefocusAngle"] = truth.defocus_angle_deg
    return {"optics": StarBlock(optics), "particles": StarBlock(particles)}


def write_truth(path: str | Path, truth: Truth) -> None:
    """Write the truth as a table of comma-separated values, one row a particle.

    The view is -1 for junk and empty where views are not discrete; unknown numbers are empty.
    """
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(TRUTH_COLUMNS)
        writer.writerows(_truth_rows(truth))


def read_truth(path: str | Path) -> Truth:
    """Read a truth table back.

    Raises
    ------
    InputFileError
        If the file is missing, lacks a column or holds a value that is no number.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        text = {name: [row[name] for row in rows] for name in TRUTH_COLUMNS}
        number = {name: _numbers(text[name]) for name in TRUTH_COLUMNS[:-2]}
        micrograph = np.array([int(name.removeprefix("mic")) for name in text["micrograph"]])
        # Other writers say offcentre.
        kinds = {kind.replace("_", ""): index for index, kind in enumerate(JUNK_KINDS)}
        junk = np.array([kinds[kind.replace("_", "")] for kind in text["junk_type"]])
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise InputFileError(message) from error
    except (KeyError, ValueError) as error:
        message = f"{path}: must be a truth table with columns {', '.join(TRUTH_COLUMNS)} ({error})"
        raise InputFileError(message) from error
    return Truth(
        view=np.nan_to_num(number["view"], nan=-1.0).astype(np.int32),
        euler_deg=np.stack([number["rot"], number["tilt"], number["psi"]], axis=1),
        in_plane_deg=number["inplane_deg"],
        shift_px=np.stack([number["shift_x"], number["shift_y"]], axis=1),
        mirror=number["mirror"] > 0,
        defocus_angstrom=np.stack([number["defocus_u"], number["defocus_v"]], axis=1),
        defocus_angle_deg=number["defocus_angle"],
        amplitude=number["amplitude"],
        junk=junk.astype(np.int8),
        micrograph=micrograph.astype(np.int32),
    )


def _prepare_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # An older table must not stand beside new images.
        (folder / STAR_NAME).unlink(missing_ok=True)
    except OSError as error:
        message = f"{folder}: must be a folder that can be written to ({error.strerror})"
        raise InputFileError(message) from error
    return folder


def _truth_rows(truth: Truth) -> Iterator[list[str]]:
    has_views = truth.has_views
    for row in range(len(truth)):
        junk = int(truth.junk[row])
        numbers = [
            *truth.euler_deg[row],
            truth.in_plane_deg[row],
            *truth.shift_px[row],
            float(truth.mirror[row]),
            *truth.defocus_angstrom[row],
            truth.defocus_angle_deg[row],
            truth.amplitude[row],
        ]
        view = str(truth.view[row]) if has_views or junk else ""
        cells = ["" if np.isnan(value) else f"{value:.10g}" for value in numbers]
        yield [str(row), view, *cells, JUNK_KINDS[junk], f"mic{truth.micrograph[row]:05d}"]


def _numbers(column: list[str]) -> npt.NDArray[np.float64]:
    return np.array([float(value) if value else np.nan for value in column])
