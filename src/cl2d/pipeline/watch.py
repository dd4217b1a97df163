"""Watch particles arrive: assign them as they come, and cluster when that is due."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cl2d.errors import InputError
from cl2d.events import RunWarned, ignore_event
from cl2d.options import ClassifyOptions
from cl2d.outputs.program_folders import check_folder_can_be_named
from cl2d.outputs.run_lock import locked_folder
from cl2d.pipeline.watch_cycle import Cycle, WatchSettings
from cl2d.pipeline.watch_input import Lookout
from cl2d.pipeline.watch_state import WatchState, open_state

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_OF_A_WATCH = ("references", "overwrite", "max_time")
"""Options that a watch sets itself, or that would end it in the middle."""
PARTICLES_PER_CLASS = 50
PARTICLES_FOR_AUTO = 2000
SECONDS_A_MINUTE = 60.0


def watch(
    particles: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    n_classes: int | Literal["auto"] = 64,
    poll_seconds: float = 30.0,
    idle_minutes: float | None = None,
    once: bool = False,
    finish: bool = False,
    first_after: int | None = None,
    poor_share: float = 0.15,
    on_event: Callable[[object], None] | None = None,
    **options: object,
) -> WatchState:
    """Assign particles to classes as they come, and cluster all of them when that is due.

    May be ended at any time, in any way, and called again: it goes on where it was. See
    docs/watch.md for the files and for when a clustering is due.

    Parameters
    ----------
    particles : path
        A table that grows (or is replaced by a longer one), a stack, or a folder to which tables
        (or, where there are none, stacks) are added.
    output : path
        Folder of the watch, its own.
    n_classes, **options
        As of :func:`cl2d.classify`.
    poll_seconds : float
        Pause between two looks.
    idle_minutes : float, optional
        End, with a last clustering, when nothing new was found for so long.
    once : bool
        Look once, do what is due, and end.
    finish : bool
        As ``once``, and cluster once more if particles came after the last clustering.
    first_after : int, optional
        Particles before the first clustering; by default 50 for each class, or 2000 if their
        number is to be found.
    poor_share : float
        Share of poorly explained new particles beyond which all are clustered again.
    on_event : callable, optional

    Returns
    -------
    WatchState
        ``n_images``, ``current`` and ``runs`` (``reason``, ``n_images``), ``portions`` (``n_poor``
        of ``n_usable``), and in ``left`` why files were left.

    Raises
    ------
    InputError
        If an option, what is watched or the output folder cannot be used, or the watch in it is
        another.
    """
    chosen = _options(n_classes, options)
    settings = _settings(chosen, first_after, poor_share)
    _check_times(poll_seconds, idle_minutes)
    tell = on_event or ignore_event
    watched, out = Path(particles), Path(os.path.abspath(output))  # noqa: PTH100 - links may change
    _check_places(watched, out, chosen)
    open_state(out, os.fspath(particles), chosen)
    with locked_folder(out, lambda text: tell(RunWarned(text))):
        state = open_state(out, os.fspath(particles), chosen)
        state.save()
        state.make_folders()
        cycle, lookout = Cycle(state, chosen, settings, tell), Lookout(watched, state)
        if once or finish:
            _step(cycle, lookout, tell, patient=False, finish=finish)
        else:
            _keep_looking(cycle, lookout, tell, poll_seconds, idle_minutes)
    return state


def _step(
    cycle: Cycle,
    lookout: Lookout,
    tell: Callable[[object], None],
    *,
    patient: bool,
    finish: bool = False,
) -> bool:
    """Look once and do what is due; return whether there was anything new."""
    before, left = len(cycle.state.portions), set(cycle.state.left.values())
    new = lookout.look(patient=patient)
    for path, reason in lookout.left.items():
        if not patient or (reason not in left and " changed " not in reason):
            tell(RunWarned(f"{path} is left for the next look: {reason}"))
    cycle.take(new, lookout.left)
    cycle.carry_on(finish=finish)
    return len(cycle.state.portions) > before


def _keep_looking(
    cycle: Cycle,
    lookout: Lookout,
    tell: Callable[[object], None],
    poll_seconds: float,
    idle_minutes: float | None,
) -> None:
    last_new = time.monotonic()
    while True:
        if _step(cycle, lookout, tell, patient=True):
            last_new = time.monotonic()
        elif idle_minutes is not None:
            idle_seconds = time.monotonic() - last_new
            if idle_seconds >= idle_minutes * SECONDS_A_MINUTE:
                _step(cycle, lookout, tell, patient=False, finish=True)
                return
        time.sleep(poll_seconds)


def _options(n_classes: int | str, options: dict[str, object]) -> ClassifyOptions:
    for name in NOT_OF_A_WATCH:
        if name in options:
            message = f"{name} must be left out: a watch goes on from its own averages and files"
            raise InputError(message)
    return ClassifyOptions.from_flat(n_classes=n_classes, **options)


def _settings(
    options: ClassifyOptions, first_after: int | None, poor_share: float
) -> WatchSettings:
    levels = options.levels
    fewest = 2 if levels.classes == "auto" else levels.classes
    if first_after is None:
        automatic = levels.classes == "auto"
        first_after = PARTICLES_FOR_AUTO if automatic else PARTICLES_PER_CLASS * fewest
    if first_after < fewest:
        message = f"first_after must be at least the number of classes, {fewest}, not {first_after}"
        raise InputError(message)
    if not 0 <= poor_share <= 1:
        message = f"poor_share must be from 0 to 1, not {poor_share:g}"
        raise InputError(message)
    return WatchSettings(first_after, poor_share)


def _check_times(poll_seconds: float, idle_minutes: float | None) -> None:
    if not 0 < poll_seconds < float("inf"):
        message = f"poll_seconds must be more than 0, not {poll_seconds:g}"
        raise InputError(message)
    if idle_minutes is not None and not 0 <= idle_minutes < float("inf"):
        message = f"idle_minutes must be 0 or more, not {idle_minutes:g}"
        raise InputError(message)


def _check_places(watched: Path, out: Path, options: ClassifyOptions) -> None:
    check_folder_can_be_named(out, options.output.formats)
    if not watched.exists():
        message = f"what is watched must be a file or a folder, but '{watched}' does not exist"
        raise InputError(message)
    if watched.suffix.lower() == ".cs":
        message = f"what is watched must be a .star or .xmd table or a stack, not '{watched}'"
        raise InputError(message)
    if watched.resolve() == out.resolve():
        message = f"the output folder must not be what is watched, '{watched}'"
        raise InputError(message)
