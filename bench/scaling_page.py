"""The page `docs/scaling.md`: what was measured, what the model makes of it, and where it ends."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import scaling_prose as prose
from markdown_tables import item, paragraph, table
from scaling_costs import GIGABIT, Cluster, ClusterCosts, Costs
from scaling_course import (
    Outcome,
    default_run,
    memory_bytes,
    outcome,
    phases,
    workers_of_half,
)
from scaling_limits import bounds_of
from scaling_plot import speed_up_plot
from speed_machine import Machine
from speed_tables import cell, markdown_table

from cl2d.io.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMMAND = "python bench/scaling.py"
IMAGES = (10**5, 10**6, 10**7, 10**8)
WORKERS = (1, 2, 4, 10, 30, 100, 300, 1000)
CLASSES = 64
THREADS_EACH = 16
PHASES_WORKERS = 100
NETWORKS_GBIT = (1, 10, 100)
PLOT = "images/scaling.svg"
LEFT_OUT_OF_MACHINE = {"load_average_after"}


def write_page(path: Path, costs: Costs) -> None:
    """Write the page and its plot."""
    outcomes = outcomes_of(costs)
    (path.parent / PLOT).parent.mkdir(parents=True, exist_ok=True)
    for place, text in (
        (path, page(costs, outcomes)),
        (path.parent / PLOT, speed_up_plot(outcomes)),
    ):
        with atomic_path(place) as temporary:
            temporary.write_text(text, encoding="utf-8")


def tables(costs: Costs) -> list[str]:
    """Return the tables for a terminal."""
    return [page(costs, outcomes_of(costs))]


def outcomes_of(costs: Costs, box_px: int = 64, threads_each: int = 1) -> list[Outcome]:
    """Simulate runs of all sizes on all numbers of workers."""
    return [
        outcome(default_run(n, box_px, CLASSES), costs, Cluster(w, threads_each))
        for n in IMAGES
        for w in WORKERS
    ]


def page(costs: Costs, outcomes: Sequence[Outcome]) -> str:
    """Return the page in Markdown."""
    stops = limits(costs)
    parts = [
        "# How far a run scales\n",
        f"{paragraph(prose.FIRST)}\n",
        textwrap.indent(f"{COMMAND} --measure --page docs/scaling.md\n", "    "),
        paragraph(in_short(stops)) + "\n",
        paragraph(prose.MODEL.format(classes=CLASSES)) + "\n",
        f"![Speed-up by the number of workers, for four numbers of particles]({PLOT})\n",
        *_run_tables(costs, outcomes),
        *_limits(costs, stops),
        *_measured(costs),
        *_checked(costs),
    ]
    return "\n".join(parts)


def _run_tables(costs: Costs, outcomes: Sequence[Outcome]) -> list[str]:
    return [
        "## Time, speed-up, and what is waited for\n",
        paragraph(prose.WAITED) + "\n",
        outcome_table(outcomes),
        "The same for a box of 128 px:\n",
        outcome_table(outcomes_of(costs, 128)),
        f"Workers of {THREADS_EACH} threads (128 px), beside one thread:\n",
        outcome_table(outcomes_of(costs, 128, THREADS_EACH)),
        paragraph(prose.FORMULA) + "\n",
        formula_table(outcomes),
    ]


def outcome_table(outcomes: Sequence[Outcome]) -> str:
    """Return time, speed-up, efficiency and what is waited for, in a cell each."""
    found = {(one.n_workers, one.n_images): one for one in outcomes}
    rows = [
        [str(w), *(_cell(found[w, n]) for n in IMAGES if (w, n) in found)]
        for w in sorted({w for w, _ in found})
    ]
    return table(["workers", *(f"{n:,} particles" for n in IMAGES)], rows)


def _cell(one: Outcome) -> str:
    return f"{duration(one.seconds)}, {one.speed_up:.3g} x, {one.efficiency:.0%}, {one.waits_for}"


def formula_table(outcomes: Sequence[Outcome]) -> str:
    """Return the simulated time over that of the formula."""
    found = {(one.n_workers, one.n_images): one for one in outcomes}
    rows = [
        [str(w), *(f"{found[w, n].seconds / found[w, n].formula_seconds:.2f}" for n in IMAGES)]
        for w in WORKERS
    ]
    return table(["workers", *(f"{n:,} particles" for n in IMAGES)], rows)


def duration(seconds: float) -> str:
    """Return a time in the unit that fits."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


@dataclass(frozen=True)
class Limit:
    """The most workers of which half the time is not lost, by network; and what more wait for."""

    n_images: int
    workers: tuple[int, ...]
    waits_for: str


def limits(costs: Costs) -> list[Limit]:
    """Return where runs of each size stop to scale."""
    found = []
    for n in IMAGES:
        run = default_run(n, 64, CLASSES)
        half = tuple(workers_of_half(run, costs, _network(gbit)) for gbit in NETWORKS_GBIT)
        beyond = outcome(run, costs, Cluster(2 * half[1]))
        found.append(Limit(n, half, beyond.waits_for))
    return found


def in_short(found: Sequence[Limit]) -> str:
    """Return the same in a sentence."""
    each = ", ".join(f"{one.workers[1]} for {one.n_images:,}" for one in found)
    return (
        "**In short**: with 64 classes, a box of 64 px and a network of 10 Gbit/s, half of the "
        f"time is lost with more workers of one thread than {each} particles. Why is said under "
        "[where it stops](#where-it-stops)."
    )


