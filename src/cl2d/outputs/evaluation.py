"""What an evaluation adds to the folder of a run: columns of classes.star, curves, metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.evaluate import THRESHOLDS, LevelEvaluation
from cl2d.io import StarBlock, atomic_path, read_star, write_star
from cl2d.outputs.folder import CLASS_TABLE, LEVEL_CURVES, METRICS, level_folder
from cl2d.outputs.run_record import plain_json
from cl2d.outputs.tables import CLASS_BLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    Column = npt.NDArray[Any] | list[str]

FORMAT = 1
SELECTED_COLUMN, REASON_COLUMN = "cl2dSelected", "cl2dReason"
KEPT = "good"
"""What the column of reasons says of a class that is proposed to be kept."""
UNKNOWN_RESOLUTION_ANGSTROM = 999.0
"""RELION's number for a resolution that is not known."""
_THRESHOLD_NAMES = {threshold: str(threshold).replace(".", "") for threshold in THRESHOLDS}


def write_evaluation(out: Path, evaluations: Sequence[LevelEvaluation]) -> None:
    """Add the evaluation of every level to the files of a run.

    ``classes.star`` of each level, and of the run, gets or renews its columns of the evaluation;
    curves go to ``frc.npz`` beside it, a summary to ``metrics.json``. Each file appears whole.

    Parameters
    ----------
    out : Path
        Folder of a run whose class tables are written.
    evaluations : sequence of LevelEvaluation
        All levels, the delivered one last; none leaves everything as it is.
    """
    if not evaluations:
        return
    for evaluation in evaluations:
        folder = level_folder(out, evaluation.level)
        _write_curves(folder / LEVEL_CURVES, evaluation)
        _add_columns(folder / CLASS_TABLE, evaluation)
    _add_columns(out / CLASS_TABLE, evaluations[-1])
    text = json.dumps(plain_json(metrics(evaluations)), indent=2, allow_nan=False)
    with atomic_path(out / METRICS) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def evaluation_columns(evaluation: LevelEvaluation) -> dict[str, Column]:
    """Return the columns that an evaluation adds to a class table.

    A class too small to be measured has frequency 0, resolution 999 and quality 0.
    """
    measured = evaluation.measured
    columns: dict[str, Column] = {}
    resolution = evaluation.resolution_angstrom
    if resolution is not None:
        known = np.where(measured[:, None], resolution, UNKNOWN_RESOLUTION_ANGSTROM)
        columns["rlnEstimatedResolution"] = known[:, 0]
        for i, name in enumerate(_THRESHOLD_NAMES.values()):
            columns[f"cl2dResolution{name}Angst"] = known[:, i]
    for i, name in enumerate(_THRESHOLD_NAMES.values()):
        columns[f"cl2dFrequency{name}"] = np.nan_to_num(evaluation.crossing_per_px[:, i], nan=0.0)
    columns["cl2dFrcStatus"] = ["measured" if yes else "too_small" for yes in measured.tolist()]
    columns["cl2dQuality"] = evaluation.quality
    columns[SELECTED_COLUMN] = evaluation.selected.astype(np.int32)
    columns[REASON_COLUMN] = ["+".join(reasons) or KEPT for reasons in evaluation.reasons]
    columns["cl2dSimilarityRank"] = evaluation.similarity_rank()
    return columns


def metrics(evaluations: Sequence[LevelEvaluation]) -> dict[str, Any]:
    """Return the summary for dashboards: each level in a few numbers, each class of the last."""
    last = evaluations[-1]
    return {
        "format": FORMAT,
        "thresholds": THRESHOLDS,
        "levels": [_level_metrics(evaluation) for evaluation in evaluations],
        "classes": [_class_metrics(last, k) for k in range(len(last.quality))],
        "order_by_likeness": last.order + 1,
    }


def _level_metrics(evaluation: LevelEvaluation) -> dict[str, Any]:
    measured = evaluation.measured
    resolution = evaluation.resolution_angstrom
    return {
        "level": evaluation.level,
        "n_classes": len(measured),
        "n_measured": np.count_nonzero(measured),
        "median_frequency_per_px": _medians(evaluation.crossing_per_px[measured]),
        "median_resolution_angstrom": None
        if resolution is None
        else _medians(resolution[measured]),
        "mean_quality": evaluation.quality.mean(),
    }


def _class_metrics(evaluation: LevelEvaluation, k: int) -> dict[str, Any]:
    resolution = evaluation.resolution_angstrom
    return {
        "class_number": k + 1,
        "half_set_members": evaluation.half_members[k],
        "frequency_per_px": evaluation.crossing_per_px[k],
        "resolution_angstrom": None if resolution is None else resolution[k],
        "quality": evaluation.quality[k],
        "selected": bool(evaluation.selected[k]),
        "reasons": evaluation.reasons[k],
    }


def _medians(values: npt.NDArray[np.float64]) -> list[float] | None:
    """Return the median of each column; None without rows."""
    return np.median(values, axis=0).tolist() if len(values) else None


def _write_curves(path: Path, evaluation: LevelEvaluation) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            frequency_per_px=evaluation.frequency_per_px,
            frc=evaluation.frc,
            ssnr=evaluation.ssnr,
            half_set_members=evaluation.half_members,
        )


def _add_columns(path: Path, evaluation: LevelEvaluation) -> None:
    blocks = read_star(path)
    columns = {**blocks[CLASS_BLOCK].columns, **evaluation_columns(evaluation)}
    write_star(path, {**blocks, CLASS_BLOCK: StarBlock(columns)})
