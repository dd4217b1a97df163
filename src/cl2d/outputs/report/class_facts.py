"""What the page says of each class: the figures of the tables, in words where they need some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.evaluate import REASONS, THRESHOLDS
from cl2d.outputs.evaluation import KEPT, REASON_COLUMN, SELECTED_COLUMN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from cl2d.outputs.report.run_files import RunFiles

    Values = Sequence[float | None]

_CURVE_POINTS = 100_000
_FEWEST_POINTS, _MOST_POINTS = 32, 160
# Column of the class table, name on the page, decimals.
_FIGURES = (
    ("rlnClassDistribution", "share", 6),
    ("cl2dMembers", "members", 0),
    ("cl2dCoreMembers", "core_members", 0),
    ("cl2dStableCoreMembers", "stable_core_members", 0),
    ("cl2dMeanScore", "mean_score", 4),
    ("cl2dMeanConfidence", "mean_confidence", 4),
    ("cl2dHomogeneity", "homogeneity", 4),
    ("cl2dSplitGain", "split_gain", 6),
    ("cl2dSplitGainError", "split_gain_error", 6),
    ("cl2dQuality", "quality", 4),
    ("cl2dSimilarityRank", "likeness_rank", 0),
    ("cl2dReference", "reference", 0),
)


def class_facts(files: RunFiles) -> list[dict[str, Any]]:
    """Return the figures of each class of the last level, in the order of their numbers.

    ``resolution`` holds a value for each threshold of the evaluation, in angstrom or, without a
    pixel size, in pixels; None: not known.
    """
    facts: list[dict[str, Any]] = [{"number": k + 1} for k in range(files.n_classes)]
    for column, name, decimals in _FIGURES:
        if column not in files.classes:
            continue
        for fact, value in zip(facts, files.numbers(column).tolist(), strict=True):
            fact[name] = round(value, decimals) if decimals else int(value)
    for fact in facts:
        # The table says 0.5 of a class too small to be judged, where a page can say nothing.
        if fact.get("split_gain_error") == 0 and fact.get("split_gain") == 0:
            fact["homogeneity"] = None
    if not files.evaluated:
        return facts
    selected = files.numbers(SELECTED_COLUMN) != 0
    for k, reasons in enumerate(files.classes.text(REASON_COLUMN)):
        names = [name for name in reasons.split("+") if name != KEPT]
        facts[k]["selected"] = bool(selected[k])
        facts[k]["reasons"] = [REASONS.get(name, name) for name in names]
        facts[k]["reason_names"] = names
    for k, values in enumerate(zip(*resolutions(files), strict=True)):
        facts[k]["resolution"] = [None if value is None else round(value, 3) for value in values]
    return facts


def resolutions(files: RunFiles) -> list[Values]:
    """Return for each threshold the resolution of every class, in angstrom or pixels.

    It is worked out from the frequency, which is 0 where nothing is known.
    """
    found: list[Values] = []
    pixel_size = files.pixel_size_angstrom or 1.0
    for threshold in THRESHOLDS:
        frequency = files.numbers(f"cl2dFrequency{str(threshold).replace('.', '')}").tolist()
        found.append([pixel_size / value if value > 0 else None for value in frequency])
    return found


def curves(files: RunFiles) -> dict[str, Any] | None:
    """Return the Fourier ring correlation of each class, thinned out if there are many classes.

    None without an evaluation. A class too small to be halved has None for a curve.
    """
    if files.curves is None:
        return None
    frc = files.curves["frc"]
    n_points = min(max(_CURVE_POINTS // len(frc), _FEWEST_POINTS), _MOST_POINTS)
    step = -(-frc.shape[1] // n_points)
    return {
        "frequency_per_px": np.round(files.curves["frequency_per_px"][::step], 5),
        "frc": [_curve(row[::step]) for row in frc],
        "thresholds": list(THRESHOLDS),
        "compared_to_per_px": files.record["automatic"]["k_max"] / files.box_px,
    }


def _curve(values: npt.NDArray[np.float64]) -> list[float] | None:
    return None if np.isnan(values).all() else np.round(values, 3).tolist()
