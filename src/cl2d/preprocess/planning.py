"""The preprocessing plan, made from the options and a sample of the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputError
from cl2d.preprocess.band_limit import (
    SMALLEST_BOX_PX,
    automatic_k_max,
    highest_k_max,
    working_box,
)
from cl2d.preprocess.batches import batches
from cl2d.preprocess.contrast import contrast_sign
from cl2d.preprocess.ctf_source import subset_of
from cl2d.preprocess.normalise import CONSTANT, NOT_FINITE, USABLE, normalise_rows
from cl2d.preprocess.plan import PreprocessPlan
from cl2d.preprocess.spectrum import Spectrum, measure_spectrum
from cl2d.preprocess.windows import (
    background_pixels,
    largest_mask_radius_px,
    mask_radius_for_diameter,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.options import PreprocessOptions
    from cl2d.preprocess.plan import Contrast

SAMPLE_IMAGES = 1000
SAMPLE_BYTES = 256 << 20
"""Most memory for the images of the sample: larger boxes than 256 px are judged by fewer."""

_K_MIN = 1
_SMALLEST_MASK_PX = 8.0
_LOWEST_ASKED_K_MAX = 3


@dataclass(frozen=True, eq=False)
class _Sample:
    """The usable images of the sample, normalised, and how many had no background to measure."""

    images: npt.NDArray[np.float32]
    n_flat_background: int


def plan_preprocessing(
    source: ParticleSource,
    options: PreprocessOptions,
    n_sample: int = SAMPLE_IMAGES,
    rows: npt.NDArray[np.intp] | None = None,
) -> PreprocessPlan:
    """Decide mask, band limit, working box and noise spectrum for a set of particles.

    Reads at most ``n_sample`` images, and at most ``SAMPLE_BYTES`` of them, spread evenly over the
    source; the same source and options always give the same plan.

    Parameters
    ----------
    source : the particles
    options : mask and resolution, each automatic if not given
    n_sample : most images to read
    rows : the images that take part, ascending; all if not given

    Raises
    ------
    InputError
        If the box is too small, the mask does not fit it, a length in angstrom is given for images
        without a pixel size, or no image of the sample can be used.
    """
    if rows is None:
        rows = np.arange(source.n_images)
    _check_box(source, len(rows))
    radius_px = _mask_radius_px(source, options)
    asked_k_max, warnings = _asked_k_max(source, options)
    n_sample = max(1, min(n_sample, SAMPLE_BYTES // (4 * source.box_px**2)))
    sample = _read_sample(source, radius_px, _evenly_spaced(rows, n_sample))
    spectrum, noise_warnings = _measured_spectrum(sample, source, radius_px)
    k_max, band_warnings = _chosen_k_max(asked_k_max, spectrum, source)
    contrast = contrast_sign(sample.images, radius_px)
    side = working_box(k_max, source.box_px)
    pixel_size = source.pixel_size_angstrom
    return PreprocessPlan(
        box_px=source.box_px,
        working_box_px=side,
        mask_radius_px=radius_px * side / source.box_px,
        k_min=_K_MIN,
        k_max=k_max,
        noise_power=spectrum.noise_power[: k_max + 1],
        signal_to_noise=spectrum.signal_to_noise[: k_max + 1],
        resolution_angstrom=None if pixel_size is None else source.box_px * pixel_size / k_max,
        pixel_size_angstrom=pixel_size,
        contrast=contrast,
        whiten=options.whiten,
        warnings=(
            *warnings,
            *noise_warnings,
            *band_warnings,
            *_contrast_warnings(contrast, source),
        ),
    )


def _evenly_spaced(rows: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.intp]:
    count = min(count, len(rows))
    return rows[np.unique(np.rint(np.linspace(0, len(rows) - 1, count)).astype(np.intp))]


def _check_box(source: ParticleSource, n_images: int) -> None:
    if n_images < 1:
        message = f"{source.name} must hold at least one image, not none"
        raise InputError(message)
    if source.box_px < SMALLEST_BOX_PX:
        message = (
            f"the box of {source.name} must be at least {SMALLEST_BOX_PX} px, "
            f"not {source.box_px} px"
        )
        raise InputError(message)


def _mask_radius_px(source: ParticleSource, options: PreprocessOptions) -> float:
    """Return the half-height radius of the mask in pixels of the box."""
    if options.mask_diameter_angstrom is not None:
        pixel_size = _pixel_size(source, "mask_diameter_angstrom", "mask_diameter_px")
        diameter_px = options.mask_diameter_angstrom / pixel_size
        given, scale, unit = "mask_diameter_angstrom", pixel_size, "A"
    elif options.mask_diameter_px is not None:
        diameter_px = options.mask_diameter_px
        given, scale, unit = "mask_diameter_px", 1.0, "px"
    else:
        return largest_mask_radius_px(source.box_px)
    # A diameter that is the box but for rounding in the conversion from angstrom is the box.
    if not _SMALLEST_MASK_PX <= diameter_px <= source.box_px * (1 + 1e-6):
        message = (
            f"{given} must be between {_SMALLEST_MASK_PX * scale:g} and "
            f"{source.box_px * scale:g} {unit} (the box), not {diameter_px * scale:g} {unit}"
        )
        raise InputError(message)
    return mask_radius_for_diameter(diameter_px, source.box_px)


def _asked_k_max(
    source: ParticleSource, options: PreprocessOptions
) -> tuple[int | None, list[str]]:
    """Return the ring of the resolution asked for, None if automatic, and warnings.

    A resolution beyond what the sampling holds is a wish for all there is: it is granted as far as
    possible, and said.
    """
    wish = options.resolution_angstrom
    if wish is None:
        return None, []
    length = source.box_px * _pixel_size(source, "resolution_angstrom", None)
    highest = highest_k_max(source.box_px)
    if wish > length / _LOWEST_ASKED_K_MAX:
        message = (
            f"resolution_angstrom must be at most {length / _LOWEST_ASKED_K_MAX:.4g} A for "
            f"a box of {source.box_px} px, not {wish:g} A"
        )
        raise InputError(message)
    k_max = round(length / wish)
    if k_max <= highest:
        return k_max, []
    warning = (
        f"resolution_angstrom {wish:g} is finer than {source.name} allows; "
        f"{length / highest:.3g} A is used, close to the Nyquist limit"
    )
    return highest, [warning]


def _pixel_size(source: ParticleSource, option: str, alternative: str | None) -> float:
    if source.pixel_size_angstrom is None:
        instead = f"; give {alternative} instead" if alternative else ""
        message = f"{option} needs a pixel size, and {source.name} does not have one{instead}"
        raise InputError(message)
    return source.pixel_size_angstrom


def _read_sample(source: ParticleSource, radius_px: float, rows: npt.NDArray[np.intp]) -> _Sample:
    """Read some images and normalise those that can be used."""
    box = source.box_px
    background = background_pixels(box, radius_px)
    usable = np.empty((len(rows), box, box), dtype=np.float32)
    sample = subset_of(source, rows)
    flags: list[int] = []
    n_flat = n_usable = 0
    for batch in batches(len(rows), box):
        images = sample.read(batch.start, batch.stop).reshape(batch.stop - batch.start, -1)
        normalised, batch_flags, flat = normalise_rows(images, background)
        kept = normalised[batch_flags == USABLE].reshape(-1, box, box)
        usable[n_usable : n_usable + len(kept)] = kept
        n_usable += len(kept)
        n_flat += int(flat.sum())
        flags += batch_flags.tolist()
    if n_usable == 0:
        message = (
            f"{source.name} must hold usable images; of {len(rows)} looked at, "
            f"{flags.count(NOT_FINITE)} are not finite and {flags.count(CONSTANT)} are constant"
        )
        raise InputError(message)
    return _Sample(usable[:n_usable], n_flat)


def _measured_spectrum(
    sample: _Sample, source: ParticleSource, radius_px: float
) -> tuple[Spectrum, list[str]]:
    """Measure noise and signal; where most images have no noise to measure, call it white."""
    spectrum = measure_spectrum(sample.images, radius_px, highest_k_max(source.box_px) + 1)
    n_images = len(sample.images)
    if sample.n_flat_background <= 0.5 * n_images:
        return spectrum, []
    warning = (
        f"{sample.n_flat_background} of {n_images} images of {source.name} have a background "
        "without noise (masked before?), so the noise cannot be measured and is taken as white"
    )
    white = np.ones_like(spectrum.noise_power)
    return Spectrum(white, spectrum.signal_to_noise, spectrum.signal_to_noise_error), [warning]


def _chosen_k_max(
    asked: int | None, spectrum: Spectrum, source: ParticleSource
) -> tuple[int, list[str]]:
    """Return the last ring to compare: the one asked for, else the automatic one."""
    if asked is not None:
        return asked, []
    k_max, measured = automatic_k_max(spectrum, source.box_px)
    if measured:
        return k_max, []
    warning = (
        f"no signal above the noise was found in the sample of {source.name}; "
        f"{_band_in_words(k_max, source)} is a guess, give resolution_angstrom to set it"
    )
    return k_max, [warning]


def _contrast_warnings(contrast: Contrast, source: ParticleSource) -> list[str]:
    if contrast != "black":
        return []
    return [
        f"the particles of {source.name} look darker than their background; "
        "white particles are expected, so invert the images if the averages come out black"
    ]


def _band_in_words(k_max: int, source: ParticleSource) -> str:
    if source.pixel_size_angstrom is None:
        return f"a limit of ring {k_max}"
    return f"a limit of {source.box_px * source.pixel_size_angstrom / k_max:.3g} A"
