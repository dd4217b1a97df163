"""Averages as they are delivered: means of images, or corrected for the contrast transfer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy
from scipy import fft

from cl2d.outputs.averages import class_sums, raw_averages
from cl2d.outputs.wiener import HalfSums, inverse_signal_to_noise
from cl2d.preprocess.ctf_weighted import CtfWeightedSource, SmoothRings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from cl2d.engine.member_sums import SummedBy
    from cl2d.io import ParticleSource
    from cl2d.results import LevelResult

    Images = npt.NDArray[np.float32]
    Sums = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]

MIXED_RINGS = (0.25, 0.5, 0.25)
"""How much turning an image mixes a ring with its neighbours, roughly."""


@dataclass(frozen=True, eq=False)
class ClassAverages:
    """Averages of the classes of one level.

    Attributes
    ----------
    delivered : (n_classes, box, box) float32
    compared : (n_classes, box, box) float32
        What is measured and compared with particles: their noise is that of a plain average. The
        same as ``delivered`` unless that is corrected for the contrast transfer.
    """

    delivered: Images
    compared: Images


def class_averages(
    source: ParticleSource,
    levels: Sequence[LevelResult],
    n_threads: int,
    on_event: Callable[[object], None] | None = None,
    *,
    only_compared: Sequence[LevelResult] = (),
    summed_by: SummedBy | None = None,
) -> list[ClassAverages]:
    """Average the members of every class of every level as their source asks for.

    The images are read once, in blocks, whatever the number of levels. Besides a block, memory
    holds one float64 sum for each class of each level, two where SSNR is measured; and once or
    twice as much again for many images (:mod:`cl2d.engine.stretches`).

    Parameters
    ----------
    source : ParticleSource
    levels : of LevelResult
        Levels whose ``labels`` and ``poses`` have one entry an image; label -1 is skipped.
    n_threads : int
        Threads of the engine.
    on_event : callable, optional
        Called with ``PhaseStarted``, ``PhaseProgress`` (images done) and ``PhaseFinished``.
    only_compared : of LevelResult
        More levels, whose averages are measured but not delivered; theirs come last.
    summed_by : callable, optional
        Who sums the members, if not this process; the bits are the same.

    Returns
    -------
    list of ClassAverages
        One for each level. A class without members is zero.

    Raises
    ------
    ValueError
        If a level does not have one label an image.

    Notes
    -----
    Means of images moved by their poses, see :func:`cl2d.outputs.averages.raw_averages`. Those
    delivered of a :class:`cl2d.preprocess.ctf_weighted.CtfWeightedSource` are Wiener averages,
    ``sum CTF F / (sum CTF^2 + 1 / SSNR)``, F the transform of a raw image moved by its pose (W. O.
    Saxton, Computer Techniques for Image Processing in Electron Microscopy, 1978). The denominator
    goes by rings; SSNR is measured on two halves of each class
    (:func:`cl2d.outputs.wiener.inverse_signal_to_noise`). The mean is that of the images.
    """
    levels = [*levels, *only_compared]
    if not isinstance(source, CtfWeightedSource):
        plain = raw_averages(source, levels, n_threads, on_event, summed_by)
        return [ClassAverages(stack, stack) for stack in plain]
    n_delivered = len(levels) - len(only_compared)
    summed = [level.halved() for level in levels[:n_delivered]] + levels[n_delivered:]
    sums = class_sums(source, summed, n_threads, on_event, weighted=True, summed_by=summed_by)
    averages = []
    for i, level in enumerate(levels):
        finished = _delivered_and_compared if i < n_delivered else _compared
        of_level = _WeightedSums(sums[i].images, sums[i].transfer, source.usual_transfer)
        averages.append(finished(of_level, level.class_sizes()))
    return averages


@dataclass(frozen=True, eq=False)
class _WeightedSums:
    """Sums over classes of images times their CTF over the usual one, and of CTF^2 by ring."""

    images: Sums
    transfer: Sums
    usual_transfer: Sums

    def of_both_halves(self) -> _WeightedSums:
        """Return the sums of classes, given those of two halves of each in turn."""
        images = self.images[0::2] + self.images[1::2]
        transfer = self.transfer[0::2] + self.transfer[1::2]
        return _WeightedSums(images, transfer, self.usual_transfer)


def _delivered_and_compared(sums: _WeightedSums, members: Counts) -> ClassAverages:
    """Turn the sums of both halves of each class into averages."""
    smooth = SmoothRings(sums.images.shape[-1])
    inverse = inverse_signal_to_noise(_half_sums(sums, smooth), smooth.rings.size)
    whole = sums.of_both_halves()
    usual = smooth.between(sums.usual_transfer)
    delivered = np.zeros(whole.images.shape, dtype=np.float32)
    for k in np.flatnonzero(members).tolist():
        # The root is straight at low frequencies, where CTF^2 doubles across a ring.
        transfer = np.square(smooth.between(np.sqrt(whole.transfer[k])))
        gain = usual * _inverse(transfer + inverse[k][smooth.rings.ring])
        delivered[k] = smooth.filtered(whole.images[k], gain, 1.0 / members[k])
    return ClassAverages(delivered, _compared(whole, members).compared)


def _half_sums(sums: _WeightedSums, smooth: SmoothRings) -> HalfSums:
    """Return the powers of the sums of halves, and their products, of images times their CTF."""
    n_classes, n_rings = len(sums.images) // 2, sums.transfer.shape[1]
    power, cross = np.empty((n_classes, 2, n_rings)), np.empty((n_classes, n_rings))
    for k in range(n_classes):
        first, second = (fft.rfft2(half) for half in sums.images[2 * k : 2 * k + 2])
        power[k] = [smooth.rings(np.square(np.abs(half))) for half in (first, second)]
        cross[k] = smooth.rings((first * second.conj()).real)
    factor = np.square(sums.usual_transfer)
    return HalfSums(sums.transfer.reshape(n_classes, 2, n_rings), power * factor, cross * factor)


def _compared(sums: _WeightedSums, members: Counts) -> ClassAverages:
    """Turn sums of classes into averages with the noise of a plain one.

    Images times their CTF over the usual one have noise like any image, but where the members
    transfer more or less than usual. Where that is next to nothing there is noise alone. It stays
    as weak as elsewhere, for a mask mixes neighbouring rings; turning images has mixed them, too.
    """
    smooth = SmoothRings(sums.images.shape[-1])
    compared = np.zeros(sums.images.shape, dtype=np.float32)
    for k in np.flatnonzero(members).tolist():
        relative = sums.transfer[k] / np.square(sums.usual_transfer)
        mixed = scipy.ndimage.convolve1d(relative, MIXED_RINGS, mode="nearest")
        gain = _inverse(np.sqrt(members[k] * smooth.between(mixed)))
        compared[k] = smooth.filtered(sums.images[k], gain, 1.0 / members[k])
    return ClassAverages(compared, compared)


def _inverse(values: Sums) -> Sums:
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
