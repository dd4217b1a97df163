"""What is known of each simulated particle, how it is drawn, and its pose as the engine says it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from cl2d.results import Poses
from cl2d.simulate.geometry import (
    OPPOSITE_SIDE,
    direction_angles_deg,
    euler_angles_deg,
    rotation_matrices,
    spread_directions,
)
from cl2d.simulate.streams import Stream, generator

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.simulate.options import SimulationOptions

    FloatArray = npt.NDArray[np.float64]

JUNK_KINDS = ("", "noise", "off_centre", "ice", "edge", "aggregate")
PARTICLES_PER_MICROGRAPH = 50
LOWEST_DEFOCUS_ANGSTROM, HIGHEST_DEFOCUS_ANGSTROM = 10_000.0, 25_000.0
ASTIGMATISM_SD_ANGSTROM = 200.0
HEIGHT_SD_ANGSTROM = 100.0  # particles lie at several depths of the ice


@dataclass(frozen=True)
class Truth:
    """Truth of n particles; conventions in ``cl2d.simulate.geometry``.

    Attributes
    ----------
    view : (n,) int32
        0-based view; -1 for junk, and for all particles where views are not discrete.
    euler_deg : (n, 3) float64
        rot, tilt, psi of the particle (RELION, ZYZ); NaN for junk.
    in_plane_deg : (n,) float64
        In-plane angle ``psi`` relative to the view; NaN for junk.
    shift_px : (n, 2) float64
        Centre of the particle as (x, y) relative to pixel ``box // 2``; NaN for junk.
    mirror : (n,) bool
        Seen from the side opposite to the view.
    defocus_angstrom : (n, 2) float64
        Largest and smallest defocus; NaN without CTF.
    defocus_angle_deg : (n,) float64
        Direction of the largest defocus from the x axis; NaN without CTF.
    amplitude : (n,) float64
        Factor on the particle's contrast.
    junk : (n,) int8
        Index into ``JUNK_KINDS``; 0 is a good particle.
    micrograph : (n,) int32
    """

    view: npt.NDArray[np.int32]
    euler_deg: FloatArray
    in_plane_deg: FloatArray
    shift_px: FloatArray
    mirror: npt.NDArray[np.bool_]
    defocus_angstrom: FloatArray
    defocus_angle_deg: FloatArray
    amplitude: FloatArray
    junk: npt.NDArray[np.int8]
    micrograph: npt.NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of particles."""
        return len(self.view)

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Which particles are no junk, (n,)."""
        return np.equal(self.junk, 0)

    @property
    def has_views(self) -> bool:
        """Whether the good particles come from discrete views."""
        return bool((self.view >= 0).any())

    @property
    def has_ctf(self) -> bool:
        """Whether a defocus is known."""
        return not bool(np.isnan(self.defocus_angstrom).all())

    def take(self, rows: slice | npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Truth:
        """Return the truth of some particles."""
        return Truth(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    def beam_directions(self) -> FloatArray:
        """Return the unit viewing directions in the frame of the molecule, (n, 3)."""
        return rotation_matrices(*self.euler_deg.T)[:, 2]


def view_angles_deg(options: SimulationOptions) -> tuple[FloatArray, FloatArray]:
    """Return rot and tilt of each discrete view, (n_views,) each."""
    rng = generator(options.seed, Stream.VIEW_SET)
    return direction_angles_deg(spread_directions(options.n_views, rng))


def draw_truth(options: SimulationOptions) -> Truth:
    """Draw what every particle is; the particles of a shorter set lead those of a longer one."""
    n, seed = options.n_particles, options.seed
    junk = _draw_junk(options)
    is_junk = junk > 0
    view, rot, tilt = _draw_views(options)
    in_plane = generator(seed, Stream.IN_PLANE).uniform(0.0, 360.0, n)
    is_discrete = options.n_views > 0
    mirror = generator(seed, Stream.MIRROR).random(n) < (0.5 if is_discrete else 0.0)
    mirror &= options.mirrors & ~is_junk
    sides = np.where(mirror[:, None, None], OPPOSITE_SIDE, np.eye(3))
    zero = np.zeros(n)
    matrices = rotation_matrices(zero, zero, in_plane) @ sides
    matrices = matrices @ rotation_matrices(rot, tilt, zero)
    euler = np.stack(euler_angles_deg(matrices), axis=1)
    shift = generator(seed, Stream.SHIFT).normal(0.0, options.shift_sd_px, (n, 2))
    amplitude = np.exp(generator(seed, Stream.AMPLITUDE).normal(0.0, options.amplitude_sd, n))
    view[is_junk] = -1
    for unknown in (euler, in_plane, shift):
        unknown[is_junk] = np.nan
    micrograph = (np.arange(n) // PARTICLES_PER_MICROGRAPH).astype(np.int32)
    defocus, angle = _draw_defocus(options, micrograph)
    return Truth(view, euler, in_plane, shift, mirror, defocus, angle, amplitude, junk, micrograph)


def truth_poses(truth: Truth) -> Poses:
    """Return the poses that superpose each good particle on the clean image of its view.

    Without discrete views the clean image is the projection along the particle's own rot and tilt
    at psi 0. Poses of junk are NaN.
    """
    psi = np.radians(truth.in_plane_deg)
    cos, sin = np.cos(psi), np.sin(psi)
    x = cos * truth.shift_px[:, 0] - sin * truth.shift_px[:, 1]
    y = sin * truth.shift_px[:, 0] + cos * truth.shift_px[:, 1]
    shift = np.stack([np.where(truth.mirror, -x, x), y], axis=1)
    return Poses((psi + np.pi) % (2.0 * np.pi) - np.pi, shift, truth.mirror.copy())


def _draw_junk(options: SimulationOptions) -> npt.NDArray[np.int8]:
    chance = generator(options.seed, Stream.JUNK).random((options.n_particles, 2))
    kind = 1 + np.floor(chance[:, 1] * (len(JUNK_KINDS) - 1))
    return np.where(chance[:, 0] < options.junk_fraction, kind, 0).astype(np.int8)


def _draw_views(
    options: SimulationOptions,
) -> tuple[npt.NDArray[np.int32], FloatArray, FloatArray]:
    """Return view, rot and tilt of each particle before its in-plane turn."""
    n = options.n_particles
    if options.n_views > 0:
        share = np.arange(1, options.n_views + 1) ** -options.view_exponent
        chance = generator(options.seed, Stream.VIEW).random(n) * share.sum()
        view = np.searchsorted(np.cumsum(share)[:-1], chance, side="right").astype(np.int32)
        rot, tilt = view_angles_deg(options)
        return view, rot[view], tilt[view]
    chance = generator(options.seed, Stream.DIRECTION).random((n, 2))
    # Without mirrors the beam stays on one side of the molecule.
    cos_tilt = 1.0 - chance[:, 0] * (2.0 if options.mirrors else 1.0)
    tilt = np.degrees(np.arccos(cos_tilt))
    return np.full(n, -1, dtype=np.int32), chance[:, 1] * 360.0, tilt


def _draw_defocus(
    options: SimulationOptions, micrograph: npt.NDArray[np.int32]
) -> tuple[FloatArray, FloatArray]:
    n = options.n_particles
    if options.ctf == "none":
        return np.full((n, 2), np.nan), np.full(n, np.nan)
    rng = generator(options.seed, Stream.MICROGRAPH)
    chance = rng.random((int(micrograph[-1]) + 1, 3))[micrograph]
    span = HIGHEST_DEFOCUS_ANGSTROM - LOWEST_DEFOCUS_ANGSTROM
    mean = LOWEST_DEFOCUS_ANGSTROM + span * chance[:, 0]
    mean = mean + generator(options.seed, Stream.DEFOCUS).normal(0.0, HEIGHT_SD_ANGSTROM, n)
    half = 0.5 * ASTIGMATISM_SD_ANGSTROM * np.sqrt(-2.0 * np.log1p(-chance[:, 1]))
    return np.stack([mean + half, mean - half], axis=1), 180.0 * chance[:, 2]
