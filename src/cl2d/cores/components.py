"""Leading components of the aligned members of a class, and how many of them are real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.engine import gram_spectrum

if TYPE_CHECKING:
    import numpy.typing as npt

    Members = npt.NDArray[np.complex64]

MOST_COMPONENTS = 5
MEMBERS_PER_COMPONENT = 10
"""Members that must be judged for each component, so that its variance is known."""


def leading_components(
    residuals: Members, n_at_most: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return the components of some members that stand out of the noise, at least one.

    Parameters
    ----------
    residuals : (n, n_rings, n_half_angles) complex64, n >= 2
        Aligned members less the average of their class.
    n_at_most : int
        Largest number of components, at least 1.
    rng : Generator
        For the turns of the parallel analysis.

    Returns
    -------
    (q, 2 * n_rings * n_half_angles) float32
        Orthonormal rows, for members flattened and viewed as float32.

    Notes
    -----
    Parallel analysis (J. Horn, Psychometrika 30, 1965) with a null of this data's own kind: each
    residual is turned by a random angle in the plane. That leaves the noise as it is, colour and
    all, but what members have in common, or differ by, no longer lies on top of each other. A
    component is real if its variance exceeds the largest of the turned members.
    """
    n_at_most = min(n_at_most, len(residuals))
    values, vectors = gram_spectrum(residuals, n_at_most)
    by_chance, _ = gram_spectrum(turned(residuals, rng), 1)
    n = min(max(int(np.count_nonzero(values > by_chance[0])), 1), n_at_most)
    flat = np.ascontiguousarray(residuals).reshape(len(residuals), -1).view(np.float32)
    basis = vectors[:n].astype(np.float32) @ flat
    norms = np.linalg.norm(basis, axis=1, keepdims=True)
    components: npt.NDArray[np.float32] = basis / np.maximum(norms, np.finfo(np.float32).tiny)
    return components


def turned(members: Members, rng: np.random.Generator) -> Members:
    """Return the members, each turned in the plane by a random number of angular steps.

    Half of the angles are kept; the other half are their complex conjugates, as the images are
    real.
    """
    n, _, half = members.shape
    angles = (rng.integers(2 * half, size=n)[:, None] + np.arange(half)) % (2 * half)
    samples = np.take_along_axis(members, (angles % half)[:, None, :], axis=2)
    np.conjugate(samples, out=samples, where=(angles >= half)[:, None, :])
    return samples
