"""How a run went and what it was made with, as its record says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl2d.options import ClassifyOptions

if TYPE_CHECKING:
    from cl2d.outputs.report.run_files import RunFiles

REPORT_PHASE = "report"
"""The phase of making the page, whose time the page itself cannot tell."""

MOST_WORKERS = 20
"""Workers that the page tells of, the slowest first; the record has all of them."""


def course(files: RunFiles) -> list[dict[str, Any]]:
    """Return each level with what its iterations changed and how well the images fitted."""
    return [
        {
            "level": level["level"],
            "n_classes": level["n_classes"],
            "iterations": [_iteration(report) for report in level["iterations"]],
        }
        for level in files.record["levels"]
    ]


def provenance(files: RunFiles) -> dict[str, Any]:
    """Return input, options, automatic values, versions, timings and memory of the run."""
    record = files.record
    timings = {
        phase: round(seconds, 2)
        for phase, seconds in record["timings_seconds"].items()
        if phase != REPORT_PHASE
    }
    return {
        "command_line": record["command_line"],
        "written_at": record["written_at"],
        "input": record["input"],
        "options": _options(record["options"]),
        "automatic": record["automatic"],
        "versions": record["versions"],
        "machine": record["machine"],
        "timings_seconds": timings,
        "cpu_seconds": round(record["cpu_seconds"], 1),
        "memory": record["memory"],
        "cluster": _cluster(record.get("cluster")),
        "peak_memory_bytes": record["peak_memory_bytes"],
    }


def _cluster(use: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what a run on a cluster cost, its iterations by their number of classes."""
    if use is None:
        return None
    iterations: dict[int, list[dict[str, Any]]] = {}
    for one in use["iterations"]:
        iterations.setdefault(one["n_classes"], []).append(one)
    slowest_first = sorted(use["workers"], key=lambda worker: worker["comparisons_per_second"])
    return {
        "n_workers": len(use["workers"]),
        "sent_bytes": use["sent_bytes"],
        "received_bytes": use["received_bytes"],
        "waiting_share": use["waiting_share"],
        "workers": slowest_first[:MOST_WORKERS],
        "iterations": [
            {"n_classes": n_classes, "number": len(some), **_means(some)}
            for n_classes, some in sorted(iterations.items())
        ],
    }


def _means(iterations: list[dict[str, Any]]) -> dict[str, float]:
    """Return what an iteration took on average."""
    names = ("seconds", "sent_bytes", "received_bytes", "waiting_share")
    return {name: sum(one[name] for one in iterations) / len(iterations) for name in names}


def _iteration(report: dict[str, Any]) -> dict[str, Any]:
    # A level of a run before images were counted has none to divide by.
    n_images = report.get("n_images") or 0
    changed = 100 * report["n_changed"] / n_images if n_images else None
    kinds = ("settling", "sampled", "closing", "fast")
    return {
        "changed": report["n_changed"],
        "changed_percent": None if changed is None else round(changed, 3),
        "mean_score": round(report["mean_score"], 5),
        "reseeded": report["n_reseeded"],
        "exchange": report.get("exchange", 0),
        "kinds": [kind for kind in kinds if report.get(kind)],
    }


def _options(stages: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every option with its value, and whether that is the default."""
    defaults = ClassifyOptions().model_dump()
    return [
        {
            "stage": stage,
            "name": name,
            "value": value,
            "is_default": value == defaults.get(stage, {}).get(name),
        }
        for stage, options in stages.items()
        for name, value in options.items()
    ]
