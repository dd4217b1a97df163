"""What a run amounts to, in a few figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.outputs.evaluation import SELECTED_COLUMN
from cl2d.outputs.report.class_facts import resolutions

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.outputs.report.run_files import RunFiles


def verdict(files: RunFiles, junk: npt.NDArray[np.bool_] | None) -> dict[str, Any]:
    """Return counts, shares and resolutions for the first line of the page.

    Shares are of all particles of the input. What was not measured is None.

    Parameters
    ----------
    files : RunFiles
    junk : (n,) which particles are junk; None: not known
    """
    labels = files.labels
    n_particles = len(labels)
    members = files.numbers("cl2dMembers")
    found: dict[str, Any] = {
        "particles": n_particles,
        "in_no_class": np.count_nonzero(labels < 0),
        "classes": files.n_classes,
        "empty_classes": np.count_nonzero(members == 0),
        "core_share": _share(files.particles["is_core"]) if files.has_cores else None,
        "junk_share": None if junk is None else _share(junk),
        "kept_classes": None,
        "kept_particles": None,
        "best_resolution": None,
        "median_resolution": None,
    }
    if files.evaluated:
        kept = files.numbers(SELECTED_COLUMN) != 0
        at_half = resolutions(files)[0]
        known = [value for value, keep in zip(at_half, kept, strict=True) if keep and value]
        found["kept_classes"] = np.count_nonzero(kept)
        found["kept_particles"] = int(members[kept].sum())
        if known:
            found["best_resolution"] = round(min(known), 3)
            found["median_resolution"] = round(float(np.median(known)), 3)
    return found


def _share(flags: npt.NDArray[np.bool_]) -> float:
    return round(float(flags.mean()), 5) if len(flags) else 0.0
