"""The best and the worst members of each class, laid over its average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

from cl2d.outputs.report.pictures import strip
from cl2d.results import poses_from_relion

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.outputs.report.run_files import RunFiles
    from cl2d.results import Poses

    Image = npt.NDArray[np.float32]

MOST_PICTURES = 768
"""Particles shown of all classes together: as many images are read."""
MOST_OF_A_CLASS = 6
SIDE_PX = 64
SHOWN_RINGS = 12.0
"""Fourier ring at which the particles shown are damped to exp(-1/2): noise beyond hides them."""


@dataclass(frozen=True, eq=False)
class ShownMembers:
    """Rows of the particles that are shown for each class.

    Attributes
    ----------
    best : for each class rows of its members of highest score, best first
    worst : for each class rows of its members of lowest score, worst first
    """

    best: list[npt.NDArray[np.intp]]
    worst: list[npt.NDArray[np.intp]]


def choose_members(
    labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float32], n_classes: int
) -> ShownMembers:
    """Choose as many of the best and of the worst of each class; no particle is both.

    Parameters
    ----------
    labels : (n,) class from 0, -1: in none
    scores : (n,)
    n_classes : int
        With more large ones fewer of each are chosen, none in the end.
    """
    sizes = np.bincount(labels[labels >= 0], minlength=n_classes)
    # As many of each class as all of them together allow.
    count = next(
        n for n in range(MOST_OF_A_CLASS, -1, -1) if np.minimum(sizes, 2 * n).sum() <= MOST_PICTURES
    )
    order = np.lexsort((-scores, labels))
    first = np.searchsorted(labels[order], np.arange(n_classes + 1))
    best, worst = [], []
    for k in range(n_classes):
        rows = order[first[k] : first[k + 1]]
        best.append(rows[: min(count, (len(rows) + 1) // 2)])
        worst.append(rows[::-1][: min(count, len(rows) // 2)])
    return ShownMembers(best, worst)


def member_strips(source: ParticleSource, files: RunFiles, shown: ShownMembers) -> list[str | None]:
    """Return one picture for each class: its best members, then its worst, side by side.

    Each is low-passed and moved by its pose, so that it shows what the average shows. None for a
    class of which nothing is shown.
    """
    rows_of_class = [np.concatenate(pair) for pair in zip(shown.best, shown.worst, strict=True)]
    rows = np.unique(np.concatenate(rows_of_class)) if rows_of_class else np.empty(0, np.intp)
    tiles: dict[int, npt.NDArray[np.uint8]] = {}
    poses = _poses(files, rows)
    for i, row in enumerate(rows.tolist()):
        image = source.read(row, row + 1)[0]
        pose = poses.take(np.array([i]))
        tiles[row] = _greys(laid_over_average(image, pose))
    return [
        strip(tiles[row] for row in chosen.tolist()) if len(chosen) else None
        for chosen in rows_of_class
    ]


def laid_over_average(image: Image, pose: Poses) -> Image:
    """Return a particle in the frame of its average, low-passed, at most ``SIDE_PX`` wide.

    Parameters
    ----------
    image : (box, box) float32
    pose : Poses of one image

    Notes
    -----
    Pixel ``p`` of the result shows the image at ``x = R(psi)^T F (p + t)``; see
    docs/conventions.md. The image is binned to about the size of the result before that.
    """
    box = len(image)
    factor = max(box // SIDE_PX, 1)
    smooth = scipy.ndimage.gaussian_filter(
        _binned(image, factor), _blur_px(box) / factor, mode="nearest"
    )
    step = box / SIDE_PX
    cos, sin = np.cos(pose.psi_rad[0]), np.sin(pose.psi_rad[0])
    side = -1.0 if pose.mirror[0] else 1.0
    # Rows of R^T F, as (x, y); arrays are indexed by (y, x).
    matrix = np.array([[cos, side * -sin], [sin, side * cos]])
    shift_x, shift_y = pose.shift_px[0]
    centre = SIDE_PX // 2
    at_origin = matrix @ np.array([shift_y - centre * step, shift_x - centre * step])
    # Pixel c of the image lies at (c + 1/2) / factor - 1/2 of the binned one.
    offset = (at_origin + box // 2 + 0.5) / factor - 0.5
    moved: Image = scipy.ndimage.affine_transform(
        smooth,
        matrix * (step / factor),
        offset,
        output_shape=(SIDE_PX, SIDE_PX),
        order=1,
        mode="mirror",
    )
    return moved


def member_facts(files: RunFiles, rows: npt.NDArray[np.intp]) -> list[dict[str, Any]]:
    """Return what is told of particles that are shown: row from 1, score, confidence, z."""
    arrays = files.particles
    facts: list[dict[str, Any]] = []
    for row in rows.tolist():
        fact: dict[str, Any] = {
            "row": row + 1,
            "score": round(float(arrays["score"][row]), 3),
            "confidence": round(float(arrays["confidence"][row]), 3),
        }
        if files.has_cores:
            fact["junk_zscore"] = round(float(arrays["junk_zscore"][row]), 2)
            fact["core"] = bool(arrays["is_core"][row])
        facts.append(fact)
    return facts


def shown_resolution(box_px: int, pixel_size_angstrom: float | None) -> str:
    """Return to which resolution the particles shown are low-passed, in words."""
    length = box_px / SHOWN_RINGS
    if pixel_size_angstrom is None:
        return f"{length:.1f} px"
    return f"{length * pixel_size_angstrom:.0f} Å"


def _poses(files: RunFiles, rows: npt.NDArray[np.intp]) -> Poses:
    arrays = files.particles
    origin_px = np.stack([arrays["origin_x_px"][rows], arrays["origin_y_px"][rows]], axis=1)
    return poses_from_relion(arrays["psi_deg"][rows], origin_px, arrays["flip"][rows])


def _greys(image: Image) -> npt.NDArray[np.uint8]:
    """Return three standard deviations to either side of the mean as the grey scale.

    Of noise that is what the quantiles of ``grey_levels`` hold, and takes a tenth of their time.
    """
    spread = max(6 * float(image.std(dtype=np.float64)), float(np.finfo(np.float32).tiny))
    scaled = (image - image.mean()) / spread + 0.5
    greys: npt.NDArray[np.uint8] = np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    return greys


def _binned(image: Image, factor: int) -> Image:
    """Return the means of squares of ``factor`` pixels; what does not fill one is cut off."""
    side = len(image) // factor
    cut = image[: side * factor, : side * factor]
    means: Image = cut.reshape(side, factor, side, factor).mean(axis=(1, 3))
    return means


def _blur_px(box_px: int) -> float:
    """Return the standard deviation of the Gaussian that is exp(-1/2) at ``SHOWN_RINGS``."""
    return box_px / (2 * np.pi * SHOWN_RINGS)
