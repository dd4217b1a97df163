"""A molecule made of round Gaussian blobs, whose projections are known exactly.

The line integral of a three-dimensional round Gaussian is a two-dimensional one of the same width,
so a projection is a sum of Gaussians at the rotated centres: no grid, no interpolation, and shifts
by any fraction of a pixel are exact. A round Gaussian is also a product of a function of x and one
of y, so that an image is one small matrix product over blobs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

N_DOMAINS = 8
DOMAIN_DISTANCE = 0.5  # between neighbouring domains, arbitrary unit before scaling to radius 1
SMALLEST_SIGMA, LARGEST_SIGMA = 0.055, 0.14  # of the radius of the molecule
FINEST_SIGMA_PX = 0.9  # finer blobs would alias: a Gaussian this wide has fallen to 2 % at Nyquist


@dataclass(frozen=True)
class Molecule:
    """Blobs ``weight * exp(-|r - centre|^2 / 2 sigma^2) / (2 pi sigma^2)^(3/2)``.

    Attributes
    ----------
    centres : (b, 3) float64, in the unit of ``sigmas``, about the centre of mass
    sigmas : (b,) float64
    weights : (b,) float64, mass of each blob
    """

    centres: FloatArray
    sigmas: FloatArray
    weights: FloatArray

    def in_pixels(self, radius_px: float) -> Molecule:
        """Return a molecule of radius 1 at ``radius_px``, no blob finer than the grid can carry."""
        sigmas = np.maximum(self.sigmas * radius_px, FINEST_SIGMA_PX)
        return Molecule(self.centres * radius_px, sigmas, self.weights)


def blob_molecule(n_blobs: int, solvent: float, seed: int) -> Molecule:
    """Return an asymmetric molecule of radius 1 made of domains of unlike size and density.

    Parameters
    ----------
    n_blobs
        Blobs of mass, dealt out evenly among the domains.
    solvent
        Share of each domain's mass that the solvent it displaces takes back, as one broad negative
        blob. It weakens the low frequencies that all views share: 0 gives views that are much
        alike, 0.9 views that differ much.
    seed
        The same seed is the same molecule.

    Returns
    -------
    Molecule
        Farthest blob at distance 1 from the centre of mass of the blobs.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(71,)))
    anchors = _domain_centres(rng)
    spreads = rng.uniform(0.15, 0.36, N_DOMAINS)
    densities = rng.uniform(0.5, 2.0, N_DOMAINS)
    domain = np.arange(n_blobs) % N_DOMAINS
    offsets = rng.standard_normal((n_blobs, 3))
    offsets *= np.minimum(1.0, 2.0 / np.linalg.norm(offsets, axis=1, keepdims=True))
    centres = anchors[domain] + offsets * spreads[domain, None]
    weights = densities[domain] * rng.uniform(0.4, 1.6, n_blobs)
    centres -= np.average(centres, axis=0, weights=weights)
    centres /= np.linalg.norm(centres, axis=1).max()
    sigmas = SMALLEST_SIGMA * (LARGEST_SIGMA / SMALLEST_SIGMA) ** rng.uniform(size=n_blobs)
    return _with_solvent(Molecule(centres, sigmas, weights), domain, solvent)


def project(
    molecule: Molecule, rotations: FloatArray, shifts_px: FloatArray, box_px: int
) -> npt.NDArray[np.float32]:
    """Return projections of a molecule given in pixels, sampled at pixel centres.

    Parameters
    ----------
    molecule
        Centres and sigmas in pixels.
    rotations : (n, 3, 3)
        Rows are the image x axis, the image y axis and the beam.
    shifts_px : (n, 2)
        Where the centre of mass lies, as (x, y) relative to pixel ``box // 2``.
    box_px
        Side of the images.

    Returns
    -------
    (n, box, box) float32
    """
    places = np.einsum("nij,bj->nbi", rotations[:, :2], molecule.centres) + shifts_px[:, None]
    grid = (np.arange(box_px) - box_px // 2).astype(np.float32)
    along_x = _profiles(places[:, :, 0], molecule.sigmas, grid)
    along_y = _profiles(places[:, :, 1], molecule.sigmas, grid)
    along_y *= molecule.weights.astype(np.float32)[:, None]
    images: npt.NDArray[np.float32] = np.matmul(along_y.transpose(0, 2, 1), along_x)
    return images


def _profiles(
    places: FloatArray, sigmas: FloatArray, grid: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return unit-mass Gaussians (n, b, box) float32 at ``places`` (n, b)."""
    inverse = (1.0 / sigmas).astype(np.float32)[:, None]
    profiles: npt.NDArray[np.float32] = (grid - places.astype(np.float32)[..., None]) * inverse
    profiles *= np.float32(-0.5) * profiles
    np.exp(profiles, out=profiles)
    profiles *= inverse * np.float32(1.0 / np.sqrt(2.0 * np.pi))
    return profiles


def _with_solvent(molecule: Molecule, domain: npt.NDArray[np.int64], solvent: float) -> Molecule:
    """Append to each domain one negative blob of ``solvent`` times its mass, somewhat wider."""
    centres, sigmas, masses = [], [], []
    for member in (domain == number for number in range(N_DOMAINS)):
        mass, places = molecule.weights[member], molecule.centres[member]
        middle = np.average(places, axis=0, weights=mass)
        variance = np.average(((places - middle) ** 2).mean(axis=1), weights=mass)
        centres.append(middle)
        sigmas.append(LARGEST_SIGMA / 2 + 1.3 * np.sqrt(variance))
        masses.append(-solvent * mass.sum())
    return Molecule(
        np.concatenate([molecule.centres, centres]),
        np.concatenate([molecule.sigmas, sigmas]),
        np.concatenate([molecule.weights, masses]),
    )


def _domain_centres(rng: np.random.Generator) -> FloatArray:
    """Return domains that each touch an earlier one and overlap none, in random directions."""
    centres = [np.zeros(3)]
    while len(centres) < N_DOMAINS:
        step = rng.standard_normal(3)
        place = centres[rng.integers(len(centres))]
        place = place + DOMAIN_DISTANCE * step / np.linalg.norm(step)
        if min(np.linalg.norm(place - other) for other in centres) > 0.9 * DOMAIN_DISTANCE:
            centres.append(place)
    return np.array(centres)
