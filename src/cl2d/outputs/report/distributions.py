"""How scores, confidences, shifts and angles are spread within each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.outputs.report.run_files import RunFiles

N_BINS = 24
_TAIL_PERCENT = 0.1


@dataclass(frozen=True)
class Bins:
    """Bins of equal width; what lies outside counts in the first or the last.

    Attributes
    ----------
    low, high : float, where the first begins and the last ends
    """

    low: float
    high: float

    @classmethod
    def around(cls, values: npt.NDArray[np.floating[Any]]) -> Bins:
        """Return bins that hold all but the outermost thousandth at either end."""
        if len(values) == 0:
            return cls(0.0, 1.0)
        low, high = np.percentile(values, [_TAIL_PERCENT, 100 - _TAIL_PERCENT]).tolist()
        return cls(low, high if high > low else low + 1.0)

    def index(self, values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.int64]:
        """Return the bin of each value."""
        place = (values.astype(np.float64) - self.low) * (N_BINS / (self.high - self.low))
        index: npt.NDArray[np.int64] = np.clip(np.floor(place), 0, N_BINS - 1).astype(np.int64)
        return index


def distributions(files: RunFiles, junk_threshold: float | None) -> dict[str, Any]:
    """Return a histogram of each quantity for each class, and of all particles.

    Every entry has ``low``, ``high``, ``unit``, ``all`` (counts of all particles in a class) and
    ``classes`` (counts for each); those of scores also ``core`` (counts of the core for each).
    """
    arrays, labels = files.particles, files.labels
    used = labels >= 0
    unit_px = files.pixel_size_angstrom
    shift = np.hypot(arrays["origin_x_px"], arrays["origin_y_px"]) * (unit_px or 1.0)
    found: dict[str, Any] = {}

    def add(name: str, values: npt.NDArray[Any], bins: Bins, unit: str = "") -> None:
        index = bins.index(values[used])
        counts = _counts(labels[used], index, files.n_classes)
        found[name] = {
            "low": bins.low,
            "high": bins.high,
            "unit": unit,
            "all": counts.sum(axis=0),
            "classes": counts,
        }

    add("score", arrays["score"], Bins.around(arrays["score"][used]))
    if files.has_cores:
        in_core = arrays["is_core"] & used
        index = Bins.around(arrays["score"][used]).index(arrays["score"][in_core])
        found["score"]["core"] = _counts(labels[in_core], index, files.n_classes)
    if "margin" in arrays:
        add("margin", arrays["margin"], Bins.around(arrays["margin"][used]))
    add("confidence", arrays["confidence"], Bins(0.0, 1.0))
    add(
        "shift",
        shift,
        Bins(0.0, max(float(shift[used].max(initial=0.0)), 1e-3)),
        "px" if unit_px is None else "Å",
    )
    add("angle", arrays["psi_deg"], Bins(-180.0, 180.0), "°")
    if files.has_cores:
        add("junk_zscore", arrays["junk_zscore"], Bins.around(arrays["junk_zscore"][used]))
        found["junk_zscore"]["threshold"] = junk_threshold
    return found


def _counts(
    labels: npt.NDArray[np.int64], index: npt.NDArray[np.int64], n_classes: int
) -> npt.NDArray[np.int64]:
    """Return how many particles of each class are in each bin, (n_classes, N_BINS)."""
    flat = np.bincount(labels * N_BINS + index, minlength=n_classes * N_BINS)
    return flat.reshape(n_classes, N_BINS)
