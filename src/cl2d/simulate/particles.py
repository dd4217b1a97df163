"""Simulated particle images, made when they are read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d.simulate.geometry import rotation_matrices
from cl2d.simulate.junk import JunkDrawing
from cl2d.simulate.molecule import Molecule, blob_molecule, project
from cl2d.simulate.optics import contrast_transfer, ice_noise_amplitude
from cl2d.simulate.streams import Stream, generator
from cl2d.simulate.truth import (
    PARTICLES_PER_MICROGRAPH,
    Truth,
    draw_truth,
    view_angles_deg,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.simulate.options import SimulationOptions

    ImageArray = npt.NDArray[np.float32]

PROBE_PARTICLES = 500  # good particles from which the scale of the signal is measured
BLOCK_IMAGES = 128  # made at a time, which bounds memory and changes nothing in the images


@dataclass(frozen=True)
class Simulation:
    """A simulated set; every image depends on the options and its own index alone.

    Attributes
    ----------
    options : SimulationOptions
    truth : Truth
    molecule : Molecule
        In pixels.
    signal_scale : float
        Factor on projections that gives the signal-to-noise ratio with noise of unit variance.
    """

    options: SimulationOptions
    truth: Truth
    molecule: Molecule
    signal_scale: float

    @property
    def stack(self) -> SimulatedStack:
        """The images as a lazy array (n, box, box): slices are made when asked for."""
        return SimulatedStack(self)

    @cached_property
    def images(self) -> ImageArray:
        """All images in memory, (n, box, box) float32."""
        return self.read(0, self.options.n_particles)

    @cached_property
    def views(self) -> ImageArray:
        """Clean images of the discrete views at psi 0 without CTF, (n_views, box, box) float32.

        On the scale of the particles; empty where views are not discrete.
        """
        options = self.options
        if options.n_views == 0:
            return np.zeros((0, options.box_px, options.box_px), dtype=np.float32)
        return self._projections(_view_rotations(options), np.zeros((options.n_views, 2)))

    def read(self, start: int, stop: int) -> ImageArray:
        """Return images ``start`` to ``stop`` with noise, (stop - start, box, box) float32."""
        return self._blockwise(start, stop, with_noise=True)

    def signal(self, start: int, stop: int) -> ImageArray:
        """Return the same images before noise, contrast transfer included."""
        return self._blockwise(start, stop, with_noise=False)

    def _blockwise(self, start: int, stop: int, *, with_noise: bool) -> ImageArray:
        start, stop, _ = slice(start, stop).indices(len(self.truth))
        box = self.options.box_px
        images = np.empty((max(0, stop - start), box, box), dtype=np.float32)
        for first in range(start, stop, BLOCK_IMAGES):
            rows = np.arange(first, min(first + BLOCK_IMAGES, stop))
            images[first - start : rows[-1] + 1 - start] = self._block(rows, with_noise=with_noise)
        return images

    def _block(self, rows: npt.NDArray[np.intp], *, with_noise: bool) -> ImageArray:
        options, truth = self.options, self.truth.take(rows)
        specimen = self._particles(truth) + self._junk(truth, rows)
        noise = self._white_noise(rows) if with_noise else np.zeros_like(specimen)
        if options.ctf == "none" and options.noise == "white":
            return specimen + noise
        transfer = None
        if options.ctf != "none":
            transfer = contrast_transfer(truth, options.box_px, options.pixel_size_angstrom)
            if options.ctf == "flipped":
                np.abs(transfer, out=transfer)
        colour = None
        if options.noise == "ice":
            colour = ice_noise_amplitude(transfer, options.box_px, options.pixel_size_angstrom)
        spectrum = _transform(specimen, transfer) + _transform(noise, colour)
        images: ImageArray = fft.irfft2(spectrum, s=specimen.shape[1:])
        return images

    def _particles(self, truth: Truth) -> ImageArray:
        good = truth.good
        images = np.zeros((len(truth), self.options.box_px, self.options.box_px), np.float32)
        rotations = rotation_matrices(*truth.euler_deg[good].T)
        images[good] = self._projections(rotations, truth.shift_px[good])
        images *= truth.amplitude.astype(np.float32)[:, None, None]
        return images

    def _junk(self, truth: Truth, rows: npt.NDArray[np.intp]) -> ImageArray:
        options = self.options
        views = _view_rotations(options) if options.n_views > 0 else None
        drawing = JunkDrawing()
        for row in np.flatnonzero(~truth.good).tolist():
            rng = generator(options.seed, Stream.JUNK_IMAGE, int(rows[row]))
            drawing.add(row, int(truth.junk[row]), views, options.box_px, rng)
        images = np.zeros((len(truth), options.box_px, options.box_px), np.float32)
        for row, artefact in drawing.artefacts.items():
            images[row] = np.sqrt(options.snr) * artefact
        if drawing.rows:
            copies = self._projections(np.array(drawing.rotations), np.array(drawing.shifts_px))
            np.add.at(images, np.array(drawing.rows), copies)
        return images

    def _projections(
        self, rotations: npt.NDArray[np.float64], shifts_px: npt.NDArray[np.float64]
    ) -> ImageArray:
        images = project(self.molecule, rotations, shifts_px, self.options.box_px)
        images *= np.float32(self.signal_scale)
        return images

    def _white_noise(self, rows: npt.NDArray[np.intp]) -> ImageArray:
        noise = np.empty((len(rows), self.options.box_px, self.options.box_px), np.float32)
        for image, row in zip(noise, rows.tolist(), strict=True):
            rng = generator(self.options.seed, Stream.NOISE, row)
            rng.standard_normal(dtype=np.float32, out=image)
        return noise


class SimulatedStack:
    """The images of a simulation as a read-only lazy array of shape (n, box, box)."""

    dtype = np.dtype(np.float32)
    ndim = 3

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        box = simulation.options.box_px
        self.shape = (simulation.options.n_particles, box, box)

    def __len__(self) -> int:
        """Return the number of images."""
        return self.shape[0]

    def __getitem__(self, rows: int | slice) -> ImageArray:
        """Return one image (box, box), or a slice of step 1 of the images (n, box, box)."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            return self._simulation.read(start, stop) if step == 1 else self._picked(rows)
        row = range(len(self))[rows]
        image: ImageArray = self._simulation.read(row, row + 1)[0]
        return image

    def _picked(self, rows: slice) -> ImageArray:
        images = [self[row] for row in range(*rows.indices(len(self)))]
        return np.array(images, dtype=self.dtype).reshape(-1, *self.shape[1:])


