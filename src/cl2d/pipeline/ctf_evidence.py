"""Have the phases of these particles been flipped? The images know, if they are aligned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from cl2d.engine import LocalEngine, SearchSettings
from cl2d.engine.ingest import ingest
from cl2d.io.subset_source import SubsetSource
from cl2d.levels import run_levels
from cl2d.options import LevelOptions
from cl2d.outputs.averages import raw_averages
from cl2d.preprocess import SAMPLE_BYTES, USABLE, plan_preprocessing
from cl2d.preprocess.ctf import contrast_transfer
from cl2d.preprocess.ctf_source import CtfFilteredSource

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleSource
    from cl2d.io.ctf_parameters import CtfParameters
    from cl2d.options import ClassifyOptions
    from cl2d.results import LevelResult

    Images = npt.NDArray[np.float32]
    Transfer = npt.NDArray[np.float32]

SAMPLE_IMAGES = 1000
PLANNING_IMAGES = 200
IMAGES_PER_CLASS = 100
MOST_CLASSES = 8
ITERATIONS = 5
BLOCK_IMAGES = 16
PASSED_SHARE = 0.05
LOWEST_BAND = 6
"""Fourier pixels that aligning needs at least; fewer rings have hardly any angular detail."""
_TINY = 1e-300


def phase_evidence(
    source: ParticleSource,
    ctf: CtfParameters,
    options: ClassifyOptions,
    rows: npt.NDArray[np.intp],
) -> float:
    """Return how surely phases have been flipped (positive) or not (negative), in standard errors.

    A sample is classified and aligned by the frequencies below the first zero of the CTF, where
    flipping changes nothing. Beyond it, the Fourier coefficients of each image fall in two parts,
    those where its CTF is positive and those where it is negative. In class averages of either part
    the same structure appears with the same sign if phases have been flipped, and with opposite
    signs if not. One part is averaged over every second member of a class and the other part over
    the others, so that noise has no share in their product.

    Parameters
    ----------
    source : ParticleSource with a pixel size, as read
    ctf : its parameters
    options : ClassifyOptions, of which the mask, the shifts and the mirrors count
    rows : particles that take part, ascending

    Returns
    -------
    float
        0 if no compared frequency lies beyond a zero.
    """
    count = min(len(rows), SAMPLE_IMAGES, max(1, SAMPLE_BYTES // (4 * source.box_px**2)))
    sample = rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(np.intp))]
    images, parameters = SubsetSource(source, sample), ctf.take(sample)
    first_ring = _first_ring_beyond_zero(parameters, images)
    if first_ring >= images.box_px // 2:
        return 0.0
    level = _aligned(images, options, first_ring - 1)
    halves = level.halved()
    n_threads = options.run.n_threads()
    positive, negative = (
        raw_averages(CtfFilteredSource(images, parameters, part, n_threads), [halves], n_threads)[0]
        for part in (_positive_part, _negative_part)
    )
    return _agreement(positive, negative, first_ring)


def _positive_part(transfer: Transfer) -> Transfer:
    return np.maximum(transfer, 0.0)


def _negative_part(transfer: Transfer) -> Transfer:
    return np.maximum(-transfer, 0.0)


def _first_ring_beyond_zero(ctf: CtfParameters, source: ParticleSource) -> int:
    """Return the first ring that has passed a zero in one image of twenty, or half the box."""
    assert source.pixel_size_angstrom is not None
    middle = source.box_px // 2
    passed = np.zeros(middle)
    for start in range(0, len(ctf), BLOCK_IMAGES):
        part = ctf.take(slice(start, start + BLOCK_IMAGES))
        transfer = contrast_transfer(part, source.box_px, source.pixel_size_angstrom)
        along_x = transfer[:, 0, :middle]
        passed += (np.minimum.accumulate(along_x, axis=1) < 0).sum(axis=0)
    beyond = passed >= PASSED_SHARE * len(ctf)
    return int(beyond.argmax()) if beyond.any() else middle


def _aligned(source: ParticleSource, options: ClassifyOptions, last_ring: int) -> LevelResult:
    """Classify a sample within the first rings, quickly: a few classes, one level."""
    assert source.pixel_size_angstrom is not None
    length_angstrom = source.box_px * source.pixel_size_angstrom
    limit = {"resolution_angstrom": length_angstrom / max(last_ring, LOWEST_BAND)}
    coarse = options.preprocess.model_copy(update=limit)
    plan = plan_preprocessing(source, coarse, PLANNING_IMAGES)
    n_threads = options.run.n_threads()
    read = ingest(source, plan, n_threads)
    radius_px = options.alignment.shift_radius_px(source.box_px, source.pixel_size_angstrom)
    engine = LocalEngine(
        read.blocks,
        read.flags == USABLE,
        SearchSettings(radius_px, options.alignment.mirrors),
        pixels_per_working_px=plan.box_px / plan.working_box_px,
        n_threads=n_threads,
    )
    n_classes = int(np.clip(engine.usable.sum() // IMAGES_PER_CLASS, 1, MOST_CLASSES))
    levels = LevelOptions(
        classes=n_classes,
        initial_classes=n_classes,
        iterations=ITERATIONS,
        exchange=False,
        settle=False,
        allow_fewer=True,
        seed=options.levels.seed,
    )
    return run_levels(engine, levels)[-1]


def _agreement(positive: Images, negative: Images, first_ring: int) -> float:
    """Return the product of the averages of both parts over its standard error."""
    box = positive.shape[-1]
    along_y, along_x = np.fft.fftfreq(box) * box, np.arange(box // 2 + 1)
    ring = np.rint(np.hypot(along_y[:, None], along_x[None, :])).astype(np.intp)
    # The column of x = 0 holds each coefficient twice.
    inside = (ring >= first_ring) & (ring < box // 2) & (along_x[None, :] > 0)
    ring = ring[inside] - first_ring
    plus, minus = (fft.rfft2(part)[:, inside] for part in (positive, negative))

    def by_ring(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        sums = np.bincount(ring, weights=values.sum(axis=0, dtype=np.float64))
        return sums.astype(np.float64, copy=False)

    even, odd = slice(0, None, 2), slice(1, None, 2)
    # Rings count as far as the positive part, whose noise the negative part knows nothing of,
    # has structure there.
    structure = by_ring((plus[even] * plus[odd].conj()).real)
    power = np.maximum(by_ring(np.abs(plus[even]) ** 2) * by_ring(np.abs(plus[odd]) ** 2), _TINY)
    noise = by_ring(np.abs(plus) ** 2) * by_ring(np.abs(minus) ** 2)
    weight = np.maximum(structure, 0.0) / np.sqrt(power * np.maximum(noise, _TINY))
    total = variance = 0.0
    for one, other in ((even, odd), (odd, even)):
        total += weight @ by_ring((plus[one] * minus[other].conj()).real)
        variance += weight**2 @ by_ring(0.5 * np.abs(plus[one] * minus[other]) ** 2)
    return float(total / math.sqrt(variance)) if variance > 0 else 0.0