def _limits(costs: Costs, found: Sequence[Limit]) -> list[str]:
    rows = [
        [
            f"{one.n_images:,}",
            *(f"{n:,}" for n in one.workers),
            one.waits_for,
        ]
        for one in found
    ]
    titles = ["particles", *(f"{gbit} Gbit/s" for gbit in NETWORKS_GBIT)]
    titles += ["waits for, beyond"]
    told = dict.fromkeys(one.waits_for for one in found)
    return [
        "## Where it stops\n",
        paragraph(prose.HALF) + "\n",
        table(titles, rows),
        paragraph(prose.PHASES.format(workers=PHASES_WORKERS)) + "\n",
        phase_table(costs),
        paragraph(prose.WHY) + "\n",
        why_table(costs),
        "What would move the limit:\n",
        *(item(f"*{what}*: {prose.WHAT_WOULD_HELP[what]}.") for what in told),
        "",
        "Memory, 64 px:\n",
        memory_table(costs),
    ]


def phase_table(costs: Costs) -> str:
    """Return the seconds of each phase on some workers, and of one thread over their number."""
    found: dict[str, dict[int, list[float]]] = {}
    for n in IMAGES:
        run = default_run(n, 64, CLASSES)
        for phase in phases(run, costs, Cluster(PHASES_WORKERS)):
            total = found.setdefault(phase.name, {}).setdefault(n, [0.0, 0.0])
            total[0] += phase.seconds
            total[1] += phase.alone_seconds / PHASES_WORKERS
    rows = [
        [name, *(_beside(*by_images.get(n, [0.0, 0.0])) for n in IMAGES)]
        for name, by_images in found.items()
    ]
    return table(["phase", *(f"{n:,} particles" for n in IMAGES)], rows)


def _beside(seconds: float, shared: float) -> str:
    return f"{seconds:,.3g}, {shared:,.3g}" if seconds else "-"


def why_table(costs: Costs) -> str:
    """Return what bounds the speed-up, for each box that was measured."""
    rows = []
    for grid in costs.grids:
        bounds = bounds_of(grid, costs.cluster, Cluster(1), CLASSES)
        rows.append(
            [
                str(grid.box_px),
                f"{bounds.for_an_image:.0f} x",
                *(f"{bounds.of_tasks(n):.0f}" for n in IMAGES),
                f"{bounds.that_read:.1f}",
            ]
        )
    of_tasks = [f"workers, {n:,} particles" for n in IMAGES]
    return table(["box", "by images", *of_tasks, "readers"], rows)


def _network(gbit: int) -> Cluster:
    return Cluster(1, network_bytes_per_second=gbit * GIGABIT)


def memory_table(costs: Costs) -> str:
    """Return the memory of the process and of the fullest worker."""
    rows = []
    for n in IMAGES:
        run = default_run(n, 64, CLASSES)
        found = [memory_bytes(run, costs, Cluster(w)) for w in (1, 10, 100, 1000)]
        cells = [f"{of_worker / 1e9:.3g} GB" for _, of_worker in found]
        rows.append([f"{n:,}", f"{found[0][0] / 1e9:.3g} GB", *cells])
    titles = ["particles", "this process", *(f"each of {w:,} workers" for w in (1, 10, 100, 1000))]
    return table(titles, rows)


def _measured(costs: Costs) -> list[str]:
    found = {k: v for k, v in costs.machine.items() if k not in LEFT_OUT_OF_MACHINE}
    machine = "; ".join(Machine(**found).lines())
    after = costs.machine.get("load_average_after")
    rows = [
        {
            "box": grid.box_px,
            "grid": grid.grid,
            "shifts": grid.n_shifts,
            "coefficient_bytes": grid.coefficient_bytes,
            "read_s": grid.read_seconds,
            "sum_s": grid.sum_seconds,
            "average_s": grid.average_seconds,
            "cut_a_class_s": grid.cut_seconds,
            "judge_a_class_s": grid.judge_seconds,
        }
        for grid in costs.grids
    ]
    searches = [
        {"box": grid.box_px, "search": name}
        | {f"{k}_classes_s": value for k, value in zip(grid.classes, seconds, strict=True)}
        for grid in costs.grids
        for name, seconds in (
            ("exhaustive", grid.exhaustive_seconds),
            ("fast", grid.fast_seconds),
        )
    ]
    return [
        "## What was measured\n",
        paragraph(f"{machine}; load {after} at the end.") + "\n",
        "Processor time of one thread for a block of 4096 images:\n",
        markdown_table(rows),
        "Searches of a block:\n",
        markdown_table(searches),
        paragraph(prose.MESSAGES) + "\n",
        messages_table(costs.cluster),
    ]


def messages_table(costs: ClusterCosts) -> str:
    """Return what workers cost, in words."""
    rows = []
    for one in fields(costs):
        words, unit = prose.UNITS[one.name]
        rows.append([words, f"{cell(getattr(costs, one.name))} {unit}".strip()])
    return table(["what", "cost"], rows)


def _checked(costs: Costs) -> list[str]:
    rows = [dict(check) for check in costs.checks]
    return [
        "## Held against runs\n",
        paragraph(prose.CHECKED) + "\n",
        markdown_table(rows) if rows else "",
        "Not checked:\n",
        *(item(words) for words in prose.NOT_CHECKED),
        "",
    ]
