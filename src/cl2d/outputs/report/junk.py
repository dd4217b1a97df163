"""Which particles a run takes for junk, and on which micrographs they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.evaluate import REASONS
from cl2d.outputs.evaluation import REASON_COLUMN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from cl2d.outputs.report.run_files import RunFiles

    Flags = npt.NDArray[np.bool_]

WORST_MICROGRAPHS = 25
SHARE_BINS = 20
COURSE_POINTS = 120
_SURE = 1.96
"""Standard errors of the lower limit by which micrographs are ranked: 95 %."""
_SIZE_ALONE = {"too_small"}


def junk_threshold(files: RunFiles) -> float | None:
    """Return the junk z from which a particle counts as junk; None without cores."""
    return float(files.record["options"]["cores"]["junk_zscore"]) if files.has_cores else None


def junk_particles(files: RunFiles) -> Flags | None:
    """Return which particles are junk, None where nothing was measured that tells.

    Junk has a junk z at or above the threshold of the run, or is a member of a class that is
    proposed to be dropped for what it shows, not for its size alone.
    """
    if not (files.has_cores or files.evaluated):
        return None
    labels = files.labels
    junk = np.zeros(len(labels), dtype=bool)
    threshold = junk_threshold(files)
    if threshold is not None:
        junk |= files.particles["junk_zscore"] >= threshold
    if files.evaluated:
        reasons = [set(text.split("+")) for text in files.classes.text(REASON_COLUMN)]
        bad = np.array([bool(found & (REASONS.keys() - _SIZE_ALONE)) for found in reasons])
        junk |= (labels >= 0) & bad[labels]
    return junk & (labels >= 0)


def junk_by_micrograph(names: Sequence[str], junk: Flags, used: Flags) -> dict[str, Any]:
    """Return the share of junk on each micrograph: the worst, a histogram, and their course.

    Parameters
    ----------
    names : (n,) name of the micrograph of each particle
    junk : (n,) which particles are junk
    used : (n,) which are in a class; the others do not count

    Returns
    -------
    dict
        ``n_micrographs``; ``worst``, rows of name, particles, junk and share, ordered by the
        lower limit of the 95 % interval of Wilson for the share, so that a micrograph with two
        particles does not lead; ``histogram``, micrographs by share, from 0 to
        ``histogram_to``; ``course``, mean share over
        groups of consecutive micrographs in the order of the table, each of ``group`` of them.
    """
    codes: dict[str, int] = {}
    code = np.array([codes.setdefault(name, len(codes)) for name in names], dtype=np.int64)
    total = np.bincount(code[used], minlength=len(codes))
    bad = np.bincount(code[used & junk], minlength=len(codes))
    share = bad / np.maximum(total, 1)
    known = list(codes)
    order = np.argsort(-_wilson_lower_limit(bad, total), kind="stable")[:WORST_MICROGRAPHS]
    group = -(-len(codes) // COURSE_POINTS)
    starts = np.arange(0, len(codes), group)
    sums = np.add.reduceat(bad, starts) / np.maximum(np.add.reduceat(total, starts), 1)
    highest = max(np.ceil(20 * share.max()) / 20, 0.05)
    bins = np.minimum((share[total > 0] / highest * SHARE_BINS).astype(np.int64), SHARE_BINS - 1)
    return {
        "n_micrographs": len(codes),
        "worst": [
            {"name": known[i], "particles": total[i], "junk": bad[i], "share": round(share[i], 4)}
            for i in order.tolist()
            if bad[i]
        ],
        "histogram_to": highest,
        "histogram": np.bincount(bins, minlength=SHARE_BINS),
        "course": np.round(sums, 4),
        "group": group,
    }


def _wilson_lower_limit(
    hits: npt.NDArray[np.int64], total: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the lower limit of a share, after E. B. Wilson (1927), JASA 22, 209."""
    n = np.maximum(total, 1)
    share, z2 = hits / n, _SURE**2
    middle = share + z2 / (2 * n)
    spread = _SURE * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    limit: npt.NDArray[np.float64] = (middle - spread) / (1 + z2 / n)
    return limit