def simulate_particles(options: SimulationOptions) -> Simulation:
    """Return a simulated set: its truth at once, its images when they are read.

    Parameters
    ----------
    options
        Same options, same images, whatever the order or the blocks they are read in.

    Examples
    --------
    >>> from cl2d.simulate import SimulationOptions, simulate_particles
    >>> simulation = simulate_particles(SimulationOptions(n_particles=3, box_px=32))
    >>> simulation.images.shape, simulation.truth.view.shape
    ((3, 32, 32), (3,))
    """
    unit_molecule = blob_molecule(options.n_blobs, options.solvent, options.molecule_seed)
    molecule = unit_molecule.in_pixels(options.molecule_radius * options.box_px)
    scale = np.sqrt(options.snr / _unit_signal_variance(options, molecule))
    return Simulation(options, draw_truth(options), molecule, float(scale))


def clean_views(options: SimulationOptions) -> ImageArray:
    """Return the clean images of the discrete views, (n_views, box, box) float32."""
    return simulate_particles(options.model_copy(update={"n_particles": 1})).views


def _unit_signal_variance(options: SimulationOptions, molecule: Molecule) -> float:
    """Return the mean variance over the box of good particles before any scaling.

    Measured on one particle of each of many micrographs, for it varies with the defocus.
    """
    update = {"n_particles": PROBE_PARTICLES * PARTICLES_PER_MICROGRAPH, "junk_fraction": 0.0}
    many = options.model_copy(update=update)
    truth = draw_truth(many).take(slice(None, None, PARTICLES_PER_MICROGRAPH))
    signal = Simulation(many, truth, molecule, 1.0).signal(0, PROBE_PARTICLES)
    return float(signal.var(axis=(1, 2), dtype=np.float64).mean())


def _view_rotations(options: SimulationOptions) -> npt.NDArray[np.float64]:
    rot, tilt = view_angles_deg(options)
    return rotation_matrices(rot, tilt, np.zeros_like(rot))


def _transform(images: ImageArray, factor: ImageArray | None) -> npt.NDArray[np.complex64]:
    """Return the half-plane Fourier transforms of images times ``factor``, None meaning 1."""
    spectrum: npt.NDArray[np.complex64] = fft.rfft2(images)
    if factor is not None:
        spectrum *= factor
    return spectrum
