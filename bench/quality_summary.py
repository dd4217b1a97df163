"""Median, worst and ceiling of each case of the suite, from its runs."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite_cases import ANGLE, CASES, LARGEST, Case
from suite_results import ORACLE, Run

from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SMALLER_IS_BETTER = {
    ANGLE,
    LARGEST,
    "angle_worst_decile_deg",
    "concentration",
    "core_loses_good",
    "cpu_seconds",
}
STEADY = 0.9  # of the median, which the worst run must reach


@dataclass(frozen=True)
class CaseSummary:
    """The runs of one case under one label: by seed, and the oracle's where it was run."""

    case: Case
    runs: dict[int, Run]
    oracle_run: Run | None

    @property
    def any_run(self) -> Run:
        """A run, for what all have in common."""
        return next(iter(self.runs.values()))

    def values(self, key: str) -> list[float]:
        """Return a figure of each run in which it has a meaning."""
        found = [run.figures.get(key, math.nan) for run in self.runs.values()]
        return [value for value in found if not math.isnan(value)]

    def median(self, key: str) -> float:
        """Return the median of a figure over the seeds."""
        values = self.values(key)
        return statistics.median(values) if values else math.nan

    def worst(self, key: str) -> float:
        """Return the worst of a figure over the seeds."""
        values = self.values(key)
        if not values:
            return math.nan
        return max(values) if key in SMALLER_IS_BETTER else min(values)

    def oracle(self, key: str) -> float:
        """Return the figure of the oracle."""
        return math.nan if self.oracle_run is None else self.oracle_run.figures.get(key, math.nan)

    def of_oracle(self, key: str) -> float:
        """Return the median as a multiple of the oracle's figure."""
        ceiling = self.oracle(key)
        return self.median(key) / ceiling if ceiling > 0 else math.nan

    def is_steady(self, key: str) -> bool | None:
        """Return whether the worst run comes near the median; None where one run says nothing."""
        if len(self.values(key)) < 2:
            return None
        median, worst = self.median(key), self.worst(key)
        if key in SMALLER_IS_BETTER:
            return STEADY * worst <= median
        return worst >= STEADY * median


def summaries(runs: Iterable[Run], label: str) -> dict[str, CaseSummary]:
    """Return a summary of each case that has runs under a label, in the order of the cases.

    Of several runs of one seed the last counts. Runs of a case that has since been changed, or that
    is no case any more, do not.
    """
    by_case: dict[str, dict[int | str, Run]] = {}
    for run in runs:
        case = CASES.get(run.case)
        if run.label == label and case is not None and run.definition == case.definition():
            by_case.setdefault(run.case, {})[run.seed] = run
    found = {}
    for name, case in CASES.items():
        of_case = by_case.get(name, {})
        seeds = {int(seed): run for seed, run in of_case.items() if seed != ORACLE}
        if seeds:
            found[name] = CaseSummary(case, dict(sorted(seeds.items())), of_case.get(ORACLE))
    return found


def checked_label(runs: Sequence[Run], label: str | None) -> str:
    """Return a label that has runs; that of the last run where none is named.

    Raises
    ------
    InputError
        If there are no runs, or none of that label.
    """
    labels = list(dict.fromkeys(run.label for run in runs))
    if not labels:
        message = "*results* must hold runs of the suite, not none"
        raise InputError(message)
    if label is None:
        return runs[-1].label
    if label not in labels:
        message = f"*label* must be one of {', '.join(labels)}, not {label}"
        raise InputError(message)
    return label
