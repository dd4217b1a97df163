"""Moving bars on a terminal: one for the level, one for the iteration or phase."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from cl2d.cli.streams import shown
from cl2d.cli.time_left import TimeLeft
from cl2d.cli.wording import Wording, count, duration
from cl2d.events import (
    IterationProgress,
    LevelFinished,
    LevelStarted,
    PhaseFinished,
    PhaseProgress,
    PhaseStarted,
)
from cl2d.results import IterationReport


class LiveBars:
    """Bars at the foot of the terminal, with the lines worth keeping above them."""

    def __init__(self, stream: TextIO, wording: Wording, time_left: TimeLeft) -> None:
        self._wording = wording
        self._time_left = time_left
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=Console(file=stream),
            transient=True,
        )
        self._phase: TaskID | None = None
        self._level: TaskID | None = None
        self._iteration: TaskID | None = None

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the bars and give the terminal back, whatever happened."""
        self._progress.stop()

    def __call__(self, event: object) -> None:
        """Show an event."""
        match event:
            case PhaseStarted():
                self._phase = self._replace(self._phase, event.name, event.total)
            case PhaseProgress():
                self._move(self._phase, event.done, event.total)
            case PhaseFinished():
                self._remove(self._phase)
                self._phase = None
            case LevelStarted() | LevelFinished() | IterationProgress() | IterationReport():
                self._show_level(event)
            case _:
                pass
        for line in self._wording.lines(event):
            self._progress.console.print(shown(line), markup=False, highlight=False)

    def _show_level(
        self, event: LevelStarted | LevelFinished | IterationProgress | IterationReport
    ) -> None:
        match event:
            case LevelStarted():
                text = f"level {event.level}: {count(event.n_classes, 'class')}"
                most = self._wording.most_iterations(event.n_classes)
                self._level = self._replace(self._level, text, most)
            case IterationProgress():
                if self._iteration is None:
                    text = f"iteration {event.iteration}"
                    self._iteration = self._replace(None, text, event.total)
                self._move(self._iteration, event.done, event.total)
            case IterationReport():
                self._time_left.update(event)
                self._remove(self._iteration)
                self._iteration = None
                self._move(self._level, event.iteration, None, self._detail(event))
            case LevelFinished():
                self._remove(self._iteration)
                self._iteration = None
                self._remove(self._level)
                self._level = None

    def _detail(self, report: IterationReport) -> str:
        seconds = self._time_left.seconds()
        left = f", about {duration(seconds)} left" if seconds is not None else ""
        changed = self._wording.changed_percent(report)
        return f"{changed:.1f} % changed, mean similarity {report.mean_score:.4f}{left}"

    def _replace(self, old: TaskID | None, text: str, total: int | None) -> TaskID:
        self._remove(old)
        return self._progress.add_task(text, total=total, detail="")

    def _remove(self, task: TaskID | None) -> None:
        if task is not None:
            self._progress.remove_task(task)

    def _move(
        self, task: TaskID | None, done: int, total: int | None, detail: str | None = None
    ) -> None:
        if task is not None:
            self._progress.update(task, completed=done)
            if total is not None:
                self._progress.update(task, total=total)
            if detail is not None:
                self._progress.update(task, detail=detail)
