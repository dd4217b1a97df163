"""How well a classification found what was simulated: views, poses, directions and junk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from cl2d.agreement import (
    adjusted_rand_index,
    contingency,
    matched_classes,
    normalised_mutual_information,
    purity,
)
from cl2d.simulate.truth import truth_poses

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.results import Poses
    from cl2d.simulate.truth import Truth

    FloatArray = npt.NDArray[np.float64]
    Labels = npt.NDArray[np.int32]

NEAR_MODE_RAD = np.radians(15.0)  # members whose angle lies this close speak for their class
FEWEST_MEMBERS = 5  # of its view, below which a class has no frame worth estimating
PAIRED_MEMBERS = 300  # members of a class whose directions are compared, all with all
RIGHT_ANGLE_DEG, RIGHT_SHIFT_PX = 10.0, 2.0


@dataclass(frozen=True)
class PoseErrors:
    """Errors of each particle's pose relative to the consensus of its class; NaN where unknown.

    The frame of a class is arbitrary: it may be turned, shifted and mirrored against the view.
    Unknown are junk, members that are not of the class's commonest view, and classes with few
    members. Where the mirror is wrong, angle and shift mean nothing and are NaN.

    Attributes
    ----------
    angle_deg : (n,) float64, in [0, 180]
    shift_px : (n,) float64
    mirror_wrong : (n,) float64, 0 or 1
    """

    angle_deg: FloatArray
    shift_px: FloatArray
    mirror_wrong: FloatArray

    def share_right(self) -> float:
        """Return the share of judged particles with right mirror, angle and shift."""
        judged = ~np.isnan(self.mirror_wrong)
        right = (self.angle_deg < RIGHT_ANGLE_DEG) & (self.shift_px < RIGHT_SHIFT_PX)
        return float(right[judged].mean()) if judged.any() else float("nan")


@dataclass(frozen=True)
class Scores:
    """Figures of one classification; NaN where a figure has no meaning for the set.

    Agreement is on good particles against discrete views. A view is found where it makes up most
    of some class. ``angular_spread_deg`` is the mean angle between the viewing directions of two
    members of a class, opposite directions counting as one (57.3 for random classes).
    Junk counts as recognised where it sits in a class that is mostly junk, or in none.
    """

    adjusted_rand_index: float
    normalised_mutual_information: float
    purity: float
    views_found: float
    angle_error_deg: float
    shift_error_px: float
    pose_right: float
    angular_spread_deg: float
    junk_precision: float
    junk_recall: float


def score_classification(truth: Truth, labels: Labels, poses: Poses | None = None) -> Scores:
    """Return the scores of ``labels`` (n,), -1 = in no class, and of poses where given."""
    good = truth.good
    views, found = truth.view[good], labels[good]
    nan = float("nan")
    has_views = truth.has_views
    errors = pose_errors(truth, labels, poses) if poses is not None and has_views else None
    precision, recall = junk_recognition(truth, labels)
    return Scores(
        adjusted_rand_index=adjusted_rand_index(views, found) if has_views else nan,
        normalised_mutual_information=(
            normalised_mutual_information(views, found) if has_views else nan
        ),
        purity=purity(views, found) if has_views else nan,
        views_found=_views_found(views, found) if has_views else nan,
        angle_error_deg=_median(errors.angle_deg) if errors else nan,
        shift_error_px=_median(errors.shift_px) if errors else nan,
        pose_right=errors.share_right() if errors else nan,
        angular_spread_deg=angular_spread_deg(truth, labels),
        junk_precision=precision,
        junk_recall=recall,
    )


def pose_errors(truth: Truth, labels: Labels, poses: Poses) -> PoseErrors:
    """Return how far each pose is from its class's consensus transform to the true view.

    The transform from class to view that a member's pose and truth imply is ``p_view = G p_class +
    d``. Per class its mirror is the majority's, its angle the mode's, its shift the median.
    """
    flip, angle, shift = _class_to_view(truth, poses)
    errors = PoseErrors(*(np.full(len(truth), np.nan) for _ in range(3)))
    good = truth.good & (labels >= 0)
    for label, view in matched_classes(truth.view[good], labels[good]).items():
        members = np.flatnonzero(good & (labels == label) & (truth.view == view))
        if len(members) < FEWEST_MEMBERS:
            continue
        is_flipped = flip[members].mean() > 0.5
        errors.mirror_wrong[members] = flip[members] != is_flipped
        members = members[flip[members] == is_flipped]
        mode = _circular_mode(angle[members])
        off = _wrapped(angle[members] - mode)
        near = np.abs(off) < NEAR_MODE_RAD
        off = _wrapped(off - off[near].mean())
        centre = np.median(shift[members[near]], axis=0)
        errors.angle_deg[members] = np.degrees(np.abs(off))
        errors.shift_px[members] = np.linalg.norm(shift[members] - centre, axis=1)
    return errors


def angular_spread_deg(truth: Truth, labels: Labels) -> float:
    """Return the mean angle between two members' viewing directions within classes, in degrees.

    Opposite directions count as one. Classes weigh by their good members; large ones are sampled
    evenly. NaN without a class of two good members.
    """
    total, weight = 0.0, 0
    directions = truth.beam_directions()
    for label in np.unique(labels[truth.good & (labels >= 0)]):
        members = np.flatnonzero(truth.good & (labels == label))
        if len(members) < 2:
            continue
        sample = members[
            np.linspace(0, len(members) - 1, min(len(members), PAIRED_MEMBERS)).astype(int)
        ]
        cosines = np.abs(directions[sample] @ directions[sample].T)
        angles = np.degrees(np.arccos(np.clip(cosines[np.triu_indices(len(sample), 1)], 0.0, 1.0)))
        total += float(angles.mean()) * len(members)
        weight += len(members)
    return total / weight if weight else float("nan")


def junk_recognition(truth: Truth, labels: Labels) -> tuple[float, float]:
    """Return precision and recall of junk, told by sitting in a mostly-junk class or in none.

    NaN where the set has no junk; precision is NaN where nothing is taken for junk.
    """
    junk = ~truth.good
    if not junk.any():
        return float("nan"), float("nan")
    names, rows = np.unique(labels, return_inverse=True)
    is_junk_class = np.bincount(rows, weights=junk) > 0.5 * np.bincount(rows)
    is_junk_class |= names < 0
    taken = is_junk_class[rows]
    precision = float(junk[taken].mean()) if taken.any() else float("nan")
    return precision, float(taken[junk].mean())


def ranking_quality(is_wanted: npt.NDArray[np.bool_], score: npt.ArrayLike) -> float:
    """Return the chance that a wanted item scores higher than an unwanted one (area under ROC)."""
    n_wanted, n_other = int(is_wanted.sum()), int((~is_wanted).sum())
    if n_wanted == 0 or n_other == 0:
        return float("nan")
    ranks = scipy.stats.rankdata(score)
    above = float(ranks[is_wanted].sum()) - n_wanted * (n_wanted + 1) / 2
    return above / (n_wanted * n_other)


def _class_to_view(
    truth: Truth, poses: Poses
) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
    """Return for each particle G = F^flip R(angle) and d of ``p_view = G p_class + d``."""
    true = truth_poses(truth)
    flip = true.mirror != poses.mirror
    difference = true.psi_rad - poses.psi_rad
    # F' R(psi') R(psi)^T F = F^flip R(+-difference), for F R(a) F = R(-a).
    angle = np.where(poses.mirror, -difference, difference)
    cos, sin = np.cos(angle), np.sin(angle)
    x = cos * poses.shift_px[:, 0] - sin * poses.shift_px[:, 1]
    y = sin * poses.shift_px[:, 0] + cos * poses.shift_px[:, 1]
    turned = np.stack([np.where(flip, -x, x), y], axis=1)
    return flip, angle, turned - true.shift_px


def _circular_mode(angle_rad: FloatArray) -> float:
    """Return the angle around which most lie: the peak of a histogram smoothed by 5 degrees."""
    histogram, _ = np.histogram(angle_rad % (2.0 * np.pi), bins=360, range=(0.0, 2.0 * np.pi))
    window = np.exp(-0.5 * (np.arange(-15, 16) / 5.0) ** 2)
    smooth = np.convolve(
        np.concatenate([histogram[-15:], histogram, histogram[:15]]), window, "valid"
    )
    return float(np.radians(np.argmax(smooth) + 0.5))


def _wrapped(angle_rad: FloatArray) -> FloatArray:
    return np.asarray((angle_rad + np.pi) % (2.0 * np.pi) - np.pi, dtype=np.float64)


def _views_found(views: npt.NDArray[np.int32], labels: Labels) -> float:
    """Return the share of views that make up most of the good members of some class."""
    table = contingency(views, labels)
    return float((2 * table > table.sum(axis=0)).any(axis=1).mean())


def _median(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")
