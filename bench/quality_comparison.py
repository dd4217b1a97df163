"""Two variants of the program, case by case: quality and processor time."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

from markdown_tables import number, table
from suite_cases import ANGLE, ARI, KEPT, LARGEST, PURITY

from cl2d.errors import InputError

if TYPE_CHECKING:
    from quality_summary import CaseSummary

FIGURE_NAMES = {
    ARI: "ARI",
    PURITY: "purity",
    KEPT: "kept together",
    ANGLE: "angle, deg (small is good)",
    LARGEST: "largest class (small is good)",
}
TITLES = [
    "case",
    "figure",
    "seeds",
    "median before",
    "after",
    "change",
    "worst before",
    "after",
    "CPU after / before",
]


def comparison(before: dict[str, CaseSummary], after: dict[str, CaseSummary]) -> str:
    """Return a table of the cases that both have, over the seeds that both have.

    Raises
    ------
    InputError
        If they have no run in common.
    """
    pairs = [
        common_runs(before[name], summary) for name, summary in after.items() if name in before
    ]
    pairs = [(first, second) for first, second in pairs if first.runs]
    if not pairs:
        message = "*compare* must name two labels with a case and a seed in common"
        raise InputError(message)
    rows = [compared(first, second) for first, second in pairs]
    return f"{table(TITLES, rows)}\n{conclusion(pairs)}\n"


def common_runs(first: CaseSummary, second: CaseSummary) -> tuple[CaseSummary, CaseSummary]:
    """Return two summaries of a case with the seeds that both have."""
    seeds = [seed for seed in first.runs if seed in second.runs]
    both = (replace(one, runs={seed: one.runs[seed] for seed in seeds}) for one in (first, second))
    return next(both), next(both)


def compared(first: CaseSummary, second: CaseSummary) -> list[str]:
    """Return the row of one case."""
    key = first.case.judged_by
    return [
        first.case.name,
        FIGURE_NAMES[key],
        str(len(first.runs)),
        number(first.median(key)),
        number(second.median(key)),
        f"{second.median(key) - first.median(key):+.3f}",
        number(first.worst(key)),
        number(second.worst(key)),
        number(time_ratio(first, second), 2),
    ]


def time_ratio(first: CaseSummary, second: CaseSummary) -> float:
    """Return all processor time of the second over that of the first."""
    return sum(second.values("cpu_seconds")) / sum(first.values("cpu_seconds"))


def conclusion(pairs: list[tuple[CaseSummary, CaseSummary]]) -> str:
    """Return the mean change of ARI and of processor time in a sentence."""
    ratios = [time_ratio(*pair) for pair in pairs]
    words = (
        f"CPU time: {math.exp(statistics.fmean(map(math.log, ratios))):.2f} times (geometric mean)."
    )
    changes = [
        (second.median(ARI) - first.median(ARI), second.worst(ARI) - first.worst(ARI))
        for first, second in pairs
        if first.case.judged_by == ARI
    ]
    if changes:
        median, worst = (statistics.fmean(column) for column in zip(*changes, strict=True))
        words += (
            f" ARI: {median:+.3f} in the median run, {worst:+.3f} in the worst (mean of cases)."
        )
    return words
