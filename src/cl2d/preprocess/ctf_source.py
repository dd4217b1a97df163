"""Particles with their contrast transfer corrected while they are read."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d.errors import InputError
from cl2d.io.subset_source import SubsetSource
from cl2d.io.wrapped_source import WrappedSource
from cl2d.preprocess.batches import batches, full_batch
from cl2d.preprocess.ctf import contrast_transfer
from cl2d.preprocess.normalise import (
    SPIKE_RMS,
    USABLE,
    GreyRange,
    clipped_mean_and_std,
    on_scale,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.io.ctf_parameters import CtfParameters

    Images = npt.NDArray[np.float32]
    Transfer = npt.NDArray[np.float32]
    TransferFactor = Callable[[Transfer], Transfer]


_SMALL, _LARGE = np.float32(1e-12), np.float32(1e12)


class CtfFilteredSource(WrappedSource):
    """A source whose images are filtered by a function of their CTF while they are read.

    Whatever reads particles from it, for coefficients, averages or half-sets, sees the same
    filtered images.

    Parameters
    ----------
    source : ParticleSource
    ctf : CtfParameters, one row a particle of the source
    factor : callable
        Returns what to multiply the Fourier coefficients of images by, given their CTFs,
        (n, box, box // 2 + 1) float32.
    n_threads : int
        Threads of the filter; every image is filtered on its own, whatever their number.

    Raises
    ------
    InputError
        If the source has no pixel size.
    ValueError
        If there are parameters for another number of particles.
    """

    def __init__(
        self,
        source: ParticleSource,
        ctf: CtfParameters,
        factor: TransferFactor,
        n_threads: int = 1,
    ) -> None:
        if len(ctf) != source.n_images:
            message = f"parameters are of {len(ctf)} particles, the source has {source.n_images}"
            raise ValueError(message)
        if source.pixel_size_angstrom is None:
            message = f"{source.name} must have a pixel size to correct the CTF"
            raise InputError(message)
        super().__init__(source)
        self._ctf = ctf
        self._factor = factor
        self._n_threads = n_threads
        self._pixel_size_angstrom = source.pixel_size_angstrom

    def read(self, start: int, stop: int) -> Images:
        """Return rows ``start`` to ``stop`` as a fresh (stop - start, box, box) array."""
        images = self._source.read(start, stop)

        def filter_batch(batch: slice) -> None:
            images[batch] = self._filtered(start, batch, images[batch])

        self._in_batches(len(images), filter_batch)
        return images

    @property
    def unfiltered(self) -> ParticleSource:
        """The source that is read."""
        return self._source

    def filtered(self, start: int, images: Images) -> Images:
        """Return images of ``unfiltered`` from row ``start`` on as :meth:`read` would, in place.

        All work is done by the calling thread.
        """
        for batch in batches(len(images), self.box_px):
            images[batch] = self._filtered(start, batch, images[batch])
        return images

    def take(self, rows: npt.NDArray[np.intp]) -> CtfFilteredSource:
        """Return some of the particles as a source of their own."""
        subset = SubsetSource(self._source, rows)
        return CtfFilteredSource(subset, self._ctf.take(rows), self._factor, self._n_threads)

    def _filtered(self, start: int, batch: slice, images: Images) -> Images:
        return filter_images(images, self._factor(self._transfer(start, batch)))

    def _in_batches(self, n_images: int, work: Callable[[slice], None]) -> None:
        """Do some work on all images of a block, a few at a time, whose CTFs fit in the cache."""
        parts = batches(n_images, self.box_px)
        if self._n_threads == 1 or len(parts) < 2:
            for part in parts:
                work(part)
        else:
            with ThreadPoolExecutor(self._n_threads) as pool:
                list(pool.map(work, parts))

    def _transfer(self, start: int, batch: slice) -> Transfer:
        """Return the CTFs of some images of a block that begins at row ``start``."""
        ctf = self._ctf.take(slice(start + batch.start, start + batch.stop))
        return contrast_transfer(ctf, self.box_px, self._pixel_size_angstrom)

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of the source's and of the correction."""
        digest = hashlib.sha256(self._source.fingerprint().encode())
        digest.update(self._factor.__name__.encode())
        digest.update(self._ctf.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class SplitReading:
    """Reading particles in two steps: what one thread has to do, and what any number can.

    Attributes
    ----------
    unfiltered : ParticleSource to read from
    filtered : callable
        Returns images that were read from a row on as the particles' own source gives them; it may
        change those it is given.
    """

    unfiltered: ParticleSource
    filtered: Callable[[int, Images], Images]

    @classmethod
    def of(cls, source: ParticleSource) -> SplitReading:
        """Return the two steps in which a source reads."""
        if isinstance(source, CtfFilteredSource):
            return cls(source.unfiltered, source.filtered)
        return cls(source, lambda _start, images: images)


def subset_of(source: ParticleSource, rows: npt.NDArray[np.intp]) -> ParticleSource:
    """Return some of the particles, corrected and averaged like all of them."""
    if isinstance(source, CtfFilteredSource):
        return source.take(rows)
    return SubsetSource(source, rows)


def phase_flipped(
    source: ParticleSource, ctf: CtfParameters, n_threads: int = 1
) -> CtfFilteredSource:
    """Return a source whose images are read with their phases flipped.

    Raises
    ------
    InputError
        If the source has no pixel size.
    """
    return CtfFilteredSource(source, ctf, sign_of_transfer, n_threads)


def sign_of_transfer(transfer: Transfer) -> Transfer:
    """Return the sign of each value, 1 or -1."""
    return np.copysign(np.float32(1.0), transfer)


def filter_images(images: Images, factor: Transfer) -> Images:
    """Return images whose Fourier coefficients are multiplied by a real factor.

    The mean is left as it is, and so is an image that is constant or not finite, which must
    be recognised later for what it is. Single pixels beyond 10 times the root mean square of their
    image are cut to it before.

    Parameters
    ----------
    images : (n, box, box) float32
    factor : (n, box, box // 2 + 1) float32
    """
    filtered = np.empty_like(images)
    for rows in batches(len(images), images.shape[1]):
        batch = _filtered_batch(full_batch(images, rows), factor[rows])
        filtered[rows] = batch[: rows.stop - rows.start]
    return filtered


def _filtered_batch(images: Images, factor: Transfer) -> Images:
    """Return a full batch of images, the first of which are filtered by as many factors."""
    pixels = images.reshape(len(images), -1)
    greys = GreyRange.of(pixels)
    unusable = greys.flags() != USABLE
    if unusable.any():
        pixels = np.where(unusable[:, None], np.float32(0), pixels)
        greys = GreyRange.of(pixels)
    scaled, mean, std = _on_own_scale(pixels, greys)
    scaled = scaled.reshape(images.shape)
    spectrum = fft.rfft2(scaled)
    kept_mean = spectrum[:, 0, 0].copy()
    spectrum[: len(factor)] *= factor
    spectrum[:, 0, 0] = kept_mean
    filtered: Images = fft.irfft2(spectrum, s=images.shape[1:])
    filtered *= std[:, :, None]
    filtered += mean[:, :, None]
    filtered[unusable] = images[unusable]
    return filtered


def _on_own_scale(pixels: Images, greys: GreyRange) -> tuple[Images, Images, Images]:
    """Return images of mean 0 and deviation 1, spikes cut, and what was taken away and divided by.

    An offset thousands of times the contrast would cost its digits in single precision. Far pixels
    do not count, and would be spread over the image by a filter, where nothing can tell them any
    more.
    """
    # About the mean will do: it is taken away and added again.
    with np.errstate(over="ignore"):
        mean = pixels.mean(axis=1, keepdims=True)
    mean = np.where(np.isfinite(mean), mean, 0.5 * greys.low + 0.5 * greys.high)
    scaled = pixels - mean
    peak = np.maximum(greys.high - mean, mean - greys.low)
    # Squares of such values would be too large or too small for single precision.
    unit = np.where((peak > 0) & ((peak < _SMALL) | (peak > _LARGE)), peak, np.float32(1))
    if (unit != 1).any():
        scaled /= unit
    share = np.sqrt(np.einsum("ij,ij->i", scaled, scaled)[:, None] / np.float32(pixels.shape[1]))
    scaled *= 1 / np.where(share > 0, share, np.float32(1))
    std = share * unit
    far = np.flatnonzero(peak > SPIKE_RMS * std)
    if len(far):
        robust_mean, robust = clipped_mean_and_std(pixels[far])
        robust = np.where(robust > 0, robust, std[far])
        scaled[far] = on_scale(pixels[far], greys.take(far), robust_mean, robust)
        mean[far], std[far] = robust_mean, robust
    return scaled, mean, std
