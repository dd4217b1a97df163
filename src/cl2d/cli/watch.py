"""``cl2d watch``: particles that are still arriving."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cl2d import pipeline
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug, Json, OutputFolder, Quiet, flag, takes_options
from cl2d.cli.progress import shown_progress
from cl2d.cli.streams import say
from cl2d.cli.wording import count
from cl2d.errors import InputError
from cl2d.options import ClassifyOptions, build_options
from cl2d.outputs import mark_interrupted
from cl2d.pipeline.watch import NOT_OF_A_WATCH
from cl2d.pipeline.watch_state import read_state

Watched = Annotated[
    Path,
    typer.Argument(
        metavar="DIR|STAR",
        help="A table that grows, or a folder to which tables or stacks are added.",
    ),
]
Poll = Annotated[float, typer.Option("--poll-seconds", help="Pause between two looks.")]
Idle = Annotated[
    float | None,
    typer.Option(
        "--idle-minutes",
        help="End, with a last clustering, when nothing new came for so long.",
        show_default=False,
    ),
]
Once = Annotated[bool, typer.Option("--once", help="Look once, do what is due, and end.")]
Finish = Annotated[
    bool, typer.Option("--finish", help="As --once, with a last clustering of all particles.")
]
FirstAfter = Annotated[
    int | None,
    typer.Option(
        "--first-after",
        help="Particles before the first clustering; by default 50 for each class.",
        show_default=False,
    ),
]
PoorShare = Annotated[
    float,
    typer.Option(
        "--poor-share",
        help="Share of poorly explained new particles beyond which all are clustered again.",
    ),
]


@takes_options(ClassifyOptions, short={"classes": "-k"}, leave_out=NOT_OF_A_WATCH)
def watch(
    watched: Watched,
    output: OutputFolder,
    *,
    poll_seconds: Poll = 30.0,
    idle_minutes: Idle = None,
    once: Once = False,
    finish: Finish = False,
    first_after: FirstAfter = None,
    poor_share: PoorShare = 0.15,
    quiet: Quiet = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
    values: dict[str, Any],
) -> None:
    """Assign particles to classes as they arrive, and cluster all when that is due."""
    options = build_options(values, label=flag)
    flat = {name: value for name, value in options.to_flat().items() if name not in NOT_OF_A_WATCH}

    def mark_run() -> None:
        _mark_interrupted_run(output)

    with (
        interruptible(output, mark_run),
        shown_progress(options.levels, quiet=quiet, as_json=as_json) as tell,
    ):
        state = pipeline.watch(
            watched,
            output,
            poll_seconds=poll_seconds,
            idle_minutes=idle_minutes,
            once=once,
            finish=finish,
            first_after=first_after,
            poor_share=poor_share,
            on_event=tell,
            **flat,
        )
    if not quiet:
        say(f"{count(state.n_images, 'particle')}: {output}")


def _mark_interrupted_run(output: Path) -> None:
    """Let the record of a run say that it was cut off, if one was going on."""
    try:
        state = read_state(output)
    except InputError:
        return
    if state is not None and state.pending is not None:
        mark_interrupted(state.run_folder(state.pending.number))
