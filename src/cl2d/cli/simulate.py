"""``cl2d simulate``: particles whose views and poses are known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Json, OutputFolder, Quiet, flag, takes_options
from cl2d.cli.progress import shown_progress
from cl2d.cli.streams import say
from cl2d.cli.wording import count
from cl2d.errors import InputError
from cl2d.options import readable_error
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write into a folder with files.")]


@takes_options(SimulationOptions, short={"n_particles": "-n"})
def simulate(
    *,
    output: OutputFolder,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
    values: dict[str, Any],
) -> None:
    """Simulate a stack of particles and write it with its truth."""
    options = simulation_options(values)
    refuse_used_folder(output, overwrite=overwrite)
    with interruptible(output), shown_progress(quiet=quiet, as_json=as_json) as tell:
        write_simulation(output, simulate_particles(options), on_event=tell)
    if not quiet:
        particles = count(options.n_particles, "particle")
        say(f"{particles} of {options.box_px} px: {output}")


def simulation_options(values: Mapping[str, object]) -> SimulationOptions:
    """Return the options, with errors in the words of the command line."""
    try:
        return SimulationOptions.model_validate(dict(values))
    except ValidationError as error:
        raise readable_error(error, flag) from None


def refuse_used_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds anything, unless its files may be replaced."""
    if folder.exists() and not folder.is_dir():
        message = f"the output must be a folder, not the file '{folder}'"
        raise InputError(message)
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        message = f"the output folder must be empty, but '{folder}' is not; --overwrite allows it"
        raise InputError(message)
