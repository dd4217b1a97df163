"""The lines a person reads while a classification runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cl2d.events import (
    ClassesAdjusted,
    ClassesExchanged,
    ClusteringDue,
    ClusterJoined,
    ExchangeEnded,
    JobsSubmitted,
    LevelFinished,
    PhaseFinished,
    PortionAssigned,
    PortionTaken,
    RunFinished,
    RunPlanned,
    RunResumed,
    RunWarned,
)
from cl2d.levels.schedule import most_iterations, most_iterations_with
from cl2d.options import size
from cl2d.results import IterationReport


@dataclass
class Wording:
    """Words for the events of one run; knows how many iterations there are.

    The last level, that of ``last_classes``, may take more iterations than the others.
    """

    n_iterations: int
    last_classes: int | None = None

    def lines(self, event: object) -> list[str]:
        """Return the lines worth keeping for an event; none for mere progress."""
        words: dict[type, Callable[[Any], list[str]]] = {
            RunPlanned: plan_lines,
            RunResumed: _resumed_lines,
            JobsSubmitted: _job_lines,
            ClusterJoined: _cluster_lines,
            RunWarned: lambda warned: [f"warning: {warned.message}"],
            IterationReport: lambda report: [self.iteration_line(report)],
            ClassesExchanged: _exchange_lines,
            ClassesAdjusted: _adjustment_lines,
            ExchangeEnded: _exchange_end_lines,
            LevelFinished: _level_lines,
            PhaseFinished: lambda phase: [f"{phase.name}: {duration(phase.seconds)}"],
            RunFinished: _finish_lines,
            PortionTaken: _taken_lines,
            PortionAssigned: _assigned_lines,
            ClusteringDue: _due_lines,
        }
        return words[type(event)](event) if type(event) in words else []

    def iteration_line(self, report: IterationReport) -> str:
        """Return level, iteration, change, likeness, sizes and time of one iteration."""
        last = self._is_last(report.n_classes)
        most = most_iterations_with(report, self.n_iterations, last=last)
        kind = "settling iteration" if report.settling else "iteration"
        number = f"{kind} {report.iteration} of at most {most}"
        if report.closing:
            number = f"iteration {report.iteration} of {most} by all images"
        elif report.sampled:
            number += f", {count(report.n_images, 'image')}"
        if report.n_fast_differs is not None:
            differing = count(report.n_fast_differs, "image")
            number = f"exhaustive search, the fast one differs for {differing}"
        return (
            f"level {report.level} ({count(report.n_classes, 'class')})"
            f"  {number}"
            f"  {self.changed_percent(report):.1f} % changed"
            f"  mean similarity {report.mean_score:.4f}"
            f"  sizes {report.smallest_class} to {report.largest_class}"
            f"  {duration(report.seconds)}"
        )

    def most_iterations(self, n_classes: int) -> int:
        """Return how many iterations a level of so many classes may take."""
        return most_iterations(self.n_iterations, last=self._is_last(n_classes))

    def _is_last(self, n_classes: int) -> bool:
        return 1 < n_classes == self.last_classes

    def changed_percent(self, report: IterationReport) -> float:
        """Return the share of images that changed their class, in percent."""
        return 100 * report.n_changed / max(1, report.n_images)


def plan_lines(plan: RunPlanned) -> list[str]:
    """Return what the run is about to do, with memory needed and available."""
    pixel = "pixel size not known"
    if plan.pixel_size_angstrom is not None:
        pixel = f"{plan.pixel_size_angstrom:.4g} angstrom a pixel"
    detail = ""
    if plan.resolution_angstrom is not None:
        detail = f", detail to {plan.resolution_angstrom:.3g} angstrom"
    if plan.ctf == "flip":
        detail += ", phases flipped"
    elif plan.ctf == "full":
        detail += ", averages corrected for the CTF"
    return [
        f"{count(plan.n_images, 'particle')}, box {plan.box_px} px, {pixel}",
        f"worked on at {plan.working_box_px} px{detail}",
        f"{_classes(plan)}, shifts up to {plan.max_shift_px:.4g} px"
        f" ({count(plan.n_shifts, 'position')})",
        f"{count(plan.threads, 'thread')}, SIMD {plan.simd_level}",
        _memory_line(plan),
        *(f"warning: {warning}" for warning in plan.warnings),
    ]


def _memory_line(plan: RunPlanned) -> str:
    limit = plan.memory_limit_bytes
    available = f"{size(limit)} available" if limit is not None else "available not known"
    kept = {
        "single": "in single precision",
        "half": "in half precision",
        "scratch": "in half precision in a scratch file",
    }[plan.storage]
    needed = f"memory: about {size(plan.memory_bytes)} needed, {available}"
    return f"{needed}; {size(plan.bytes_per_image)} an image {kept}"


def _classes(plan: RunPlanned) -> str:
    classes = count(plan.n_classes, "class")
    return f"at most {classes}, as many as are found" if plan.automatic_classes else classes


def _resumed_lines(run: RunResumed) -> list[str]:
    behind = count(run.n_iterations, "iteration")
    levels = f", {count(run.n_levels, 'level')} of them done" if run.n_levels else ""
    return [f"goes on after {behind}{levels}: {run.checkpoint}, written {run.written_at}"]


def _job_lines(jobs: JobsSubmitted) -> list[str]:
    told = [f"{count(jobs.n_jobs, 'job')} of SLURM to compute, submitted as:"]
    return told + [f"    {line}" for line in jobs.script.splitlines() if line]


def _cluster_lines(cluster: ClusterJoined) -> list[str]:
    page = f"; at work: {cluster.dashboard}" if cluster.dashboard else ""
    return [f"{count(cluster.n_workers, 'worker')}, {count(cluster.threads, 'thread')}{page}"]


def _level_lines(level: LevelFinished) -> list[str]:
    sizes = f" of {min(level.class_sizes)} to {max(level.class_sizes)}" if level.class_sizes else ""
    return [f"level {level.level} done: {count(level.n_classes, 'class')}{sizes} particles"]


def _exchange_lines(event: ClassesExchanged) -> list[str]:
    pairs = count(event.n_pairs, "pair")
    return [f"level {event.level}: {pairs} of like classes joined, as many mixed classes cut"]


def _adjustment_lines(event: ClassesAdjusted) -> list[str]:
    return [f"level {event.level}: {event.n_joined} classes joined to others, {event.n_cut} cut"]


def _exchange_end_lines(event: ExchangeEnded) -> list[str]:
    return [] if event.kept else [f"level {event.level}: no better for that, and taken back"]


def _finish_lines(run: RunFinished) -> list[str]:
    return [f"done in {duration(run.seconds)} ({duration(run.cpu_seconds)} of processor time)"]


def _taken_lines(event: PortionTaken) -> list[str]:
    new = count(event.n_images, "new particle")
    return [f"portion {event.portion}: {new}, {event.n_total:,} in all"]


def _assigned_lines(event: PortionAssigned) -> list[str]:
    share = 100 * event.n_poor / max(1, event.n_images)
    into = f"assigned to the classes of run {event.run}"
    return [f"portion {event.portion}: {into}, {share:.1f} % explained poorly"]


def _due_lines(event: ClusteringDue) -> list[str]:
    return [f"run {event.run} of {count(event.n_images, 'particle')}: {event.reason}"]


def count(number: int, noun: str) -> str:
    """Return a number with its noun: "1 class", "12,000 particles"."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def duration(seconds: float) -> str:
    """Return a time as people say it: "0.3 s", "4 min 05 s", "2 h 10 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
