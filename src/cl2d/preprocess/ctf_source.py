"""Particles with their contrast transfer corrected while they are read."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

from cl2d.errors import InputError
from cl2d.io.wrapped_source import WrappedSource
from cl2d.preprocess.ctf import contrast_transfer
from cl2d.preprocess.normalise import (
    LARGEST,
    SPIKE_RMS,
    USABLE,
    clipped_mean_and_std,
    cut_spikes,
    flag_images,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.io.ctf_parameters import CtfParameters

    Transfer = npt.NDArray[np.float32]
    TransferFactor = Callable[[Transfer], Transfer]

BATCH = 16
"""Images whose CTF is computed at a time: they fit in the cache."""


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


def filter_images(images: npt.NDArray[np.float32], factor: Transfer) -> npt.NDArray[np.float32]:
    """Return images whose Fourier coefficients are multiplied by a real factor.

    The mean is left as it is, and so is an image that is constant or not finite, which must
    be recognised later for what it is. Single pixels beyond 10 times the root mean square of their
    image are cut to it before.

    Parameters
    ----------
    images : (n, box, box) float32
    factor : (n, box, box // 2 + 1) float32
    """
    n_images, box = len(images), images.shape[-1]
    pixels = images.reshape(n_images, -1)
    usable = flag_images(pixels) == USABLE
    scaled, mean, std = _on_own_scale(pixels[usable])
    # A filter spreads a hot pixel over the image, where nothing can tell it any more.
    cut_spikes(scaled)
    factor = factor[usable]
    factor[:, 0, 0] = 1.0
    for image, own in zip(scaled.reshape(-1, box, box), factor, strict=True):
        # One by one, so that the bits of an image do not depend on its neighbours.
        image[:] = fft.irfft2(fft.rfft2(image) * own, s=(box, box))
    filtered = pixels.copy()
    filtered[usable] = scaled * std + mean
    return filtered.reshape(images.shape)


def _on_own_scale(pixels: npt.NDArray[np.float32]) -> tuple[npt.NDArray[Any], ...]:
    """Return images of mean 0 and deviation 1 in single precision, and their means and deviations.

    An offset thousands of times the contrast would cost its digits. Far pixels do not count.
    """
    values = pixels.astype(np.float64)
    mean = values.mean(axis=1, keepdims=True)
    std = np.sqrt(np.square(values - mean).mean(axis=1, keepdims=True))
    far = np.flatnonzero(np.abs(values - mean).max(axis=1) > SPIKE_RMS * std.ravel())
    if len(far):
        mean[far], robust = clipped_mean_and_std(values[far])
        std[far] = np.where(robust > 0, robust, std[far])
    values -= mean
    values /= std
    return np.clip(values, -LARGEST, LARGEST).astype(np.float32), mean, std
