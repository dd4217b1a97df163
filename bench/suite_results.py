"""Results of the suite on disk: one JSON line a run, so that a suite that was stopped goes on."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cl2d.errors import InputFileError

if TYPE_CHECKING:
    from pathlib import Path

    from accuracy_figures import Figures
    from suite_cases import Case

ORACLE = "oracle"  # stands in place of a seed


@dataclass(frozen=True)
class Run:
    """The figures of one classification of a case, or of the best there can be.

    Attributes
    ----------
    label
        Of the variant of the program; by default its commit.
    case, definition
        Name of the case, and what it was when it ran.
    seed
        Of the classification, or ``"oracle"``.
    figures
        By name; NaN where a figure has no meaning.
    particles
        Number of images, box in pixels and number of discrete views.
    made
        Commit, processor, cores, threads and date.
    """

    label: str
    case: str
    definition: dict[str, Any]
    seed: int | str
    figures: Figures
    particles: dict[str, int]
    made: dict[str, Any]


class ResultsFile:
    """Runs in the order in which they were made; the last of several alike counts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def runs(self) -> list[Run]:
        """Return all runs; none where there is no file.

        Raises
        ------
        InputFileError
            If a line is none that `append` wrote.
        """
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        # What stands behind the last line end was cut short when its run was stopped.
        complete, _, _ = text.rpartition("\n")
        return [self._run(row, line) for row, line in enumerate(complete.splitlines(), 1)]

    def append(self, run: Run) -> None:
        """Add a run at the end."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        known = {name: None if math.isnan(value) else value for name, value in run.figures.items()}
        line = json.dumps({**asdict(run), "figures": known}, allow_nan=False)
        with self.path.open("ab+") as file:
            _cut_after_last_line(file)
            file.write(f"{line}\n".encode())

    def done(self, label: str, case: Case) -> set[int | str]:
        """Return the seeds, and `ORACLE`, for which a case as it is now has been run."""
        definition = case.definition()
        return {
            run.seed
            for run in self.runs()
            if (run.label, run.case, run.definition) == (label, case.name, definition)
        }

    def _run(self, row: int, line: str) -> Run:
        try:
            fields = json.loads(line)
            fields["figures"] = {
                name: math.nan if value is None else float(value)
                for name, value in fields["figures"].items()
            }
            return Run(**fields)
        except (ValueError, TypeError, KeyError) as error:
            message = f"{self.path}, line {row}: must be a run of the suite ({error})"
            raise InputFileError(message) from error


def _cut_after_last_line(file: Any) -> None:
    """Take off the end of a file what is no whole line."""
    file.seek(0)
    content = file.read()
    file.truncate(content.rfind(b"\n") + 1)
