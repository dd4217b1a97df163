"""What to simulate: every option with its default, range, unit and help text."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, ValidationError

from cl2d.options import StageOptions, option, readable_error


class SimulationOptions(StageOptions):
    """Particles to simulate: how many, of what, seen from where, and how badly.

    Noise has unit variance; the signal is scaled to the signal-to-noise ratio. A longer set begins
    with the particles of the shorter one that has the same other options.
    """

    model_config = ConfigDict(title="Simulation")

    n_particles: int = option(1000, "Number of particle images.", ge=1)
    box_px: int = option(64, "Side of the images.", unit="px", ge=16)
    pixel_size_angstrom: float = option(4.0, "Pixel size.", unit="angstrom", gt=0)
    n_views: int = option(
        16, "Number of distinct views, well spread; 0 = every direction alike.", ge=0
    )
    view_exponent: float = option(
        0.0, "View number r is seen in proportion to r^-exponent; 0 = all alike.", ge=0, le=5
    )
    snr: float = option(
        0.1, "Mean variance of the signal over the whole box / variance of the noise.", gt=0
    )
    shift_sd_px: float = option(
        2.0, "Standard deviation of the particles' centres along x and along y.", unit="px", ge=0
    )
    mirrors: bool = option(True, "See half of the particles from the opposite side.")
    ctf: Literal["none", "flipped", "raw"] = option(
        "none", "Contrast transfer: none, with its phases flipped, or as the microscope leaves it."
    )
    noise: Literal["white", "ice"] = option(
        "white", "White noise, or 30 % of it structured, stronger at low frequencies, as ice gives."
    )
    junk_fraction: float = option(
        0.0,
        "Share of images that are no good particle: noise, off-centre, ice, edges, aggregates.",
        ge=0,
        lt=1,
    )
    amplitude_sd: float = option(
        0.1, "Spread of the particles' contrast (standard deviation of its logarithm).", ge=0, le=1
    )
    seed: int = option(0, "Seed of every random choice but the molecule.", ge=0)
    molecule_seed: int = option(0, "Seed of the molecule.", ge=0)
    n_blobs: int = option(120, "Gaussian blobs that make up the molecule.", ge=8, expert=True)
    molecule_radius: float = option(
        0.34, "Radius of the molecule as a fraction of the box.", gt=0, le=0.5, expert=True
    )
    solvent: float = option(
        0.7,
        "Share of the molecule's low-frequency contrast that the solvent takes back; "
        "the less, the more alike the views.",
        ge=0,
        le=0.95,
        expert=True,
    )

    @classmethod
    def from_flat(cls, **values: object) -> SimulationOptions:
        """Return the options, or an error in the words of the other options.

        Raises
        ------
        InputError
            If a name is unknown or a value out of range.
        TypeError
            If a value has the wrong type.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise readable_error(error, str) from None
