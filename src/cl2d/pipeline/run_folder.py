"""The output folder while a run is going on: finished levels are kept, whatever happens later."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from cl2d.levels import order_classes_by_size
from cl2d.outputs import (
    UnfinishedRun,
    prepare_output_folder,
    write_level_particles,
    write_run_record,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from cl2d.outputs.run_record import Status
    from cl2d.results import LevelResult


class RunFolder:
    """Writes what an unfinished run leaves behind.

    Making one clears the files of an earlier run, if the options say so: everything that can be
    checked must have been checked.
    """

    def __init__(
        self, out: str | os.PathLike[str], begun: UnfinishedRun, inputs: Iterable[Path]
    ) -> None:
        self.path = prepare_output_folder(out, begun.options.output.overwrite, inputs=inputs)
        self._begun = begun
        self._levels: list[LevelResult] = []
        self._record("running")

    def keep_level(self, level: LevelResult) -> None:
        """Write classes, poses and scores of a level that has come to rest."""
        levels = [*self._levels, level]
        write_level_particles(self.path, order_classes_by_size(levels)[-1])
        self._levels = levels
        self._record("running")

    @contextmanager
    def recording_the_end(self) -> Iterator[None]:
        """Write a run record that says so if the body is interrupted or fails."""
        try:
            yield
        except KeyboardInterrupt:
            self._record_the_end("interrupted")
            raise
        except Exception as error:
            self._record_the_end("failed", str(error) or type(error).__name__)
            raise

    def _record_the_end(self, status: Status, error: str | None = None) -> None:
        # What ended the run matters more than a record that, on a full disk, cannot be written.
        with suppress(OSError):
            self._record(status, error)

    def _record(self, status: Status, error: str | None = None) -> None:
        unfinished = replace(self._begun, levels=order_classes_by_size(self._levels))
        write_run_record(self.path, unfinished, status, error=error)
