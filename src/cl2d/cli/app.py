"""The program ``cl2d``: its commands, and what its exit code says."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

import cl2d
from cl2d.cli.align import align
from cl2d.cli.assign import assign
from cl2d.cli.classify import classify
from cl2d.cli.compare import compare
from cl2d.cli.cores import cores
from cl2d.cli.demo import demo
from cl2d.cli.evaluate import evaluate
from cl2d.cli.info import info
from cl2d.cli.interrupts import EXIT_INTERRUPTED
from cl2d.cli.progress import ReaderGoneError
from cl2d.cli.relion_external import relion_external
from cl2d.cli.report import report
from cl2d.cli.resume import resume
from cl2d.cli.schema import schema
from cl2d.cli.select import select
from cl2d.cli.simulate import simulate
from cl2d.cli.streams import drop_unwritten, open_missing_streams, say
from cl2d.cli.watch import watch
from cl2d.errors import InputError
from cl2d.pipeline.resuming import CompleteRunError

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2

# Usage errors of the command-line library, which has had more than one public place for them.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="cl2d",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    *(classify, resume, watch, align, assign, cores, evaluate, report, select, compare),
    *(simulate, demo, info, schema),
):
    app.command()(command)
# Its words are RELION's, and no two of them need be known here.
_words_of_others = {"ignore_unknown_options": True, "allow_extra_args": True}
app.command("relion-external", context_settings=_words_of_others)(relion_external)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"cl2d {cl2d.build_info()['version']}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Classify cryo-EM particle images in two dimensions."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(EXIT_BAD_INPUT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done; 1: the run failed; 2: bad usage or bad input; 75: stopped at its --max-time; 129, 130
    or 143: interrupted by SIGHUP, SIGINT or SIGTERM. Errors are one line on standard error;
    ``--debug`` adds the traceback.

    Parameters
    ----------
    arguments
        Words after the program's name; None takes those of the process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    open_missing_streams()
    code = _run(words)
    drop_unwritten()
    return code


def _run(words: list[str]) -> int:
    try:
        code = app(args=words, prog_name="cl2d", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        if "--debug" in words:
            traceback.print_exc()
        return _failed(error)
    except KeyboardInterrupt:
        say("cl2d: interrupted")
        return EXIT_INTERRUPTED
    return code if isinstance(code, int) else EXIT_DONE


def _failed(error: Exception) -> int:
    """Say what went wrong in one line and return the exit code."""
    if isinstance(error, typer.Abort):  # some versions of the library turn Ctrl-C into this
        say("cl2d: interrupted")
        return EXIT_INTERRUPTED
    if isinstance(error, (ReaderGoneError, BrokenPipeError)):
        # The interpreter would try once more to write what is left, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        message, code = str(error), EXIT_FAILED
    elif isinstance(error, CompleteRunError):  # who asks to go on has what was asked for
        say(f"cl2d: {error}: nothing to do")
        return EXIT_DONE
    elif isinstance(error, _UsageError):
        message, code = f"{_usage_message(error)} (cl2d --help)", EXIT_BAD_INPUT
    elif isinstance(error, InputError):
        message, code = str(error), EXIT_BAD_INPUT
    elif isinstance(error, MemoryError):
        message, code = f"the run failed: not enough memory {error}".rstrip(), EXIT_FAILED
    elif isinstance(error, RuntimeError) and "start new thread" in str(error):
        message, code = "the run failed: not enough memory or processes for a thread", EXIT_FAILED
    elif isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        message = f"the run failed: {error.strerror}{where} (--debug shows where)"
        code = EXIT_FAILED
    else:
        message = f"the run failed: {type(error).__name__}: {error} (--debug shows where)"
        code = EXIT_FAILED
    say(f"cl2d: error: {' '.join(message.split())}")
    return code


def _usage_message(error: Exception) -> str:
    format_message = getattr(error, "format_message", None)
    return str(format_message() if format_message else error).rstrip(".")
