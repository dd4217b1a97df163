"""The contrast transfer function of the microscope, in two dimensions."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io.ctf_parameters import CtfParameters

    Frequencies = npt.NDArray[np.float64]
    Transfer = npt.NDArray[np.float32]

# h / sqrt(2 m e) in angstrom times the root of a volt, and e / (2 m c^2) in 1 / volt (CODATA).
_WAVELENGTH_ANGSTROM_ROOT_VOLT = 12.2642596
_RELATIVITY_PER_VOLT = 9.78475596e-7
_ANGSTROM_PER_MM = 1e7


def contrast_transfer(
    ctf: CtfParameters, box_px: int, pixel_size_angstrom: float
) -> npt.NDArray[np.float32]:
    """Return the CTF of n particles on the half plane of rfft2, without an envelope.

    Parameters
    ----------
    ctf : parameters of the particles
    box_px : side of the images
    pixel_size_angstrom : their pixel size

    Returns
    -------
    (n, box, box // 2 + 1) float32, -1 to 1
        Positive from zero frequency to the first zero of an underfocused image, so that what was
        white stays white.

    Notes
    -----
    ``sin(pi lambda dz(a) k^2 - pi/2 Cs lambda^3 k^4 + phase shift + asin Q0)`` with the defocus
    along the direction a of a frequency, ``dz(a) = (U + V) / 2 + (U - V) / 2 cos 2 (a - angle)``
    (Mindell & Grigorieff 2003, J. Struct. Biol. 142, 334; the sign is RELION's).
    """
    along_y, along_x, fourth_power = _frequencies(box_px, pixel_size_angstrom)
    mean, even, odd, aberration, constant = _phase_factors(ctf).T
    # Rows of the grid in single precision: phases are hundreds at most, good to 1e-4 radians.
    of_x = ((mean + even)[:, None] * along_x**2).astype(np.float32)
    of_y = ((mean - even)[:, None] * along_y**2 + constant[:, None]).astype(np.float32)
    turned = ((2.0 * odd)[:, None] * along_y).astype(np.float32)
    phase = of_y[:, :, None] + of_x[:, None, :]
    term = turned[:, :, None] * along_x.astype(np.float32)
    phase += term
    phase += np.multiply(aberration.astype(np.float32)[:, None, None], fourth_power, out=term)
    transfer: Transfer = np.sin(phase, out=phase)
    return transfer


@lru_cache(maxsize=2)
def _frequencies(
    box_px: int, pixel_size_angstrom: float
) -> tuple[Frequencies, Frequencies, Transfer]:
    """Return frequencies of rows and columns, and the fourth power of each on the half plane."""
    along_y = np.fft.fftfreq(box_px, pixel_size_angstrom).astype(np.float64)
    along_x = np.fft.rfftfreq(box_px, pixel_size_angstrom).astype(np.float64)
    fourth_power = np.square(along_y[:, None] ** 2 + along_x**2).astype(np.float32)
    for shared in (along_y, along_x, fourth_power):
        shared.flags.writeable = False
    return along_y, along_x, fourth_power


def electron_wavelength_angstrom(voltage_kv: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the relativistic wavelength ``h / sqrt(2 m e V (1 + e V / 2 m c^2))`` of electrons."""
    volt = 1e3 * voltage_kv
    wavelength: npt.NDArray[np.float64] = _WAVELENGTH_ANGSTROM_ROOT_VOLT / np.sqrt(
        volt * (1.0 + _RELATIVITY_PER_VOLT * volt)
    )
    return wavelength


def _phase_factors(ctf: CtfParameters) -> npt.NDArray[np.float64]:
    """Return what makes the phase of each particle, (n, 5).

    The factors of x^2 + y^2, of x^2 - y^2, of 2 x y and of (x^2 + y^2)^2, and what is added.
    """
    wavelength = electron_wavelength_angstrom(ctf.voltage_kv)
    mean = 0.5 * (ctf.defocus_u_angstrom + ctf.defocus_v_angstrom)
    half = 0.5 * (ctf.defocus_u_angstrom - ctf.defocus_v_angstrom)
    twice_angle = 2.0 * np.radians(ctf.defocus_angle_deg)
    aberration = ctf.spherical_aberration_mm * _ANGSTROM_PER_MM
    return np.stack(
        [
            np.pi * wavelength * mean,
            np.pi * wavelength * half * np.cos(twice_angle),
            np.pi * wavelength * half * np.sin(twice_angle),
            -0.5 * np.pi * aberration * wavelength**3,
            np.radians(ctf.phase_shift_deg) + np.arcsin(ctf.amplitude_contrast),
        ],
        axis=1,
    )
