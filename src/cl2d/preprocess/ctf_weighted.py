"""Particles with flipped phases, which are weighted by their contrast transfer for averages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d.io.subset_source import SubsetSource
from cl2d.preprocess.batches import batches
from cl2d.preprocess.ctf import contrast_transfer
from cl2d.preprocess.ctf_source import (
    CtfFilteredSource,
    filter_images,
    sign_of_transfer,
)
from cl2d.preprocess.spectrum import RingAverage

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.io.ctf_parameters import CtfParameters, CtfState
    from cl2d.preprocess.ctf_source import Transfer, TransferFactor

    Images = npt.NDArray[np.float32]
    Rings = npt.NDArray[np.float64]


SAMPLE_PARTICLES = 256
"""Particles whose CTFs say what is usual."""

LEAST_TRANSFER = 0.1
"""No image is multiplied by more than ten."""


@dataclass(frozen=True, eq=False)
class WeightedImages:
    """Images multiplied by their CTF over that of all, and what averaging them has to know.

    Rings are those of :class:`SmoothRings`.

    Attributes
    ----------
    images : (n, box, box) float32
        The mean of each is that of the image as read.
    transfer_power : (n, rings) float64, mean square of the CTF
    """

    images: npt.NDArray[np.float32]
    transfer_power: Rings


class CtfWeightedSource(CtfFilteredSource):
    """Particles that are classified with flipped phases and averaged with their whole CTF.

    Parameters
    ----------
    source : ParticleSource
    ctf : CtfParameters, one row a particle of the source
    state : "raw", "flipped" or "premultiplied"
        What was done about the CTF of the images of the source: nothing, phases flipped, or
        coefficients multiplied by the CTF.
    n_threads : int
        Threads of the filter; they do not change a bit.

    Raises
    ------
    InputError
        If the source has no pixel size.
    ValueError
        If there are parameters for another number of particles, or nothing can be done about
        images in that state.
    """

    def __init__(
        self,
        source: ParticleSource,
        ctf: CtfParameters,
        state: CtfState = "raw",
        n_threads: int = 1,
    ) -> None:
        if state not in _MISSING_FACTOR:
            message = f"state must be one of {', '.join(_MISSING_FACTOR)}, not {state}"
            raise ValueError(message)
        super().__init__(source, ctf, sign_of_transfer, n_threads)
        self._state = state
        self._rings = SmoothRings(source.box_px)

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return rows ``start`` to ``stop`` with phases flipped, (stop - start, box, box)."""
        return super().read(start, stop) if self._state == "raw" else self._source.read(start, stop)

    def filtered(self, start: int, images: Images) -> Images:
        """Return images as read from row ``start`` on with phases flipped, in place."""
        return super().filtered(start, images) if self._state == "raw" else images

    @cached_property
    def usual_transfer(self) -> Rings:
        """Root mean square CTF of the particles, or a sample of them, by ring; at least 0.1."""
        n_rows = min(SAMPLE_PARTICLES, self.n_images)
        rows = np.linspace(0, self.n_images - 1, n_rows).astype(np.intp)
        total = np.zeros(self._rings.rings.n_bins)
        for batch in batches(n_rows, self.box_px):
            sample = self._ctf.take(rows[batch])
            for one in contrast_transfer(sample, self.box_px, self._pixel_size_angstrom):
                total += self._rings.rings(np.square(one))
        usual: Rings = np.sqrt(np.maximum(total / n_rows, LEAST_TRANSFER**2))
        return usual

    @property
    def shown_transfer(self) -> Rings:
        """What particles as read show of an average that is free of the CTF, by ring."""
        usual = self.usual_transfer
        return np.square(usual) if self._state == "premultiplied" else usual

    def read_weighted(self, start: int, stop: int) -> WeightedImages:
        """Return rows ``start`` to ``stop`` multiplied by their CTF over ``usual_transfer``.

        Turning and moving an image mixes neighbouring frequencies, some of which hold a hundredth
        of the power of others in images times their CTF. So what all images have in common is
        left for the averages. Where phases are flipped the factor is the absolute value of the
        CTF, which comes to the same.
        """
        images = self._source.read(start, stop)
        transfer_power = np.empty((len(images), self._rings.rings.n_bins))
        factor = _MISSING_FACTOR[self._state]
        common = (1.0 / self._rings.between(self.usual_transfer)).astype(np.float32)

        def weigh_batch(batch: slice) -> None:
            transfer = self._transfer(start, batch)
            images[batch] = filter_images(images[batch], factor(transfer) * common)
            transfer_power[batch] = [self._rings.rings(np.square(one)) for one in transfer]

        self._in_batches(len(images), weigh_batch)
        return WeightedImages(images, transfer_power)

    def take(self, rows: npt.NDArray[np.intp]) -> CtfWeightedSource:
        """Return some of the particles, rows ascending, as a source of their own."""
        subset = SubsetSource(self._source, rows)
        return CtfWeightedSource(subset, self._ctf.take(rows), self._state, self._n_threads)

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of the source's and of the correction."""
        return hashlib.sha256(
            f"{super().fingerprint()} weighted {self._state}".encode()
        ).hexdigest()


class SmoothRings:
    """Rings of a box, its corners as one, and values between rings.

    Parameters
    ----------
    box_px : int

    Attributes
    ----------
    rings : RingAverage
    """

    def __init__(self, box_px: int) -> None:
        self._box_px = box_px
        self.rings = RingAverage(box_px, box_px // 2 + 1)
        rows, columns = fft.fftfreq(box_px) * box_px, np.arange(box_px // 2 + 1)
        self._squared_radius = np.square(rows[:, None]) + np.square(columns[None, :])
        self._of_rings = self.rings(self._squared_radius)

    def between(self, by_ring: Rings) -> npt.NDArray[np.float64]:
        """Return a value for each coefficient, on straight lines between rings.

        The lines run along the square of the frequency, as the CTF does before its first zero.
        """
        values: npt.NDArray[np.float64] = np.interp(self._squared_radius, self._of_rings, by_ring)
        return values

    def filtered(
        self, image: npt.NDArray[np.floating], factor: npt.NDArray[np.float64], mean_factor: float
    ) -> npt.NDArray[np.float64]:
        """Return an image whose Fourier coefficients are multiplied by a factor.

        Parameters
        ----------
        image : (box, box)
        factor : (box, box // 2 + 1)
        mean_factor : float, on the mean
        """
        spectrum = fft.rfft2(image.astype(np.float64)) * factor
        spectrum[0, 0] = mean_factor * image.sum(dtype=np.float64)
        found: npt.NDArray[np.float64] = fft.irfft2(spectrum, s=(self._box_px, self._box_px))
        return found


def _transfer_itself(transfer: Transfer) -> Transfer:
    return transfer


def _absolute_transfer(transfer: Transfer) -> Transfer:
    return np.abs(transfer)


# By what images are still to be multiplied to be particles times their CTF squared.
_MISSING_FACTOR: dict[CtfState, TransferFactor] = {
    "raw": _transfer_itself,
    "flipped": _absolute_transfer,
    "premultiplied": np.ones_like,
}
