"""Images, plans and engines for the tests of the engine, all small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d import array_source
from cl2d.engine import LocalEngine, SearchSettings, normalised_references
from cl2d.engine.ingest import ingest
from cl2d.preprocess import PreprocessPlan
from cl2d.preprocess.windows import largest_mask_radius_px
from cl2d.results import Poses, identity_poses
from tests.slow_alignment import centred_grid

if TYPE_CHECKING:
    import numpy.typing as npt

    Images = npt.NDArray[np.float32]


def noise_images(n: int, box: int, seed: int = 0) -> Images:
    return np.random.default_rng(seed).normal(size=(n, box, box)).astype(np.float32)


def random_poses(n: int, max_shift_px: float, seed: int = 0, *, mirrors: bool = True) -> Poses:
    """Return poses with shifts evenly spread over a disc."""
    rng = np.random.default_rng(seed)
    length = max_shift_px * np.sqrt(rng.uniform(size=n))
    direction = rng.uniform(-np.pi, np.pi, n)
    shift = np.stack([length * np.cos(direction), length * np.sin(direction)], axis=1)
    return Poses(rng.uniform(-np.pi, np.pi, n), shift, (rng.uniform(size=n) < 0.5) & mirrors)


def blob_particles(box: int, poses: Poses, seed: int = 0, spread: float = 0.18) -> Images:
    """Return ``ref(F R x - t)`` for each pose, exactly: a reference of a dozen Gaussian blobs.

    Without symmetry, and zero near the border for shifts up to a tenth of the box.
    """
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-spread * box, spread * box, (12, 2))
    weights = rng.uniform(0.3, 1.0, 12)
    sigma = 0.05 * box
    x, y = centred_grid(box)
    images = np.zeros((len(poses), box, box))
    for i in range(len(poses)):
        cos, sin = np.cos(poses.psi_rad[i]), np.sin(poses.psi_rad[i])
        p_x = (cos * x - sin * y) * (-1 if poses.mirror[i] else 1) - poses.shift_px[i, 0]
        p_y = sin * x + cos * y - poses.shift_px[i, 1]
        for (c_x, c_y), weight in zip(centres, weights, strict=True):
            images[i] += weight * np.exp(-((p_x - c_x) ** 2 + (p_y - c_y) ** 2) / (2 * sigma**2))
    return images.astype(np.float32)


def white_plan(box: int, working_box: int | None = None, **changes: object) -> PreprocessPlan:
    """Return a plan for white noise: all rings up to four fifths of the working box's Nyquist."""
    working = working_box if working_box is not None else box - box % 2
    k_max = int(changes.pop("k_max", 2 * working // 5))
    given = {
        "box_px": box,
        "working_box_px": working,
        "mask_radius_px": largest_mask_radius_px(box) * working / box,
        "k_min": 1,
        "k_max": k_max,
        "noise_power": np.ones(k_max + 1),
        "signal_to_noise": np.ones(k_max + 1),
    }
    return PreprocessPlan(**{**given, **changes})


def engine_of(
    images: npt.NDArray[np.generic],
    plan: PreprocessPlan,
    search: SearchSettings | None = None,
    n_threads: int = 1,
) -> LocalEngine:
    """Return the engine that holds these images, as a run makes it."""
    ingested = ingest(array_source(images), plan, n_threads)
    return LocalEngine(
        ingested.blocks,
        ingested.flags == 0,
        search if search is not None else SearchSettings(max_shift_px=3.0),
        plan.box_px / plan.working_box_px,
        n_threads,
    )


def references_from(images: Images, plan: PreprocessPlan) -> npt.NDArray[np.complex64]:
    """Return each image as a reference of its own."""
    n = len(images)
    own_class = np.arange(n, dtype=np.int32)
    sums = engine_of(images, plan).update(own_class, identity_poses(n), n)
    return normalised_references(sums.sums)


def angle_errors_deg(found: Poses, truth: Poses) -> npt.NDArray[np.float64]:
    """Return by how much the rotations differ; meaningful where the mirrors agree."""
    turns = (found.psi_rad - truth.psi_rad) / (2 * np.pi)
    return 360 * np.abs(turns - np.round(turns))


def shift_errors_px(found: Poses, truth: Poses) -> npt.NDArray[np.float64]:
    return np.linalg.norm(found.shift_px - truth.shift_px, axis=1)
