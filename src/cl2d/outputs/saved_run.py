"""Read back the folder of a finished run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io import read_particle_table, read_stack, read_star
from cl2d.io.npz import read_npz
from cl2d.options import ClassifyOptions
from cl2d.outputs.folder import (
    CLASS_AVERAGES,
    CLASS_TABLE,
    HIERARCHY,
    LEVEL_PARTICLES,
    LEVELS,
    PARTICLE_TABLE,
    RUN_RECORD,
)
from cl2d.outputs.own_folders import level_name
from cl2d.outputs.tables import CLASS_BLOCK
from cl2d.preprocess import PreprocessPlan
from cl2d.results import ClassHomogeneity, IterationReport, LevelResult, poses_from_relion

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

    from cl2d.io import ParticleTable

_LEVEL_ARRAYS = (
    "class_number",
    "psi_deg",
    "origin_x_px",
    "origin_y_px",
    "flip",
    "score",
    "confidence",
)


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A finished run as its folder tells it.

    Attributes
    ----------
    folder : Path
    record : the contents of run.json
    options : ClassifyOptions
    plan : PreprocessPlan, what was decided from the images of the run
    levels : tuple of LevelResult, from level 0; labels from 0 as in memory
    averages : (n_classes, box, box) float32, of the last level
    """

    folder: Path
    record: dict[str, Any]
    options: ClassifyOptions
    plan: PreprocessPlan
    levels: tuple[LevelResult, ...]
    averages: npt.NDArray[np.float32]

    @property
    def input_name(self) -> str:
        """What the run called its particles: the path as it was given, or "array"."""
        return str(self.record["input"]["name"])

    @property
    def fingerprint(self) -> str:
        """The sha256 of the particles it was made from."""
        return str(self.record["input"]["fingerprint_sha256"])


def load_run(out: str | os.PathLike[str], *, renewable: bool = False) -> SavedRun:
    """Read options, plan, levels and averages of a finished run.

    Parameters
    ----------
    out : path
        The folder of the run.
    renewable : bool
        Whether files of it may be half renewed (:mod:`cl2d.outputs.renewal`): for whoever renews
        them all.

    Raises
    ------
    InputFileError
        If the folder holds no finished run, or a file of it is missing or damaged.
    """
    folder = Path(out)
    record = read_run_record(folder)
    status = record["status"]
    if status != "complete" and not (renewable and status == "renewing"):
        again = ": cl2d cores or cl2d evaluate was cut off, run it again"
        how = again if status == "renewing" else ""
        message = f"{folder / RUN_RECORD}: the run must be complete, not {status}{how}"
        raise InputFileError(message)
    try:
        options = ClassifyOptions.model_validate_json(json.dumps(record["options"]))
        plan = _plan(record["preprocessing"])
        levels = _levels(folder, record["levels"])
    except InputFileError:
        raise
    except (LookupError, AttributeError, TypeError, ValueError, OSError, RecursionError) as error:
        message = f"{folder}: must hold the files of a run as cl2d wrote them ({error})"
        raise InputFileError(message) from error
    return SavedRun(folder, record, options, plan, levels, read_stack(folder / CLASS_AVERAGES))


def read_run_record(folder: Path) -> dict[str, Any]:
    """Return the contents of run.json.

    Raises
    ------
    InputFileError
        If it is missing or is no run record.
    """
    path = folder / RUN_RECORD
    if not path.is_file():
        message = f"{folder}: must be the folder of a run, but it has no {RUN_RECORD}"
        raise InputFileError(message)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise InputFileError(message) from error
    except (ValueError, RecursionError) as error:
        message = f"{path}: must be JSON ({error})"
        raise InputFileError(message) from error
    if not isinstance(record, dict) or "status" not in record:
        message = f"{path}: must be the record of a run, with a status"
        raise InputFileError(message)
    return record


def run_id(record: dict[str, Any]) -> str:
    """Return what tells one run from all others: its particles and when it was written."""
    fingerprint = record["input"]["fingerprint_sha256"]
    return f"{fingerprint[:12]}-{record['written_at']}"


def read_run_particles(out: str | os.PathLike[str]) -> ParticleTable:
    """Return the particle table of a run: its particles.star, or that file given itself.

    Raises
    ------
    InputFileError
        If there is none, or it has no class numbers.
    """
    path = Path(out)
    if path.is_dir():
        path = path / PARTICLE_TABLE
    if not path.is_file():
        message = f"{path}: does not exist; give the folder of a finished run"
        raise InputFileError(message)
    table = read_particle_table(path)
    table.numbers("rlnClassNumber")
    return table


def _plan(facts: dict[str, Any]) -> PreprocessPlan:
    arrays = ("noise_power", "signal_to_noise")
    known = {field.name for field in dataclasses.fields(PreprocessPlan)}
    values = {name: value for name, value in facts.items() if name in known}
    for name in arrays:  # JSON has no infinity: the record says null
        values[name] = np.array([np.inf if value is None else value for value in values[name]])
    values["warnings"] = tuple(values["warnings"])
    return PreprocessPlan(**values)


def _levels(folder: Path, facts: list[dict[str, Any]]) -> tuple[LevelResult, ...]:
    tree = json.loads((folder / HIERARCHY).read_text(encoding="utf-8"))
    levels = []
    for fact, branch in zip(facts, tree["levels"], strict=True):
        path = folder / LEVELS / level_name(fact["level"]) / LEVEL_PARTICLES
        parents = [(entry["parent"] or 0) - 1 for entry in branch["classes"]]
        iterations = tuple(IterationReport(**report) for report in fact["iterations"])
        levels.append(_level(path, fact, np.array(parents, dtype=np.int32), iterations))
    levels[-1] = replace(levels[-1], homogeneity=_homogeneity(folder))
    return tuple(levels)


def _homogeneity(folder: Path) -> ClassHomogeneity | None:
    """Return the homogeneity of the classes; None for a run of a version that knew none."""
    columns = read_star(folder / CLASS_TABLE)[CLASS_BLOCK].columns
    names = ("cl2dSplitGain", "cl2dSplitGainError", "cl2dHomogeneity")
    if not all(name in columns for name in names):
        return None
    return ClassHomogeneity(*(np.array(columns[name], dtype=np.float64) for name in names))


def _level(
    path: Path,
    fact: dict[str, Any],
    parents: npt.NDArray[np.int32],
    iterations: tuple[IterationReport, ...],
) -> LevelResult:
    arrays = read_npz(path)
    _check_rows(path, arrays)
    origin_px = np.stack([arrays["origin_x_px"], arrays["origin_y_px"]], axis=1)
    return LevelResult(
        level=fact["level"],
        n_classes=fact["n_classes"],
        labels=arrays["class_number"].astype(np.int32) - 1,
        poses=poses_from_relion(arrays["psi_deg"], origin_px, arrays["flip"]),
        scores=arrays["score"],
        confidence=arrays["confidence"],
        parents=parents,
        iterations=iterations,
        margin=arrays.get("margin"),
    )


def _check_rows(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Refuse arrays of a level that do not have one number for each particle."""
    n_rows = len(arrays["class_number"])
    for name in (*_LEVEL_ARRAYS, "margin"):
        values = arrays[name] if name in _LEVEL_ARRAYS else arrays.get(name)
        if values is not None and (values.shape != (n_rows,) or values.dtype.kind not in "biuf"):
            kind = f"{values.dtype} of shape {values.shape}"
            message = f"{path}: {name} must be {n_rows} numbers, not {kind}"
            raise InputFileError(message)
