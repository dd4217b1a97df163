"""Show the events of a run: bars on a terminal, plain lines elsewhere, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from cl2d.cli.live import LiveBars
from cl2d.cli.streams import shown
from cl2d.cli.time_left import TimeLeft
from cl2d.cli.wording import Wording, duration
from cl2d.events import IterationProgress, PhaseProgress, RunPlanned
from cl2d.levels.schedule import level_schedule
from cl2d.options import LevelOptions
from cl2d.pipeline.available_memory import available_memory_bytes
from cl2d.results import IterationReport

SECONDS_BETWEEN_LINES = 30.0  # of mere progress, in a log file

Listener = Callable[[object], None]


@contextmanager
def shown_progress(
    levels: LevelOptions | None = None,
    *,
    quiet: bool = False,
    as_json: bool = False,
    log: TextIO | None = None,
) -> Iterator[Listener]:
    """Give the ``on_event`` of a run; progress goes to stderr, JSON to stdout.

    Parameters
    ----------
    levels
        Levels of a classification; tell how many iterations there can be.
    quiet
        Nothing on stderr.
    as_json
        Every event as one line of JSON on stdout; stderr then has plain lines, no bars.
    log
        Takes plain lines, and stderr nothing.
    """
    levels = levels or LevelOptions()
    schedule = None
    if levels.classes != "auto":
        schedule = tuple(level_schedule(levels.initial_classes, levels.classes))
    wording = Wording(levels.iterations, schedule[-1] if schedule else None)
    time_left = TimeLeft(schedule, levels.iterations, levels.images_per_class)
    listeners: list[Listener] = [JsonLines(sys.stdout)] if as_json else []

    def tell(event: object) -> None:
        for listener in listeners:
            listener(event)
        if isinstance(event, RunPlanned):
            time_left.n_images = event.n_images

    if log is not None:
        listeners.append(PlainLines(log, wording, time_left))
        yield tell
    elif quiet:
        yield tell
    elif sys.stderr.isatty() and not as_json:
        with LiveBars(sys.stderr, wording, time_left) as bars:
            listeners.append(bars)
            yield tell
    else:
        listeners.append(PlainLines(sys.stderr, wording, time_left))
        yield tell


class PlainLines:
    """Whole lines for log files: results at once, mere progress every half minute."""

    def __init__(self, stream: TextIO, wording: Wording, time_left: TimeLeft) -> None:
        self._stream = stream
        self._wording = wording
        self._time_left = time_left
        self._last = time.monotonic()

    def __call__(self, event: object) -> None:
        """Write the lines of an event."""
        lines = self._wording.lines(event)
        if isinstance(event, IterationReport):
            self._time_left.update(event)
        if isinstance(event, (PhaseProgress, IterationProgress)):
            lines = self._progress_line(event)
        if lines:
            with suppress(OSError):  # a full disk or a reader that is gone must not end the run
                self._stream.write("".join(f"{shown(line)}\n" for line in lines))
                self._stream.flush()
            self._last = time.monotonic()

    def _progress_line(self, event: PhaseProgress | IterationProgress) -> list[str]:
        if time.monotonic() - self._last < SECONDS_BETWEEN_LINES:
            return []
        share = f"{100 * event.done / event.total:.0f} %" if event.total else f"{event.done:,}"
        if isinstance(event, PhaseProgress):
            return [f"{event.name}: {share}"]
        seconds = self._time_left.seconds()
        left = f", about {duration(seconds)} left" if seconds is not None else ""
        return [f"level {event.level}  iteration {event.iteration}: {share}{left}"]


class ReaderGoneError(RuntimeError):
    """Whoever read the standard output has ended, so that nobody follows the run any more."""


class JsonLines:
    """One JSON object an event; the key ``event`` names its kind (``iteration_report``)."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: object) -> None:
        """Write one event.

        Raises
        ------
        ReaderGoneError
            If the stream is a pipe that nobody reads any more.
        """
        try:
            print(json_line(event), file=self._stream, flush=True)
        except BrokenPipeError:
            message = "the program that read the standard output has ended"
            raise ReaderGoneError(message) from None


def json_line(event: object) -> str:
    """Return an event as JSON; numbers that JSON lacks (nan, inf) become null."""
    if not dataclasses.is_dataclass(event) or isinstance(event, type):
        message = f"an event must be a dataclass, not {type(event).__name__}"
        raise TypeError(message)
    kind = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
    record = {"event": kind, **dataclasses.asdict(event)}
    if isinstance(event, RunPlanned):
        record["available_memory_bytes"] = available_memory_bytes()
    return json.dumps({key: _plain(value) for key, value in record.items()}, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):  # a numpy number
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
