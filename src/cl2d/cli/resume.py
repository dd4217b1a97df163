"""``cl2d resume``: go on with a run that was cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cl2d import pipeline
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Json, Quiet, Threads, takes_options
from cl2d.cli.progress import shown_progress
from cl2d.cli.streams import say
from cl2d.errors import InputError
from cl2d.options import ClassifyOptions, ClusterOptions, read_config
from cl2d.outputs.folder import RUN_RECORD
from cl2d.outputs.saved_run import read_run_record

Unfinished = Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the unfinished run.")]
OfRun = Annotated[
    Path | None,
    typer.Option(
        "--particles",
        metavar="FILE",
        help="The particles of the run, where they are not found under the name it knew them by.",
    ),
]
MaxTime = Annotated[
    str | None,
    typer.Option(
        "--max-time", help="Time after which an unfinished run stops again, such as 11:30:00."
    ),
]
MaxMemory = Annotated[
    str | None, typer.Option("--max-memory", help="Memory that the run may take, such as 8GB.")
]
ScratchDir = Annotated[
    str | None, typer.Option("--scratch-dir", help="Folder of the scratch file, if there is one.")
]


@takes_options(ClusterOptions)
def resume(
    *,
    run: Unfinished,
    particles: OfRun = None,
    threads: Threads = None,
    max_time: MaxTime = None,
    max_memory: MaxMemory = None,
    scratch_dir: ScratchDir = None,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
    values: dict[str, Any],
) -> None:
    """Go on with a run that was interrupted, killed or failed, to the same result."""
    record = read_run_record(run)
    job = read_config(run / RUN_RECORD)
    found = particles or job.particles
    if found is None or str(found) == "array":
        message = "--particles must be given: the run was made from an array"
        raise typer.BadParameter(message)
    _refuse_missing(found, run)
    machine = {
        "storage": record["options"]["run"]["storage"],  # as asked for, not as chosen then
        "threads": threads,
        "max_time": max_time,
        "max_memory": max_memory,
        "scratch_dir": scratch_dir,
    }
    given = {name: value for name, value in machine.items() if value is not None}
    options = ClassifyOptions.from_flat(**{**job.values, **given, **values})
    with (
        interruptible(run),
        shown_progress(options.levels, quiet=quiet, as_json=as_json) as tell,
    ):
        flat = options.to_flat()
        pipeline.classify(found, output=run, resume=True, on_event=tell, **flat)
    if not quiet:
        say(f"results: {run}")


def _refuse_missing(particles: Path, run: Path) -> None:
    """Say where else to begin if the particles of a run are not found from here."""
    is_plain = not {"@", "+"} & set(str(particles))  # a block of a table, or tables joined
    if is_plain and not particles.exists():
        message = (
            f"the particles of {run} must be where it found them, but {particles} does not exist "
            "from here: go to where it was started, or give --particles"
        )
        raise InputError(message)
