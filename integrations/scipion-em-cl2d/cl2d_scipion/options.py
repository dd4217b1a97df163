"""The options of cl2d as ``cl2d schema`` tells them, and a command line made of their values."""

from __future__ import annotations

import json
from pathlib import Path

# Scipion has its own place for these, or the plugin decides.
LEFT_OUT = (
    *("references", "overwrite", "format", "relion_mirrors", "threads", "scratch_dir"),
    *("workers", "scheduler", "scheduler_file", "slurm", "worker_timeout_seconds"),
)
AUTOMATIC = "automatic"


def read_options() -> list:
    """Return the options to ask for, in order: what ``cl2d schema`` printed, kept in a file."""
    text = (Path(__file__).parent / "options.json").read_text(encoding="utf-8")
    return [option for option in json.loads(text)["options"] if option["name"] not in LEFT_OUT]


def choices_of(option: dict) -> list:
    """Return the choices of an option, first the one that leaves it to cl2d."""
    return ([] if option["automatic"] is None else [AUTOMATIC]) + option["choices"]


def words_of(option: dict, value) -> list:
    """Return the words of a command line for a value; none for the default."""
    if value in (None, "", AUTOMATIC) or value == option["default"]:
        return []
    if option["type"] == "boolean":
        return [option["flag"] if value else option["off_flag"]]
    return [option["flag"], str(value)]


def problem_with(option: dict, value) -> str:
    """Return what is wrong with a value, empty if nothing is."""
    if value in (None, "") or option["type"] not in ("integer", "number"):
        return ""
    if option["words"] and value in option["words"]:
        return ""
    try:
        number = int(value) if option["type"] == "integer" else float(value)
    except ValueError:
        wanted = " or ".join(["a number", *(option["words"] or [])])
        return f"{option['flag']} must be {wanted}, not {value}"
    limits = (
        ("minimum", "at least", lambda limit: number >= limit),
        ("exclusive_minimum", "more than", lambda limit: number > limit),
        ("maximum", "at most", lambda limit: number <= limit),
        ("exclusive_maximum", "less than", lambda limit: number < limit),
    )
    for key, wanted, holds in limits:
        if option[key] is not None and not holds(option[key]):
            return f"{option['flag']} must be {wanted} {option[key]:g}, not {value}"
    return ""
