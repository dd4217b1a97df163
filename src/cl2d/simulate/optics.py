"""Contrast transfer of the microscope and the spectrum of the noise, on the half plane of rfft2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.simulate.truth import Truth

    FloatArray = npt.NDArray[np.float64]
    Spectrum = npt.NDArray[np.float32]

VOLTAGE_KV = 300.0
SPHERICAL_ABERRATION_MM = 2.7
AMPLITUDE_CONTRAST = 0.1
B_FACTOR_ANGSTROM2 = 80.0

STRUCTURED_SHARE = 0.3  # of the variance of ice noise
STRUCTURE_FREQUENCY = 1.0 / 60.0  # per angstrom; above it structured noise falls off
UNTRANSFERRED_SHARE = 0.15  # of the structured noise, which the contrast transfer leaves alone


def contrast_transfer(truth: Truth, box_px: int, pixel_size_angstrom: float) -> Spectrum:
    """Return the CTF with its envelope of n particles, (n, box, box // 2 + 1) float32.

    Positive at low frequencies, so that protein is white: ``sin`` of the phase shift
    ``pi lambda dz k^2 - pi/2 Cs lambda^3 k^4 + asin(Q0)`` (Mindell & Grigorieff 2003, J. Struct.
    Biol. 142, 334) times ``exp(-B k^2 / 4)``. Defocus along a frequency's direction follows from
    the largest and smallest as ``mean + half difference * cos 2 (direction - angle)``.
    """
    along_y, along_x = _frequencies(box_px, pixel_size_angstrom)
    squared = along_x**2 + along_y**2
    wavelength = electron_wavelength_angstrom(VOLTAGE_KV)
    angle = np.radians(truth.defocus_angle_deg)[:, None, None]
    mean = truth.defocus_angstrom.mean(axis=1)[:, None, None]
    half = 0.5 * (truth.defocus_angstrom[:, 0] - truth.defocus_angstrom[:, 1])[:, None, None]
    # k^2 cos 2(direction - angle), without the direction itself.
    twofold = (along_x**2 - along_y**2) * np.cos(2 * angle)
    twofold = twofold + 2.0 * along_x * along_y * np.sin(2 * angle)
    aberration = SPHERICAL_ABERRATION_MM * 1e7 * wavelength**3 * squared**2
    phase = np.pi * wavelength * (mean * squared + half * twofold) - 0.5 * np.pi * aberration
    transfer = np.sin(phase + np.arcsin(AMPLITUDE_CONTRAST))
    transfer *= np.exp(-0.25 * B_FACTOR_ANGSTROM2 * squared)
    return np.asarray(transfer, dtype=np.float32)


def ice_noise_amplitude(
    transfer: Spectrum | None, box_px: int, pixel_size_angstrom: float
) -> Spectrum:
    """Return the amplitude that turns white noise into ice noise of the same variance.

    Part of the noise is counted electrons, white. The rest is structure in the ice, strongest at
    low frequencies, most of it seen through the contrast transfer.

    Returns
    -------
    (n, box, box // 2 + 1) float32, n = 1 without a contrast transfer
    """
    along_y, along_x = _frequencies(box_px, pixel_size_angstrom)
    squared = along_x**2 + along_y**2
    power = np.ones((1, 1, 1)) if transfer is None else transfer.astype(np.float64) ** 2
    seen = UNTRANSFERRED_SHARE + (1.0 - UNTRANSFERRED_SHARE) * power
    structure = seen / (1.0 + squared / STRUCTURE_FREQUENCY**2)
    structure /= (structure * _multiplicity(box_px)).sum(axis=(1, 2), keepdims=True) / box_px**2
    total = (1.0 - STRUCTURED_SHARE) + STRUCTURED_SHARE * structure
    return np.sqrt(total).astype(np.float32)


def electron_wavelength_angstrom(voltage_kv: float) -> float:
    """Return the relativistic wavelength of an electron, from h / sqrt(2 m e V (1 + eV/2mc^2))."""
    energy = voltage_kv * 1e3
    return float(12.2642596 / np.sqrt(energy * (1.0 + 0.978475596e-6 * energy)))


def _frequencies(box_px: int, pixel_size_angstrom: float) -> tuple[FloatArray, FloatArray]:
    """Return the spatial frequencies of rfft2 per angstrom along y (box, 1) and x (1, half)."""
    along_y = np.fft.fftfreq(box_px, pixel_size_angstrom).astype(np.float64)[:, None]
    along_x = np.fft.rfftfreq(box_px, pixel_size_angstrom).astype(np.float64)[None, :]
    return along_y, along_x


def _multiplicity(box_px: int) -> FloatArray:
    """Return how many times each column of the half plane stands in the whole plane."""
    columns = np.full(box_px // 2 + 1, 2.0)
    columns[0] = 1.0
    if box_px % 2 == 0:
        columns[-1] = 1.0
    return columns
