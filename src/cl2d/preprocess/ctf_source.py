"""Particles with their contrast transfer corrected while they are read."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d.errors import InputError
from cl2d.io.wrapped_source import WrappedSource
from cl2d.preprocess.batches import BATCH, full_batch
from cl2d.preprocess.ctf import contrast_transfer
from cl2d.preprocess.normalise import (
    SPIKE_RMS,
    USABLE,
    GreyRange,
    clipped_mean_and_std,
    mean_of_rows,
    on_scale,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.io.ctf_parameters import CtfParameters

    Images = npt.NDArray[np.float32]
    Sums = npt.NDArray[np.float64]
    Transfer = npt.NDArray[np.float32]
    TransferFactor = Callable[[Transfer], Transfer]


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

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return rows ``start`` to ``stop`` as a fresh (stop - start, box, box) array."""
        images = self._source.read(start, stop)

        def filter_batch(batch: slice) -> None:
            transfer = self._transfer(start, batch)
            images[batch] = filter_images(images[batch], self._factor(transfer))

        self._in_batches(len(images), filter_batch)
        return images

    def _in_batches(self, n_images: int, work: Callable[[slice], None]) -> None:
        """Do some work on all images of a block, a few at a time, whose CTFs fit in the cache."""
        firsts = range(0, n_images, BATCH)
        batches = [slice(first, min(first + BATCH, n_images)) for first in firsts]
        if self._n_threads == 1 or len(batches) < 2:
            for batch in batches:
                work(batch)
        else:
            with ThreadPoolExecutor(self._n_threads) as pool:
                list(pool.map(work, batches))

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
    for start in range(0, len(images), BATCH):
        rows = slice(start, min(start + BATCH, len(images)))
        batch = _filtered_batch(full_batch(images, start), factor[rows])
        filtered[rows] = batch[: rows.stop - start]
    return filtered


def _filtered_batch(images: Images, factor: Transfer) -> Images:
    """Return a full batch of images, the first of which are filtered by as many factors."""
    pixels = images.reshape(len(images), -1)
    greys = GreyRange.of(pixels)
    unusable = greys.flags() != USABLE
    if unusable.any():
        pixels = np.where(unusable[:, None], np.float32(0), pixels)
        greys = GreyRange.of(pixels)
    mean, std = _own_scale(pixels, greys)
    # A filter spreads a hot pixel over the image, where nothing can tell it any more.
    scaled = on_scale(pixels, greys, mean, std).reshape(images.shape)
    spectrum = fft.rfft2(scaled, overwrite_x=True)
    kept_mean = spectrum[:, 0, 0].copy()
    spectrum[: len(factor)] *= factor
    spectrum[:, 0, 0] = kept_mean
    filtered: Images = fft.irfft2(spectrum, s=images.shape[1:], overwrite_x=True)
    filtered *= std.astype(np.float32)[:, :, None]
    filtered += mean.astype(np.float32)[:, :, None]
    filtered[unusable] = images[unusable]
    return filtered


def _own_scale(pixels: Images, greys: GreyRange) -> tuple[Sums, Sums]:
    """Return mean and deviation of each image; far pixels do not count.

    An offset thousands of times the contrast would cost its digits in single precision.
    """
    # Rounded, as it is taken away and added again.
    near = mean_of_rows(pixels).astype(np.float32)
    peak = np.maximum(greys.high - near, near - greys.low)
    # Squares of the grey values might be too large or too small for single precision.
    residual = pixels - near
    residual /= np.where(peak > 0, peak, np.float32(1))
    np.square(residual, out=residual)
    mean, share = near.astype(np.float64), np.sqrt(mean_of_rows(residual))
    std: Sums = share * peak
    far = np.flatnonzero(SPIKE_RMS * share < 1)
    if len(far):
        mean[far], robust = clipped_mean_and_std(pixels[far])
        std[far] = np.where(robust > 0, robust, std[far])
    return mean, std
