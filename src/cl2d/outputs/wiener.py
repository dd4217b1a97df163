"""How strong the signal of classes is, from the sums of two halves of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

if TYPE_CHECKING:
    import numpy.typing as npt

    Rings = npt.NDArray[np.float64]

NEIGHBOURS = 2
"""Rings on either side over which the signal of all classes together is averaged."""

SURE_ERRORS = 2.0
"""Standard errors by which a class has to exceed the others to be believed on its own."""


@dataclass(frozen=True, eq=False)
class HalfSums:
    """Two halves of each class, the sums of whose images times their CTF are known, by ring.

    Attributes
    ----------
    transfer : (n_classes, 2, n_rings) float64, sum over members of the mean square of their CTF
    power : (n_classes, 2, n_rings) float64, mean power of the sum of each half
    cross : (n_classes, n_rings) float64, mean product of the sums of both halves
    """

    transfer: Rings
    power: Rings
    cross: Rings


def inverse_signal_to_noise(halves: HalfSums, ring_size: Rings) -> Rings:
    """Return the noise over the signal of one image before its CTF, for each class and ring.

    Parameters
    ----------
    halves : HalfSums of the classes
    ring_size : (n_rings,)
        Fourier coefficients of a ring, on both sides of the plane.

    Returns
    -------
    (n_classes, n_rings) float64
        Infinite where there is no signal. 1 where no class has two members, so that nothing tells
        signal from noise.

    Notes
    -----
    Let the particle have the power P, and D_1 and D_2 be the sums of CTF^2 over both halves. The
    product of the sums of the halves is D_1 D_2 P, and noise has no share in it but by chance. Of
    the power of the halves D_1^2 P and D_2^2 P are signal and the rest noise, also what turning
    the images brings in from other rings.

    Chance is large in a small class and where members transfer next to nothing. There P is
    that of all classes together, over some neighbouring rings, which may be wrong by as much as P
    itself: each of the two counts by the inverse of its squared error.
    """
    pairs = halves.transfer.prod(axis=1)
    # Of signal and noise in both halves, all products but that of the signals vary. They are
    # independent for half the coefficients of a ring, and only their real part counts.
    variable = np.maximum(halves.power.prod(axis=1) - np.square(halves.cross), 0.0)
    cross_error = np.sqrt(variable / ring_size)
    common, known = _common_signal(halves.cross, cross_error, pairs, ring_size)
    signal = _signal(halves.cross, cross_error, pairs, common)
    transfer = halves.transfer.sum(axis=1)
    noise = _noise(halves, pairs, signal)
    product = signal * transfer
    inverse = np.divide(noise, product, out=np.full_like(noise, np.inf), where=product > 0)
    return np.where(known, inverse, 1.0)


def _common_signal(
    cross: Rings, cross_error: Rings, pairs: Rings, ring_size: Rings
) -> tuple[Rings, npt.NDArray[np.bool_]]:
    """Return the signal of all classes together by ring, and where any of them can tell."""
    # The mean of images is no signal, and would count for that of its neighbours.
    inside = ring_size * (np.arange(len(ring_size)) > 0)

    def with_neighbours(of_classes: Rings) -> Rings:
        window = np.ones(2 * NEIGHBOURS + 1)
        sums: Rings = scipy.ndimage.convolve1d(of_classes.sum(axis=0), window, mode="constant")
        return sums

    above, below = with_neighbours(cross * inside), with_neighbours(pairs * inside)
    variance = with_neighbours(np.square(cross_error * inside))
    # A signal of the size of its error is as likely none.
    signal = np.maximum(above, 0.0)
    share = _ratio(np.square(signal), np.square(signal) + variance)
    return share * _ratio(signal, below), below > 0


def _signal(cross: Rings, cross_error: Rings, pairs: Rings, common: Rings) -> Rings:
    """Return the power of the signal of each class by ring, (n_classes, n_rings)."""
    own, error = _ratio(cross, pairs), _ratio(cross_error, pairs)
    # A class that surely shows more than the others do is believed, too.
    spread = np.square(np.maximum(own - SURE_ERRORS * error, common))
    share = np.where(pairs > 0, _ratio(spread, spread + np.square(error)), 0.0)
    signal: Rings = np.maximum(share * own + (1.0 - share) * common, 0.0)
    return signal


def _noise(halves: HalfSums, pairs: Rings, signal: Rings) -> Rings:
    """Return the power of the noise in the sums of classes, (n_classes, n_rings)."""
    squares = np.square(halves.transfer).sum(axis=1)
    # A class with one half has nothing but the signal of the others to tell its noise by.
    signal_of_halves = np.where(pairs > 0, _ratio(halves.cross, pairs), signal) * squares
    noise: Rings = np.maximum(halves.power.sum(axis=1) - signal_of_halves, 0.0)
    return noise


def _ratio(above: Rings, below: Rings) -> Rings:
    """Return a quotient, 0 where the divisor is not positive."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
