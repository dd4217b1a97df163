"""The filter that turns sums of images times their CTF into averages free of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.preprocess.ctf_weighted import WeightedImages

    Rings = npt.NDArray[np.float64]

NEIGHBOURS = 2
"""Rings on either side over which the signal of all classes together is averaged."""


@dataclass(frozen=True, eq=False)
class RingSums:
    """Sums over the members of each class, by ring; each (n_classes, n_rings) float64.

    Attributes
    ----------
    transfer : of the mean square of the CTF
    transfer_squared : of the square of that
    power : of the power of the images times their CTF
    """

    transfer: Rings
    transfer_squared: Rings
    power: Rings

    @classmethod
    def empty(cls, n_classes: int, n_rings: int) -> RingSums:
        """Return the sums of classes without members."""
        return cls(*np.zeros((3, n_classes, n_rings)))

    def add(self, labels: npt.NDArray[np.int32], images: WeightedImages) -> None:
        """Add a block of images to the sums of their classes, in the order of the rows.

        Parameters
        ----------
        labels : (n,), -1 for an image in no class
        images : n of them
        """
        used = labels >= 0
        classes, transfer = labels[used], images.transfer_power[used]
        np.add.at(self.transfer, classes, transfer)
        np.add.at(self.transfer_squared, classes, np.square(transfer))
        np.add.at(self.power, classes, images.power[used])


def even_gain(sums: RingSums, members: npt.NDArray[np.int64]) -> Rings:
    """Return the factor on class sums after which their noise is that of a plain average.

    The square root of ``1 / (n sum CTF^2)``: where members transfer nothing there is nothing but
    noise, not more than elsewhere, so neighbouring rings that a mask mixes keep their weight.

    Parameters
    ----------
    sums : RingSums of the classes
    members : (n_classes,), n

    Returns
    -------
    (n_classes, n_rings) float64, 0 for a class without members
    """
    product = sums.transfer * members[:, None]
    return np.divide(1.0, np.sqrt(product), out=np.zeros_like(product), where=product > 0)


def wiener_gain(sums: RingSums, sum_power: Rings, ring_size: Rings) -> Rings:
    """Return the factor on the Fourier coefficients of class sums that makes them averages.

    Parameters
    ----------
    sums : RingSums of the classes
    sum_power : (n_classes, n_rings)
        Mean power of the class sums of aligned images times their CTF.
    ring_size : (n_rings,)
        Fourier coefficients of a ring, on both sides of the plane.

    Returns
    -------
    (n_classes, n_rings) float64
        ``1 / (sum CTF^2 + 1 / SSNR)``, at ring 0 one over the number of members; 0 without members
        and where there is no signal.

    Notes
    -----
    The filter is that of W. O. Saxton (Computer Techniques for Image Processing in Electron
    Microscopy, 1978), as S. H. W. Scheres uses it (J. Struct. Biol. 180, 2012). SSNR is the power
    P of the particle over that of the noise, N, in one image. With c_i the mean square of the CTF
    of member i on a ring, the images times their CTF have the power ``sum_i (c_i^2 P + c_i N)``,
    their sum has ``(sum c_i)^2 P + sum_i c_i N``. What the second exceeds the first by is due to
    pairs of different members, so noise has no share in it but by chance; it gives P, and the
    first then gives N.

    Chance is large in a small class and where all members transfer next to nothing. There P is
    that of all classes together, over some neighbouring rings: each of the two counts
    by the inverse of its squared error, which for the latter is P itself.
    """
    pairs = np.square(sums.transfer) - sums.transfer_squared
    excess = sum_power - sums.power
    common, known = _common_signal(excess, pairs, ring_size)
    signal = _signal(excess, pairs, common, sums.power * np.sqrt(2.0 / ring_size))
    rest = np.maximum(sums.power - signal * sums.transfer_squared, 0.0)
    transferred = sums.transfer > 0
    noise = np.divide(rest, sums.transfer, out=np.zeros_like(rest), where=transferred)
    # Where no class has two members nothing tells signal from noise: SSNR 1 is taken.
    noise, signal = np.where(known, noise, 1.0), np.where(known, signal, 1.0)
    below = signal * sums.transfer + noise
    gain = np.divide(signal, below, out=np.zeros_like(below), where=transferred & (below > 0))
    members = sums.transfer[:, 0]
    gain[:, 0] = np.divide(1.0, members, out=np.zeros_like(members), where=members > 0)
    return gain


def _common_signal(
    excess: Rings, pairs: Rings, ring_size: Rings
) -> tuple[Rings, npt.NDArray[np.bool_]]:
    """Return the signal of all classes together by ring, and where any of them can tell."""
    window = np.ones(2 * NEIGHBOURS + 1)
    # The mean of images is no signal, and would count for that of its neighbours.
    inside = ring_size * (np.arange(len(ring_size)) > 0)
    above, below = (
        ndimage.convolve1d(values.sum(axis=0) * inside, window, mode="constant")
        for values in (excess, pairs)
    )
    known = below > 0
    ratio = np.divide(above, below, out=np.zeros_like(above), where=known)
    return np.maximum(ratio, 0.0), known


def _signal(excess: Rings, pairs: Rings, common: Rings, excess_error: Rings) -> Rings:
    """Return the power of the signal of each class by ring, (n_classes, n_rings)."""
    alone = pairs > 0
    own = np.divide(excess, pairs, out=np.zeros_like(excess), where=alone)
    error = np.divide(excess_error, pairs, out=np.zeros_like(excess), where=alone)
    # A class that surely shows more than the others do is believed, too.
    spread = np.square(np.maximum(own, common))
    both = spread + np.square(error)
    share = np.divide(spread, both, out=np.zeros_like(both), where=alone & (both > 0))
    signal: Rings = np.maximum(share * own + (1.0 - share) * common, 0.0)
    return signal
