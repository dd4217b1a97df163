"""``cl2d relion-external``: a classification as a job of type External of RELION."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cl2d import pipeline
from cl2d.cli.interrupts import interruptible
from cl2d.cli.parameters import Debug
from cl2d.cli.progress import shown_progress
from cl2d.cli.relion_words import RelionCall, output_folder, parse_words
from cl2d.errors import InputFileError
from cl2d.options import ClassifyOptions, build_options
from cl2d.outputs.checkpoint import CheckpointFolder
from cl2d.outputs.log_pages import write_log
from cl2d.outputs.program_folders import RELION
from cl2d.outputs.relion_pipeline import (
    LOG,
    forget_earlier_end,
    is_told_to_stop,
    tell_end,
    write_output_nodes,
)
from cl2d.pipeline import Classification
from cl2d.pipeline.resuming import CompleteRunError, OtherRunError

SECONDS_BETWEEN_LOOKS = 0.5
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="--o JOB/ --in_parts FILE [--LABEL VALUE]...", show_default=False),
]


def relion_external(
    words: Words = None,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
) -> None:
    """Classify as RELION's External job: RELION writes this command line itself.

    Every option of cl2d classify is taken as --label value, with hyphens or underscores.
    """
    given = list(words or ())
    job = output_folder(given)
    job.mkdir(parents=True, exist_ok=True)
    forget_earlier_end(job)
    try:
        with interruptible(job, partial(tell_end, job, "ABORTED")), _stopped_on_request(job):
            _classify(parse_words(given))
    except typer.Exit:  # interrupted, and told
        raise
    except BaseException:
        tell_end(job, "FAILURE")
        raise
    tell_end(job, "SUCCESS")


def _classify(call: RelionCall) -> None:
    for remark in call.remarks:
        print(f"warning: {remark}", flush=True)
    options = build_options(_with_relion_files(call.values), label=_label)
    with shown_progress(options.levels, log=sys.stdout) as tell:
        result = _begun_or_resumed(call, options, tell)
    write_log(call.output / LOG, result)
    write_output_nodes(call.output)
    print(f"results: {call.output}", flush=True)


def _begun_or_resumed(
    call: RelionCall, options: ClassifyOptions, tell: Callable[[object], None]
) -> Classification:
    """Go on with the job where an earlier process of it was cut off; else begin it.

    A job that RELION continues has the same command line as one whose parameters were changed:
    only the checkpoint tells whether it is the same.
    """

    def run(*, resume: bool) -> Classification:
        return pipeline.classify(
            call.particles,
            output=call.output,
            resume=resume,
            on_event=tell,
            **options.to_flat(),
        )

    if CheckpointFolder(call.output).files():
        try:
            return run(resume=True)
        except CompleteRunError:
            pass
        except (OtherRunError, InputFileError) as error:
            print(f"warning: the job begins anew: {error}", flush=True)
    return run(resume=False)


def _with_relion_files(values: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a job that may be run again, and that RELION can read."""
    formats = [word for word in str(values.get("format", "")).split(",") if word.strip()]
    others = [word for word in formats if word.strip() not in (RELION, "none")]
    return {**values, "overwrite": True, "format": ",".join([RELION, *others])}


def _label(name: str) -> str:
    return f"--{name}"


@contextmanager
def _stopped_on_request(job: Path) -> Iterator[None]:
    """Interrupt the body, as a signal would, once RELION's user asks for its end."""
    left = threading.Event()

    def look() -> None:
        while not left.wait(SECONDS_BETWEEN_LOOKS):
            if is_told_to_stop(job):
                os.kill(os.getpid(), signal.SIGTERM)
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        left.set()
        watcher.join()
