"""The figures of one classification against the truth; NaN where a figure has no meaning."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

import cl2d
from cl2d.agreement import purity
from cl2d.simulate import score_classification
from cl2d.simulate.geometry import spread_directions
from cl2d.simulate.scores import ranking_quality

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.results import Poses
    from cl2d.simulate import Truth

    FloatArray = npt.NDArray[np.float64]
    Labels = npt.NDArray[np.int32]

Figures = dict[str, float]
WORST_DECILE = 90.0
COMPACTING_ROUNDS = 10  # of a direction moved to the middle of those nearest to it
CHANCE_DRAWS = 200


def timed_classification(
    source: ParticleSource, chosen: dict[str, Any]
) -> tuple[cl2d.Classification, Figures]:
    """Return a classification and the processor and wall time it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = cl2d.classify(source, **chosen)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return result, {"cpu_seconds": cpu, "wall_seconds": wall}


def run_figures(truth: Truth, result: cl2d.Classification) -> Figures:
    """Return what a whole run is judged by, its cores included where it has them."""
    return {
        **label_figures(truth, result.labels, result.poses),
        "score_ranks_junk_low": ranking_quality(truth.good, result.scores),
        **core_figures(truth, result),
    }


def label_figures(truth: Truth, labels: Labels, poses: Poses | None = None) -> Figures:
    """Return the figures that classes, and poses where given, have by themselves."""
    figures = asdict(score_classification(truth, labels, poses))
    good = truth.good
    figures["kept_together"] = (
        # Purity the other way round: how much of a view its fullest class holds.
        purity(labels[good], truth.view[good]) if truth.has_views else float("nan")
    )
    return {**figures, **angular_figures(truth.beam_directions(), labels)}


def core_figures(truth: Truth, result: cl2d.Classification) -> Figures:
    """Return the shares of junk and of good particles that the cores leave out."""
    if not result.cores:
        return {}
    left_out, good = ~result.cores[-1].is_core, truth.good
    return {
        "core_leaves_junk": float(left_out[~good].mean()) if not good.all() else float("nan"),
        "core_loses_good": float(left_out[good].mean()) if good.any() else float("nan"),
    }


def angular_figures(directions: FloatArray, labels: Labels) -> Figures:
    """Return mean and ninth decile over particles of the angle to the direction of their class.

    Parameters
    ----------
    directions : (n, 3)
        Unit viewing directions; NaN for junk, which is left out.
    labels : (n,)
        Classes; -1 = in none.
    """
    angles = angles_to_class_axis_deg(directions, labels)
    known = angles[~np.isnan(angles)]
    if len(known) == 0:
        return {"angle_to_mean_deg": float("nan"), "angle_worst_decile_deg": float("nan")}
    return {
        "angle_to_mean_deg": float(known.mean()),
        "angle_worst_decile_deg": float(np.percentile(known, WORST_DECILE)),
    }


def angles_to_class_axis_deg(directions: FloatArray, labels: Labels) -> FloatArray:
    """Return the angle (n,) in degrees, at most 90, of each direction to the axis of its class.

    Opposite directions show mirror images, so they count as one: the axis is that of `mean_axis`.
    NaN for particles of no class or of unknown direction.
    """
    angles = np.full(len(labels), np.nan)
    known = (labels >= 0) & ~np.isnan(directions).any(axis=1)
    for label in np.unique(labels[known]):
        members = np.flatnonzero(known & (labels == label))
        axis = mean_axis(directions[members])
        # The length of the cross product keeps small angles exact, where the arc cosine does not.
        across = np.linalg.norm(np.cross(directions[members], axis), axis=1)
        angles[members] = np.degrees(np.arctan2(across, np.abs(directions[members] @ axis)))
    return angles


def mean_axis(directions: FloatArray) -> FloatArray:
    """Return the unit vector (3,) along which unit vectors (n, 3) lie best, whatever their signs.

    The leading eigenvector of the sum of their outer products: it maximises the sum of squared
    cosines (Bingham 1974, Ann. Stat. 2, 1201).
    """
    _, vectors = np.linalg.eigh(np.einsum("ni,nj->ij", directions, directions))
    axis: FloatArray = vectors[:, -1]
    return axis


def compact_axes(directions: FloatArray, n_axes: int) -> FloatArray:
    """Return unit vectors (n_axes, 3) around which the known directions (n, 3) lie closely.

    Well-spread directions, each then moved several times to the middle of those nearest to it.
    """
    axes = spread_directions(n_axes, np.random.default_rng(0))
    known = directions[~np.isnan(directions).any(axis=1)]
    for _ in range(COMPACTING_ROUNDS):
        nearest = nearest_axis(known, axes)
        for index in np.unique(nearest).tolist():
            axes[index] = mean_axis(known[nearest == index])
    return axes


def nearest_axis(directions: FloatArray, axes: FloatArray) -> Labels:
    """Return the axis (n,) nearest to each direction; -1 where the direction is not known."""
    cosines = np.abs(np.einsum("ni,ai->na", directions, axes))
    unknown = np.isnan(cosines).any(axis=1)
    nearest = np.nan_to_num(cosines).argmax(axis=1).astype(np.int32)
    return np.where(unknown, np.int32(-1), nearest)


def size_figures(labels: Labels, n_classes: int) -> Figures:
    """Return how unequal classes are: all 1 where each holds the same number of images.

    ``largest_over_even`` is the largest class over the even share, ``concentration`` the sum of
    squared shares over that of even shares: the size of an image's own class, on average.
    """
    counts = np.bincount(labels[labels >= 0], minlength=n_classes)
    shares = counts / counts.sum()
    return {
        "largest_over_even": float(shares.max() * n_classes),
        "concentration": float(np.sum(shares**2) * n_classes),
        "classes_used": float(np.count_nonzero(counts) / n_classes),
    }


def chance_sizes(n_images: int, n_classes: int) -> Figures:
    """Return the mean of `size_figures` over images dealt out by lot."""
    rng = np.random.default_rng(0)
    draws = [
        size_figures(rng.integers(n_classes, size=n_images, dtype=np.int32), n_classes)
        for _ in range(CHANCE_DRAWS)
    ]
    return {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
