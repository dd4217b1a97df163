"""The page `docs/quality.md`: what classes are worth on particles whose truth is known."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from markdown_tables import item, paragraph, table
from quality_sections import SECTIONS, junk_section, section_of
from suite_cases import ARI, CASES, described_particles

if TYPE_CHECKING:
    from quality_summary import CaseSummary

COMMAND = "python bench/accuracy.py --suite --data FOLDER --threads 1 --table docs/quality.md"
HOW_TO_READ = [
    """Each case is one set of particles, classified several times by default options, each time
    with another seed. `median` and `worst` are over these runs; cases that take minutes have
    fewer, as `seeds` says.""",
    """`oracle` is the same engine with the true views in place of class averages, as averages
    would show them without noise, unless said otherwise. A run is not expected to do better;
    by a little it may, for its averages can also draw on what else the particles have in
    common.""",
    "`of oracle` is the median as a multiple of it.",
    "`steady`: does the worst run come within 10 % of the median?",
    "Junk is left out of all figures but those on junk.",
    """`CPU s` is the processor time of one run on all its threads: half-sets are left out, cores
    are found where there is junk.""",
]


def page(found: dict[str, CaseSummary]) -> str:
    """Return the page in Markdown, from the summaries of one label."""
    parts = [
        introduction(found),
        *(section_of(section, found) for section in SECTIONS),
        junk_section(found),
        cases_section(found),
    ]
    return "\n".join(part for part in parts if part)


def introduction(found: dict[str, CaseSummary]) -> str:
    """Return what stands above the tables: how they came about and how to read them."""
    first = """What classes are worth, on particles whose truth is known. This page is made by a
    program; to make it anew:"""
    return "\n".join(
        [
            "# Quality\n",
            f"{paragraph(first)}\n",
            f"    {COMMAND}\n",
            *(item(words) for words in conclusions(found)),
            "",
            f"{paragraph(made_by(found))}\n",
            "How to read the tables:\n",
            *(item(words) for words in HOW_TO_READ),
            "",
        ]
    )


def conclusions(found: dict[str, CaseSummary]) -> list[str]:
    """Return what the tables say in all."""
    seconds = sum(sum(summary.values("cpu_seconds")) for summary in found.values())
    n_runs = sum(len(summary.runs) for summary in found.values())
    told = [
        f"{n_runs} classifications of {len(found)} sets took {seconds / 60:.1f} minutes of"
        " processor time."
    ]
    shares = [s.of_oracle(ARI) for s in found.values() if s.case.judged_by == ARI]
    shares = [share for share in shares if not math.isnan(share)]
    if shares:
        told.append(
            "With as many classes as views, the median run reaches"
            f" {statistics.median(shares):.2f} of the oracle's ARI in half of the cases or more,"
            f" and {min(shares):.2f} in the worst."
        )
    asked = (summary.is_steady(summary.case.judged_by) for summary in found.values())
    answers = [answer for answer in asked if answer is not None]
    if answers:
        told.append(
            f"In {sum(answers)} of {len(answers)} cases the worst run comes within 10 % of the"
            " median run."
        )
    return told


def made_by(found: dict[str, CaseSummary]) -> str:
    """Return commits, machines and dates of the runs, in a sentence or two."""
    made = [run.made for summary in found.values() for run in summary.runs.values()]

    def told(key: str) -> str:
        return ", ".join(dict.fromkeys(str(one[key]) for one in made))

    dates = sorted({str(one["date"]) for one in made})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    missing = [name for name in CASES if name not in found]
    left_out = f" Not run: {', '.join(missing)}." if missing else ""
    return (
        f"Commit {told('commit')}; {told('processor')}, {told('cores')} cores,"
        f" {told('threads')} thread(s) a run; {when}.{left_out}"
    )


def cases_section(found: dict[str, CaseSummary]) -> str:
    """Return what each case is."""
    rows = []
    for name, summary in found.items():
        size = summary.any_run.particles
        views = str(size["n_views"]) if size["n_views"] else "-"
        rows.append(
            [
                name,
                summary.case.asks,
                str(size["n_images"]),
                str(size["box_px"]),
                views,
                described_particles(summary.case),
            ]
        )
    words = """Cases are defined in [suite_cases.toml](../bench/suite_cases.toml). Those with a
    molecule's number are made by the project's own simulator, the same on every machine; the
    others are stored sets. Views are equally frequent unless p, the frequency, is given by
    rank. Simulated noise is of variance 1, and the SNR is that of the whole box."""
    titles = ["case", "what it asks", "images", "box, px", "views", "particles"]
    return f"## The cases\n\n{paragraph(words)}\n\n{table(titles, rows)}"
