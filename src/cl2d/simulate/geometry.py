"""Orientations of simulated particles: RELION's Euler angles and well-spread viewing directions.

Every convention of the simulator is said here, once.

- A rotation matrix ``A(rot, tilt, psi) = Rz(psi) Ry(tilt) Rz(rot)`` has as rows the image x axis,
  the image y axis and the beam, written in the frame of the molecule (RELION, Heymann et al.
  2005, J. Struct. Biol. 151, 196). A point ``r`` of the molecule is seen at ``(A r)_xy + shift``.
- Image positions are relative to pixel ``box // 2``; x is the column, y the row.
- View ``v`` is the projection along ``A(rot_v, tilt_v, 0)``.
- A particle of view ``v`` has ``A = Rz(psi) M A_v``; ``M = diag(-1, 1, -1)`` if it is seen from the
  opposite side (``mirror``), the identity otherwise. ``psi`` is its in-plane angle, ``shift`` the
  place of the molecule's centre in the image. With ``R``, ``F`` as in ``cl2d.results.Poses`` the
  position ``x`` in the particle is the position ``F R(psi) (x - shift)`` in the view.
- The Euler angles in the truth table are those of the whole matrix ``A``, mirror included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

OPPOSITE_SIDE = np.diag([-1.0, 1.0, -1.0])


def rotation_matrices(rot_deg: FloatArray, tilt_deg: FloatArray, psi_deg: FloatArray) -> FloatArray:
    """Return ``A(rot, tilt, psi)`` for arrays of n angles in degrees, shape (n, 3, 3)."""
    return _about_z(psi_deg) @ _about_y(tilt_deg) @ _about_z(rot_deg)


def euler_angles_deg(matrices: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return rot, tilt, psi in degrees of (n, 3, 3) matrices; tilt in [0, 180], others [0, 360).

    Where the beam is the z axis only ``psi ± rot`` is defined, and rot is 0.
    """
    tilt = np.arccos(np.clip(matrices[:, 2, 2], -1.0, 1.0))
    is_polar = np.hypot(matrices[:, 2, 0], matrices[:, 2, 1]) < 1e-9
    rot = np.where(is_polar, 0.0, np.arctan2(matrices[:, 2, 1], matrices[:, 2, 0]))
    # At the pole the first column is Rz(psi) Ry(0 or 180) e_x.
    flipped = np.sign(matrices[:, 2, 2])
    polar_psi = np.arctan2(-matrices[:, 1, 0] * flipped, matrices[:, 0, 0] * flipped)
    psi = np.where(is_polar, polar_psi, np.arctan2(matrices[:, 1, 2], -matrices[:, 0, 2]))
    return np.degrees(rot) % 360.0, np.degrees(tilt), np.degrees(psi) % 360.0


def spread_directions(n_directions: int, rng: np.random.Generator) -> FloatArray:
    """Return unit vectors (n, 3) of the half sphere z >= 0, far from each other.

    A view and the one from the opposite side are mirror images, so closeness is the angle between
    lines, not arrows. Each direction is the candidate farthest from all earlier ones (Gonzalez
    1985, Theor. Comput. Sci. 38, 293): at worst half as far apart as the best arrangement, and the
    order says nothing about neighbourhood, so populations by rank do not follow the geometry.
    """
    candidates = rng.standard_normal((max(2000, 50 * n_directions), 3))
    candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
    candidates[candidates[:, 2] < 0] *= -1.0
    chosen = np.empty((n_directions, 3))
    nearest = np.zeros(len(candidates))
    for index in range(n_directions):
        chosen[index] = candidates[np.argmin(nearest)]
        np.maximum(nearest, np.abs(candidates @ chosen[index]), out=nearest)
    return chosen


def direction_angles_deg(directions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return rot in [0, 360) and tilt in [0, 180] degrees of unit vectors (n, 3)."""
    rot = np.degrees(np.arctan2(directions[:, 1], directions[:, 0])) % 360.0
    return rot, np.degrees(np.arccos(np.clip(directions[:, 2], -1.0, 1.0)))


def _about_z(angle_deg: FloatArray) -> FloatArray:
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    zero, one = np.zeros_like(cos), np.ones_like(cos)
    rows = [[cos, sin, zero], [-sin, cos, zero], [zero, zero, one]]
    return np.moveaxis(np.array(rows), -1, 0)


def _about_y(angle_deg: FloatArray) -> FloatArray:
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    zero, one = np.zeros_like(cos), np.ones_like(cos)
    rows = [[cos, zero, -sin], [zero, one, zero], [sin, zero, cos]]
    return np.moveaxis(np.array(rows), -1, 0)
