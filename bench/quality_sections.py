"""The tables of `docs/quality.md`: one for the cases that are judged by one figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markdown_tables import number, paragraph, table, yes_or_no
from suite_cases import ANGLE, ARI, KEPT, LARGEST, PURITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality_summary import CaseSummary


@dataclass(frozen=True)
class Column:
    """One more figure of a table: its title, its key, and which statistic of it."""

    title: str
    key: str
    statistic: str = "median"
    digits: int = 3

    def cell(self, summary: CaseSummary) -> str:
        """Return the figure of a case."""
        value = getattr(summary, self.statistic)(self.key)
        return number(value, self.digits)


@dataclass(frozen=True)
class Section:
    """The cases judged by one figure."""

    title: str
    judged_by: str
    figure: str
    digits: int
    words: str
    more: Sequence[Column]


CPU = Column("CPU s", "cpu_seconds", digits=1)
SECTIONS = [
    Section(
        "As many classes as views",
        ARI,
        "ARI",
        3,
        """ARI = adjusted Rand index: 1 where classes are the views, 0 for classes made by lot.
        `found` is the share of views that make up most of some class, in the worst run.""",
        [
            Column("purity", PURITY),
            Column("its oracle", PURITY, "oracle"),
            Column("found", "views_found", "worst"),
            CPU,
        ],
    ),
    Section(
        "Twice as many classes as views",
        PURITY,
        "purity",
        3,
        """A view may be shared by classes now, so ARI means little. Purity is the share of
        particles that show the view most frequent in their class.""",
        [Column("found", "views_found", "worst"), Column("ARI", ARI), CPU],
    ),
    Section(
        "Half as many classes as views",
        KEPT,
        "kept together",
        3,
        """Views must share classes, so purity cannot be high: with two equal views a class it is
        0.5. What can be asked is that no view is torn apart. `kept together` is the share of
        particles that are in the class which holds most of their view. `largest` is the
        largest class, in multiples of the mean.""",
        [Column("purity", PURITY), Column("largest", LARGEST, "worst", 2), CPU],
    ),
    Section(
        "Every direction alike",
        ANGLE,
        "angle",
        2,
        """There are no views to find: classes should be compact. `angle` is the mean angle in
        degrees between a particle's viewing direction and the middle of its class, opposite
        directions counting as one; one particle in ten is farther off than `worst decile`.
        Smaller is better. The oracle assigns particles to projections of the true molecule
        along evenly spread directions, one a class. Where a stored set comes without these,
        it assigns each particle to the nearest of such directions by its true one, which no
        program could.""",
        [
            Column("worst decile", "angle_worst_decile_deg", digits=2),
            Column("its oracle", "angle_worst_decile_deg", "oracle", 2),
            CPU,
        ],
    ),
    Section(
        "Noise without particles",
        LARGEST,
        "largest",
        2,
        """Classes of pure noise should be of equal size: where an average draws noise that
        happens to be like it, large classes grow larger. `largest` is the largest class in
        multiples of the mean; `concentration` is the size of an image's own class, in the
        mean over images, as such a multiple. Smaller is better. The oracle deals images out
        by lot.""",
        [
            Column("concentration", "concentration", digits=2),
            Column("worst", "concentration", "worst", 2),
            Column("its oracle", "concentration", "oracle", 2),
            CPU,
        ],
    ),
]
JUNK_COLUMNS = [
    Column("junk classes hold", "junk_recall", digits=2),
    Column("of which junk", "junk_precision", digits=2),
    Column("AUC", "score_ranks_junk_low", digits=2),
    Column("cores leave out junk", "core_leaves_junk", digits=2),
    Column("and good", "core_loses_good", digits=3),
    Column("worst", "core_loses_good", "worst", 3),
]


def section_of(section: Section, found: dict[str, CaseSummary]) -> str:
    """Return the table of the cases judged by one figure; nothing where there are none."""
    chosen = [s for s in found.values() if s.case.judged_by == section.judged_by]
    if not chosen:
        return ""
    key, digits = section.judged_by, section.digits
    titles = ["case", "classes", "seeds", f"{section.figure}, median", "worst", "oracle"]
    titles += ["of oracle", "steady", *(column.title for column in section.more)]
    rows = [
        [
            s.case.name,
            str(s.case.n_classes),
            str(len(s.runs)),
            number(s.median(key), digits),
            number(s.worst(key), digits),
            number(s.oracle(key), digits),
            number(s.of_oracle(key), 2),
            yes_or_no(s.is_steady(key)),
            *(column.cell(s) for column in section.more),
        ]
        for s in chosen
    ]
    return f"## {section.title}\n\n{paragraph(section.words)}\n\n{table(titles, rows)}"


def junk_section(found: dict[str, CaseSummary]) -> str:
    """Return the table of the cases with junk; nothing where there are none."""
    chosen = [s for s in found.values() if s.values("junk_recall")]
    if not chosen:
        return ""
    rows = [[s.case.name, *(column.cell(s) for column in JUNK_COLUMNS)] for s in chosen]
    words = """The simulators' junk is noise, off-centre particles, ice, carbon edges and
    aggregates, in equal parts. `junk classes hold` is the share of all junk that sits in
    classes made up mostly of junk; `of which junk` is the share of junk in them. AUC is the
    chance that a good particle scores higher than junk. Cores ([cores.md](cores.md)) leave
    out a share of the junk, and of good particles. Medians over the seeds, and the most
    good particles lost."""
    titles = ["case", *(column.title for column in JUNK_COLUMNS)]
    return f"## Junk\n\n{paragraph(words)}\n\n{table(titles, rows)}"
