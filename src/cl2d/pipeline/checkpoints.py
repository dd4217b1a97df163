"""When checkpoints are written: after each iteration, unless the disk is slow to take them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cl2d.events import CheckpointWritten, RunWarned
from cl2d.outputs.checkpoint import CheckpointFolder, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cl2d.levels.bookmark import Place
    from cl2d.outputs.checkpoint import RunFacts
    from cl2d.preprocess import PreprocessPlan

LARGEST_SHARE = 0.05
"""Most of the time that goes into checkpoints. Where iterations are so short, or the disk so slow,
that each would cost more, some are left out: what they would have saved is done again in less than
twenty times the time that the disk takes for one."""


class Checkpoints:
    """Writes the checkpoints of a run.

    Parameters
    ----------
    out : Path
        The output folder.
    facts : RunFacts
    plan : PreprocessPlan
    tell : callable
        Learns of each checkpoint, and of the first that cannot be written: the run goes on then.
    """

    def __init__(
        self, out: Path, facts: RunFacts, plan: PreprocessPlan, tell: Callable[[object], None]
    ) -> None:
        self._folder = CheckpointFolder(out)
        self._facts = facts
        self._plan = plan
        self._tell = tell
        self._unsaved: Place | None = None
        self._ended = float("-inf")
        self._took = 0.0
        self._was_refused = False

    def save(self, place: Place) -> None:
        """Write a checkpoint, or remember the place where that would take too much of the time."""
        self._unsaved = place
        if time.monotonic() - self._ended >= self._took / LARGEST_SHARE:
            self.save_latest()

    def save_latest(self) -> None:
        """Write the last place if that has not been done."""
        place, self._unsaved = self._unsaved, None
        if place is None:
            return
        started = time.monotonic()
        try:
            path = self._folder.write(self._facts, State(self._plan, place))
        except OSError as error:
            self._refused(error)
        else:
            self._tell(CheckpointWritten(str(path)))
        self._ended = time.monotonic()
        self._took = self._ended - started

    def remove(self) -> None:
        """Remove all checkpoints: the run is complete."""
        self._folder.remove()

    def _refused(self, error: OSError) -> None:
        """Tell once that the disk takes no checkpoint."""
        if not self._was_refused:
            self._was_refused = True
            reason = error.strerror or str(error)
            where = f" ({error.filename})" if error.filename else ""
            words = f"no checkpoint can be written: {reason}{where}; the run goes on without"
            self._tell(RunWarned(words))
