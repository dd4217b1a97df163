"""Stop within a second or two of Ctrl-C, SIGTERM or a closed terminal, and say what is kept."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import typer

from cl2d.cli.streams import say, shown
from cl2d.errors import InputError, TimeIsUpError
from cl2d.outputs import mark_interrupted
from cl2d.outputs.checkpoint import CheckpointFolder
from cl2d.pipeline.watch_state import STATE

EXIT_TIME_IS_UP = 75  # of sysexits.h: not now, try again
EXIT_INTERRUPTED = 130
GRACE_SECONDS = 1.5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption(KeyboardInterrupt):
    """A signal that asks the program to end, with its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def exit_code(number: int) -> int:
    """Return the exit code after a signal, as shells know it: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + number


@contextmanager
def interruptible(output: Path, last_act: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP during the body into exit codes 130, 143 and 129.

    Python runs a signal handler only between its own instructions, so a long call into the
    engine would hold the program up. A second thread hears of the signal at once: it lets the
    body end in its own way for a moment (temporary files are removed), then ends the process, and
    lets the run record say so.

    Parameters
    ----------
    output
        Folder of results; the message lists what it holds.
    last_act
        Called after an interruption, whichever way the process ends.
    """
    with _watched(output, last_act):
        try:
            yield
        except KeyboardInterrupt as error:
            with suppress(Exception):  # a second signal may have kept the body from doing so
                mark_interrupted(output)
                last_act()
            say(interruption_message(output))
            number = error.number if isinstance(error, Interruption) else signal.SIGINT
            raise typer.Exit(exit_code(number)) from None
        except TimeIsUpError as error:
            with suppress(Exception):
                last_act()
            say(interruption_message(output, str(error)))
            raise typer.Exit(EXIT_TIME_IS_UP) from None


def interruption_message(output: Path, what: str = "interrupted") -> str:
    """Return the line for the user: what happened, what is there, and how to go on."""
    entries = output.iterdir() if output.is_dir() else ()
    kept = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    if not kept:
        return f"cl2d: {what}; nothing was written to {output}"
    return f"cl2d: {what}; {output} keeps {', '.join(kept)}{_how_to_go_on(output)}"


def _how_to_go_on(output: Path) -> str:
    if (output / STATE).is_file():
        return "; the same command goes on"
    try:
        found = CheckpointFolder(output).files()
    except (InputError, OSError):
        return ""
    return f"; go on with: cl2d resume {shlex.quote(str(output))}" if found else ""


@contextmanager
def _watched(output: Path, last_act: Callable[[], object]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread, which then also ends the program
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    left = threading.Event()

    def end(number: int) -> None:
        with suppress(Exception):  # the disk may be what holds the body up
            mark_interrupted(output)
            last_act()
        show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""
        with suppress(OSError):
            os.write(2, f"{show_cursor}\n{shown(interruption_message(output))}\n".encode())
        os._exit(exit_code(number))

    arguments = (reader, left, end)
    watcher = threading.Thread(target=_end_if_held_up, args=arguments, daemon=True)
    heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    handlers = {number: signal.signal(number, _raise) for number in heeded}
    previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher.start()
    try:
        yield
    finally:
        left.set()
        signal.set_wakeup_fd(previous)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(writer)
        watcher.join()
        os.close(reader)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Interruption(number)


def _end_if_held_up(reader: int, left: threading.Event, end: Callable[[int], None]) -> None:
    """End the process if a signal has come and the body has not been left in time."""
    while heard := os.read(reader, 1):
        if heard[0] in SIGNALS and not left.wait(GRACE_SECONDS):
            end(heard[0])
