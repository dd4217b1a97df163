"""The alignment score by its definition: direct sums and plain loops, to judge the engine by.

Conventions are those of ``cl2d.results.Poses``. An image that fits a reference perfectly is
``image(x) = ref(p)`` with ``p = F R(psi) x - t``, that is ``image(x) = ref_t(F R x)`` with
``ref_t(q) = ref(q - t)``. Transforming both sides, with ``image^(k) = sum_x image(x)
exp(-2 pi i k.x / box)`` and the substitution ``q = F R x`` (so ``k.x = (F R k).q``)::

    image^(k) = ref_t^(F R k),   ref_t^(q) = ref^(q) exp(-2 pi i q.t / box)

``R`` takes the polar angle theta of ``k`` to ``theta + psi`` and ``F`` takes an angle a to
``pi - a``: the image at theta meets the reference at ``theta + psi``, or at ``pi - theta - psi``
when mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cl2d.results import Poses


@dataclass(frozen=True)
class SlowSearch:
    """What is compared, and at which poses.

    ``k_rings`` radii in Fourier pixels of the box and their ``weights``; ``n_theta`` angles over
    the full circle, even, so that a mirrored angle is again on the grid; ``shifts_px`` (n, 2) as
    (x, y); ``m_max`` the highest angular order kept on each ring, or None to keep all.
    """

    k_rings: NDArray[np.int64]
    weights: NDArray[np.float64]
    n_theta: int
    shifts_px: NDArray[np.float64]
    m_max: NDArray[np.int64] | None = None


def centred_grid(box: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y of every pixel, (box, box) each, relative to pixel box // 2."""
    y, x = np.mgrid[:box, :box] - float(box // 2)
    return x, y


def polar_angles(n_theta: int) -> NDArray[np.float64]:
    """Return the angles of the polar grid; psi takes the same values."""
    if n_theta % 2:
        raise ValueError(f"n_theta must be even, not {n_theta}")
    return 2 * np.pi * np.arange(n_theta) / n_theta


def polar_samples(
    image: NDArray[np.floating], k_rings: NDArray[np.int64], n_theta: int
) -> NDArray[np.complex128]:
    """Return the Fourier transform on the polar grid, (n_rings, n_theta), by direct sums."""
    box = len(image)
    x, y = centred_grid(box)
    samples = np.empty((len(k_rings), n_theta), dtype=complex)
    for row, k in enumerate(k_rings):
        for column, theta in enumerate(polar_angles(n_theta)):
            along = x * np.cos(theta) + y * np.sin(theta)
            samples[row, column] = np.sum(image * np.exp(-2j * np.pi * k * along / box))
    return samples


def limit_angular_orders(
    samples: NDArray[np.complex128], m_max: NDArray[np.int64]
) -> NDArray[np.complex128]:
    """Return the samples with only the angular orders |m| <= m_max of each ring.

    On n_theta angles the orders n_theta / 2 and -n_theta / 2 are one and the same: it is counted
    once, as -n_theta / 2.
    """
    n_theta = samples.shape[1]
    theta = polar_angles(n_theta)
    limited = np.zeros_like(samples)
    for row, highest in enumerate(m_max):
        for m in range(-n_theta // 2, n_theta // 2):
            if abs(m) <= highest:
                coefficient = np.mean(samples[row] * np.exp(-1j * m * theta))
                limited[row] += coefficient * np.exp(1j * m * theta)
    return limited


def shifted_samples(
    samples: NDArray[np.complex128], search: SlowSearch, shift_px: NDArray[np.float64], box: int
) -> NDArray[np.complex128]:
    """Return the polar samples of ``ref(q - t)`` from those of ``ref``."""
    theta = polar_angles(search.n_theta)
    along = np.cos(theta) * shift_px[0] + np.sin(theta) * shift_px[1]
    shifted: NDArray[np.complex128] = samples * np.exp(
        -2j * np.pi * search.k_rings[:, None] * along / box
    )
    return shifted


def weighted_norm(samples: NDArray[np.complex128], weights: NDArray[np.float64]) -> float:
    """Return the square root of sum_k w_k sum_theta |samples|^2."""
    return float(np.sqrt(np.sum(weights[:, None] * np.abs(samples) ** 2)))


def score_table(
    image: NDArray[np.floating],
    reference: NDArray[np.floating],
    search: SlowSearch,
    *,
    normalise: bool = True,
) -> NDArray[np.float64]:
    """Return the score of every pose, (n_theta, n_shifts, 2): psi, shift, mirror.

    The norm of the reference is that of its samples at each shift after ``m_max``, so that a
    normalised score is at most 1; without ``m_max`` it is the same at every shift.
    ``normalise=False`` gives the bare sum over rings and angles.
    """
    box, n_theta = len(image), search.n_theta
    moving = polar_samples(image, search.k_rings, n_theta)
    fixed = polar_samples(reference, search.k_rings, n_theta)
    if search.m_max is not None:
        moving = limit_angular_orders(moving, search.m_max)
    index = np.arange(n_theta)
    scores = np.empty((n_theta, len(search.shifts_px), 2))
    for s, shift in enumerate(search.shifts_px):
        shifted = shifted_samples(fixed, search, shift, box)
        if search.m_max is not None:
            shifted = limit_angular_orders(shifted, search.m_max)
        norms = weighted_norm(moving, search.weights) * weighted_norm(shifted, search.weights)
        for psi in range(n_theta):
            for mirror, met in enumerate([index + psi, n_theta // 2 - index - psi]):
                products = moving.conj() * shifted[:, met % n_theta]
                score = np.sum(search.weights[:, None] * products).real
                scores[psi, s, mirror] = score / norms if normalise else score
    return scores


def pose_reference(reference: NDArray[np.floating], poses: Poses, row: int) -> NDArray[np.float64]:
    """Return ``ref(F R x - t)``: the reference as a particle with this pose, zero outside."""
    x, y = centred_grid(len(reference))
    cos, sin = np.cos(poses.psi_rad[row]), np.sin(poses.psi_rad[row])
    rotated_x, rotated_y = cos * x - sin * y, sin * x + cos * y
    if poses.mirror[row]:
        rotated_x = -rotated_x
    origin = len(reference) // 2
    position_x = rotated_x - poses.shift_px[row, 0] + origin
    position_y = rotated_y - poses.shift_px[row, 1] + origin
    moved: NDArray[np.float64] = ndimage.map_coordinates(
        reference.astype(float), [position_y, position_x], order=5, mode="constant"
    )
    return moved


def real_space_score(
    image: NDArray[np.floating], reference: NDArray[np.floating], poses: Poses, row: int
) -> float:
    """Return the normalised correlation, pixel by pixel, of the image and the posed reference.

    For images that vanish near the edge of the box and outside the rings this is the score with
    weights proportional to the radius, the area element of the polar grid.
    """
    moved = pose_reference(reference, poses, row)
    return float(np.sum(image * moved) / np.sqrt(np.sum(image**2) * np.sum(moved**2)))
