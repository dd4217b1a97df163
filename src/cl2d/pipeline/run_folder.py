"""The output folder while a run is going on: finished levels are kept, whatever happens later."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cl2d.levels import order_classes_by_size
from cl2d.outputs import UnfinishedRun, write_level_particles, write_run_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cl2d.io import ParticleSource
    from cl2d.options import ClassifyOptions
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import LevelResult


class RunFolder:
    """Writes what an unfinished run leaves behind."""

    def __init__(
        self,
        path: Path,
        source: ParticleSource,
        options: ClassifyOptions,
        plan: PreprocessPlan,
    ) -> None:
        self.path = path
        self._run = (source, options, plan)
        self._levels: list[LevelResult] = []

    def keep_level(self, level: LevelResult) -> None:
        """Write classes, poses and scores of a level that has come to rest."""
        self._levels.append(level)
        write_level_particles(self.path, order_classes_by_size(self._levels)[-1])

    @contextmanager
    def recording_the_end(self) -> Iterator[None]:
        """Write a run record that says so if the body is interrupted or fails."""
        try:
            yield
        except KeyboardInterrupt:
            write_run_record(self.path, self._unfinished(), "interrupted")
            raise
        except Exception as error:
            write_run_record(self.path, self._unfinished(), "failed", error=str(error))
            raise

    def _unfinished(self) -> UnfinishedRun:
        return UnfinishedRun(*self._run, levels=order_classes_by_size(self._levels))
