"""The best there can be in a case: the engine, given noise-free averages of the true classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from accuracy_figures import Figures, chance_sizes, compact_axes, label_figures, nearest_axis
from oracle import oracle_labels
from scipy import fft
from suite_cases import ANGLE, LARGEST, LoadedCase

from cl2d.simulate.geometry import direction_angles_deg, rotation_matrices
from cl2d.simulate.molecule import project
from cl2d.simulate.optics import contrast_transfer

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.simulate import Simulation

    Images = npt.NDArray[np.float32]

TRANSFER_SAMPLE = 500  # particles whose contrast transfer is averaged


def oracle_figures(loaded: LoadedCase, threads: int | None) -> Figures:
    """Return the figures of the best there can be.

    The engine assigns particles to the true views as their class averages would show them without
    noise, or to projections along evenly spread directions. Where no molecule is at hand particles
    go to the nearest of these directions, and where there is no particle, images go by lot.
    """
    case, bench_set, truth = loaded.case, loaded.bench_set, loaded.bench_set.truth
    if case.judged_by == LARGEST:
        return chance_sizes(bench_set.source.n_images, case.n_classes)
    views = bench_set.views
    if case.judged_by == ANGLE:
        axes = compact_axes(truth.beam_directions(), case.n_classes)
        if loaded.simulation is not None:
            views = projections(loaded.simulation, axes)
        elif len(views) == 0:
            return label_figures(truth, nearest_axis(truth.beam_directions(), axes))
    labels, poses = oracle_labels(bench_set.source, as_averaged(views, loaded), threads)
    return label_figures(truth, labels, poses)


def projections(simulation: Simulation, axes: npt.NDArray[np.float64]) -> Images:
    """Return clean projections of the molecule along unit vectors (n, 3), (n, box, box)."""
    rot, tilt = direction_angles_deg(axes)
    rotations = rotation_matrices(rot, tilt, np.zeros_like(rot))
    return project(
        simulation.molecule, rotations, np.zeros((len(axes), 2)), simulation.options.box_px
    )


def as_averaged(views: Images, loaded: LoadedCase) -> Images:
    """Return clean views (v, box, box) with the mean contrast transfer of the particles.

    Such are noise-free averages of particles whose transfer was not corrected. Without it class
    averages, which have it, would fit the particles better than the truth does.
    """
    truth, ctf = loaded.bench_set.truth, loaded.case.contrast_transfer
    if ctf == "none":
        return views
    good = np.flatnonzero(truth.good)
    some = good[np.linspace(0, len(good) - 1, min(len(good), TRANSFER_SAMPLE)).astype(int)]
    box_px, pixel_size = views.shape[1], loaded.bench_set.source.pixel_size_angstrom
    assert pixel_size is not None
    transfer = contrast_transfer(truth.take(some), box_px, pixel_size)
    if ctf == "flipped":
        np.abs(transfer, out=transfer)
    mean = transfer.mean(axis=0, dtype=np.float64).astype(np.float32)
    images: Images = fft.irfft2(fft.rfft2(views) * mean, s=views.shape[1:])
    return images
