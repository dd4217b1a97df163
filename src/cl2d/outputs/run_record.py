"""run.json: with what, on what, how long and how a run went."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import platform
import resource
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import cl2d
from cl2d.errors import InputError
from cl2d.io import atomic_path
from cl2d.levels import level_schedule
from cl2d.outputs.folder import RUN_RECORD
from cl2d.outputs.tables import FLAG_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cl2d.outputs.classification import RunState
    from cl2d.preprocess import PreprocessPlan
    from cl2d.results import LevelResult

    Status = Literal["running", "complete", "interrupted", "failed", "renewing"]

FORMAT = 1
_PACKAGES = ("numpy", "scipy", "mrcfile", "pydantic", "pillow")
_OF_A_PROCESS = (
    *("status", "error", "written_at", "command_line", "machine"),
    *("timings_seconds", "cpu_seconds", "peak_memory_bytes"),
)
# Linux reports the peak in KiB, macOS in bytes.
_PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


def write_run_record(
    out: Path,
    run: RunState,
    status: Status = "complete",
    *,
    error: str | None = None,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write run.json in one step, so that a reader never finds half of it.

    Parameters
    ----------
    out
        The output folder.
    run
        The run; what it does not know yet may be missing.
    status
        "complete" only after all other files are written.
    error
        Why a run failed.
    earlier
        What earlier processes did for the run (:func:`what_was_done`).

    Returns
    -------
    Path
        The file.
    """
    return save_record(out, run_record(run, status, error, earlier))


def save_record(out: Path, record: dict[str, Any]) -> Path:
    """Write the contents of run.json, and return the file."""
    path = out / RUN_RECORD
    text = json.dumps(plain_json(record), indent=2, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def mark_interrupted(out: Path) -> None:
    """Turn the record of a run that is going on into that of an interrupted one.

    For whoever ends a process that cannot do so itself. A record that says anything else, or none,
    stays as it is.
    """
    record = _read_record(out)
    if record.get("status") == "running":
        save_record(out, {**record, "status": "interrupted"})


def set_status(out: Path, status: Status) -> None:
    """Change the status that the record in a folder tells."""
    save_record(out, {**_read_record(out), "status": status})


def remove_other_record(out: Path) -> None:
    """Remove the record of an earlier run, which would vouch for files of this one.

    That of the run that is going on stays.
    """
    if _read_record(out).get("status") != "running":
        (out / RUN_RECORD).unlink(missing_ok=True)


def _read_record(out: Path) -> dict[str, Any]:
    """Return the record in a folder, empty if there is none that can be read."""
    try:
        record = json.loads((out / RUN_RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def what_was_done(out: Path) -> list[dict[str, Any]]:
    """Return, of each process that has worked on the unfinished run in a folder, what it took."""
    record = _read_record(out)
    if record.get("status") in (None, "complete"):
        return []
    last = {key: record.get(key) for key in _OF_A_PROCESS}
    return [*record.get("earlier_processes", []), last]


def earlier_processes(out: Path) -> list[dict[str, Any]]:
    """Return what the record in a folder says of processes before the present one."""
    found = _read_record(out).get("earlier_processes", [])
    return found if isinstance(found, list) else []


def run_record(
    run: RunState,
    status: Status,
    error: str | None = None,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the run record as plain values; every key is there whatever the status."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    record = {
        "format": FORMAT,
        "status": status,
        "error": error,
        "written_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command_line": sys.argv,
        "versions": versions(),
        "machine": {
            "platform": platform.platform(),
            "simd_level": cl2d.simd_level(),
            "threads": run.options.run.n_threads(),
        },
        "input": _input_facts(run),
        "options": run.options.model_dump(),
        "automatic": _automatic_values(run),
        "preprocessing": run.plan,
        "levels": [_level_facts(level) for level in run.levels],
        "memory": run.memory,
        "cluster": run.cluster,
        "warnings": run.warnings,
        "timings_seconds": run.timings,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_memory_bytes": usage.ru_maxrss * _PEAK_UNIT_BYTES,
        "earlier_processes": list(earlier),
    }
    plain: dict[str, Any] = plain_json(record)
    return plain


def mask_radius_px(plan: PreprocessPlan) -> float:
    """Return the radius of the mask in pixels of the input."""
    return plan.mask_radius_px * plan.box_px / plan.working_box_px


def versions() -> dict[str, str | None]:
    """Return the versions of cl2d, Python and the packages it computes and writes with."""
    found: dict[str, str | None] = {"cl2d": cl2d.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def plain_json(value: object) -> Any:
    """Return a value as JSON knows it: numpy and dataclasses as plain, NaN and infinity as null.

    Raises
    ------
    TypeError
        If a value has no plain form.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (np.ndarray, np.generic)):
        return plain_json(value.tolist())
    if hasattr(value, "items"):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    msg = f"run record values must be plain, not {type(value).__name__}"
    raise TypeError(msg)


def _input_facts(run: RunState) -> dict[str, Any]:
    source, flags = run.source, run.flags
    counts = None
    if flags is not None:
        counts = {name: np.count_nonzero(flags == flag) for flag, name in FLAG_NAMES.items()}
    return {
        "name": source.name,
        "n_images": source.n_images,
        "box_px": source.box_px,
        "pixel_size_angstrom": source.pixel_size_angstrom,
        "fingerprint_sha256": source.fingerprint(),
        "images_by_flag": counts,
    }


def _automatic_values(run: RunState) -> dict[str, Any]:
    """Return the values that were used, whether given or chosen; unknown ones are None."""
    plan, options = run.plan, run.options
    return {
        "classes_by_level": _classes_by_level(run),
        "ctf": None if plan is None else plan.ctf,
        "max_shift_px": _max_shift_px(run),
        "mask_radius_px": None if plan is None else mask_radius_px(plan),
        "working_box_px": None if plan is None else plan.working_box_px,
        "k_min": None if plan is None else plan.k_min,
        "k_max": None if plan is None else plan.k_max,
        "resolution_angstrom": None if plan is None else plan.resolution_angstrom,
        "threads": options.run.n_threads(),
        "seed": options.levels.seed,
    }


def _classes_by_level(run: RunState) -> list[int]:
    """Return the classes of every level: as planned, or those of the levels so far if found."""
    levels = run.options.levels
    if levels.classes == "auto":
        return [level.n_classes for level in run.levels]
    return level_schedule(levels.initial_classes, levels.classes)


def _max_shift_px(run: RunState) -> float | None:
    """Return the radius of the searched disc; None for options that do not fit the images."""
    try:
        return run.options.alignment.shift_radius_px(
            run.source.box_px, run.source.pixel_size_angstrom
        )
    except InputError:
        return None


def _level_facts(level: LevelResult) -> dict[str, Any]:
    used = level.labels >= 0
    return {
        "level": level.level,
        "n_classes": level.n_classes,
        "class_sizes": level.class_sizes(),
        "n_in_no_class": np.count_nonzero(~used),
        "mean_score": level.scores[used].mean(dtype=np.float64) if used.any() else None,
        "iterations": level.iterations,
    }
