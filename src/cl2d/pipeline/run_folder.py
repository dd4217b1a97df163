"""The output folder while a run is going on: finished levels are kept, whatever happens later."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl2d.errors import TimeIsUpError
from cl2d.events import RunWarned
from cl2d.levels import order_classes_by_size
from cl2d.levels.bookmark import Bookmark
from cl2d.outputs import (
    UnfinishedRun,
    check_output_folder,
    prepare_output_folder,
    write_level_particles,
    write_run_record,
)
from cl2d.outputs.folder import prepare_to_go_on, remove_leftovers
from cl2d.outputs.program_folders import check_folder_can_be_named
from cl2d.outputs.run_lock import locked_folder
from cl2d.outputs.run_record import what_was_done
from cl2d.pipeline.resuming import unfinished_run

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterable, Iterator

    from cl2d.options import ClassifyOptions
    from cl2d.outputs.run_record import Status
    from cl2d.pipeline.checkpoints import Checkpoints
    from cl2d.pipeline.prepared import Course
    from cl2d.pipeline.resuming import UnfinishedFolder
    from cl2d.results import LevelResult


class RunFolder:
    """Writes what an unfinished run leaves behind.

    Making one clears the files of an earlier run, if the options say so: everything that can be
    checked must have been checked, and nobody else may write into the folder.

    Parameters
    ----------
    out : path
    begun : UnfinishedRun
    inputs : the files that the run reads
    unfinished : UnfinishedFolder, optional
        The run that is gone on with.

    Attributes
    ----------
    path : Path
    mark : Bookmark
        The place from which the levels go on, and which they have saved.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        begun: UnfinishedRun,
        inputs: Iterable[Path],
        unfinished: UnfinishedFolder | None = None,
    ) -> None:
        remove_leftovers(Path(out))
        self._begun = begun
        self._checkpoints: Checkpoints | None = None
        self._levels: list[LevelResult] = []
        self._earlier: list[dict[str, Any]] = []
        if unfinished is None:
            self.path = prepare_output_folder(out, begun.options.output.overwrite, inputs=inputs)
            self.mark = Bookmark()
        else:
            self.path = prepare_to_go_on(out, inputs)
            self._earlier = what_was_done(self.path)
            self.mark = Bookmark(unfinished.place)
        self._record("running")
        for level in self.mark.place.levels:
            self.keep_level(level)

    def keep_checkpoints(self, checkpoints: Checkpoints) -> None:
        """Have the place of the levels saved from now on."""
        self._checkpoints = checkpoints
        self.mark.on_save = checkpoints.save

    def keep_level(self, level: LevelResult) -> None:
        """Write classes, poses and scores of a level that has come to rest."""
        levels = [*self._levels, level]
        write_level_particles(self.path, order_classes_by_size(levels)[-1])
        self._levels = levels
        self._record("running")

    def is_complete(self) -> None:
        """Remove what is needed no more now that the record says that the run is complete."""
        if self._checkpoints is not None:
            self._checkpoints.remove()

    @contextmanager
    def recording_the_end(self) -> Iterator[None]:
        """Write a run record that says so if the body is interrupted or fails."""
        try:
            yield
        except (KeyboardInterrupt, TimeIsUpError):
            self._record_the_end("interrupted")
            raise
        except Exception as error:
            self._record_the_end("failed", str(error) or type(error).__name__)
            raise

    def _record_the_end(self, status: Status, error: str | None = None) -> None:
        if self._checkpoints is not None:
            self._checkpoints.save_latest()
        # What ended the run matters more than a record that, on a full disk, cannot be written.
        with suppress(OSError):
            self._record(status, error)

    def _record(self, status: Status, error: str | None = None) -> None:
        unfinished = replace(self._begun, levels=order_classes_by_size(self._levels))
        write_run_record(self.path, unfinished, status, error=error, earlier=self._earlier)


@contextmanager
def output_folder(
    course: Course, options: ClassifyOptions, inputs: Collection[Path], *, resume: bool
) -> Iterator[Course]:
    """Have the output folder of a run to oneself; give its course with the run to go on with.

    Raises
    ------
    InputError
        If the folder cannot be used, another process uses it, or the run in it is not one to go on
        with.
    """
    out, output = course.output, options.output
    assert out is not None

    def warn(text: str) -> None:
        course.phases.tell(RunWarned(text))

    check_folder_can_be_named(out, output.formats)
    unfinished = unfinished_run(out, warn) if resume else None
    if unfinished is None:
        check_output_folder(out, output.overwrite, inputs=inputs)
    with locked_folder(out, warn):
        if unfinished is not None:
            # Read again: until now another process may have gone on with it.
            unfinished = unfinished_run(out, lambda _: None)
        if unfinished is not None:
            unfinished.check_options(options)
            for remark in unfinished.remarks():
                warn(remark)
            if (event := unfinished.event()) is not None:
                course.phases.tell(event)
        yield replace(course, unfinished=unfinished)
