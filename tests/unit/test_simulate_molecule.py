"""Facts about the simulated molecule: exact projections, orientations, views that differ."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.simulate import SimulationOptions, simulate_particles
from cl2d.simulate.geometry import (
    OPPOSITE_SIDE,
    euler_angles_deg,
    rotation_matrices,
    spread_directions,
)
from cl2d.simulate.molecule import Molecule, blob_molecule, project


def test_projection_is_the_line_sum_of_a_voxel_volume():
    box, molecule = 40, blob_molecule(30, 0.5, seed=1).in_pixels(11.0)
    rotation = rotation_matrices(*(np.array([angle]) for angle in (35.0, 70.0, 110.0)))
    grid = np.arange(box) - box // 2
    z, y, x = np.meshgrid(grid, grid, grid, indexing="ij")
    volume = np.zeros((box, box, box))
    turned = molecule.centres @ rotation[0].T
    for centre, sigma, weight in zip(turned, molecule.sigmas, molecule.weights, strict=True):
        squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
        height = weight / (2 * np.pi * sigma**2) ** 1.5
        volume += height * np.exp(-0.5 * squared / sigma**2)
    image = project(molecule, rotation, np.zeros((1, 2)), box)[0]
    # Narrow blobs summed over whole pixels along the beam miss their integral by less than 1e-5.
    assert np.abs(image - volume.sum(axis=0)).max() < 1e-4 * image.max()


def test_a_shift_by_whole_pixels_rolls_the_image():
    molecule = blob_molecule(50, 0.7, seed=0).in_pixels(10.0)
    rotation = rotation_matrices(np.zeros(1), np.array([40.0]), np.zeros(1))
    still = project(molecule, rotation, np.zeros((1, 2)), 49)[0]
    moved = project(molecule, rotation, np.array([[3.0, -2.0]]), 49)[0]
    rolled = np.roll(still, (-2, 3), axis=(0, 1))
    assert np.allclose(moved[8:-8, 8:-8], rolled[8:-8, 8:-8], atol=1e-5 * still.max())


def test_x_is_the_column_and_the_origin_is_pixel_half_the_box():
    point = Molecule(np.array([[4.0, 1.0, 0.0]]), np.array([1.0]), np.array([1.0]))
    for box in (24, 25):
        image = project(point, np.eye(3)[None], np.zeros((1, 2)), box)[0]
        row, column = np.unravel_index(image.argmax(), image.shape)
        assert (row, column) == (box // 2 + 1, box // 2 + 4)


def test_rotation_matrices_follow_relion():
    # rot = 90 turns the molecule's y axis to image x; tilt = 90 puts z on -x; psi = 90 swaps axes.
    zero, right = np.zeros(1), np.full(1, 90.0)
    assert np.allclose(rotation_matrices(right, zero, zero)[0, 0], [0, 1, 0])
    assert np.allclose(rotation_matrices(zero, right, zero)[0, 0], [0, 0, -1])
    assert np.allclose(rotation_matrices(zero, right, zero)[0, 2], [1, 0, 0])
    assert np.allclose(rotation_matrices(zero, zero, right)[0, 0], [0, 1, 0])


@pytest.mark.parametrize("tilt", [0.0, 1e-7, 25.0, 90.0, 180.0])
def test_euler_angles_give_their_matrix_back(tilt):
    rng = np.random.default_rng(0)
    rot, psi = rng.uniform(0, 360, (2, 20))
    matrices = rotation_matrices(rot, np.full(20, tilt), psi)
    assert np.allclose(rotation_matrices(*euler_angles_deg(matrices)), matrices, atol=1e-6)


def test_directions_are_spread_over_the_half_sphere():
    directions = spread_directions(20, np.random.default_rng(0))
    assert np.allclose(np.linalg.norm(directions, axis=1), 1.0)
    assert (directions[:, 2] >= 0).all()
    angles = np.degrees(np.arccos(np.clip(np.abs(directions @ directions.T), 0, 1)))
    np.fill_diagonal(angles, 90.0)
    # 20 caps of 18 degrees would cover the half sphere exactly; greedy choice keeps over half.
    assert angles.min() > 18.0


def test_mirror_is_a_half_turn_of_the_molecule():
    assert np.linalg.det(OPPOSITE_SIDE) == pytest.approx(1.0)


def test_different_views_stay_different_at_their_best_alignment():
    options = SimulationOptions(n_views=8)
    likeness = best_likeness(options)
    np.fill_diagonal(likeness, 0.0)
    assert likeness.max() < 0.93
    assert likeness.max(axis=1).mean() < 0.88


def test_no_view_looks_the_same_after_a_turn():
    options = SimulationOptions(n_views=8)
    turned = best_likeness(options, np.arange(30, 331, 10.0))
    assert np.diag(turned).max() < 0.93


def best_likeness(options, angles_deg=None):
    """Return the highest correlation of views over turns, shifts and (if all turns) mirrors."""
    angles = np.arange(0, 360, 10.0) if angles_deg is None else angles_deg
    # Particles without noise, shift or spread, each view at every angle, drawn exactly.
    simulation = simulate_particles(
        options.model_copy(update={"n_particles": 400, "shift_sd_px": 0.0, "mirrors": False})
    )
    truth = simulation.truth
    matrices = []
    for view in range(options.n_views):
        row = int(np.flatnonzero(truth.view == view)[0])
        euler = np.append(truth.euler_deg[row, :2], 0.0)
        matrices.append(rotation_matrices(*(np.array([angle]) for angle in euler))[0])
    zero = np.zeros_like(angles)
    reference = spectra(simulation.views)
    likeness = np.zeros((options.n_views, options.n_views))
    for view, matrix in enumerate(matrices):
        turns = rotation_matrices(zero, zero, angles) @ matrix
        images = project(simulation.molecule, turns, np.zeros((len(angles), 2)), options.box_px)
        candidates = (
            images if angles_deg is not None else np.concatenate([images, images[..., ::-1]])
        )
        for other in range(options.n_views):
            peaks = np.fft.irfft2(reference[other] * spectra(candidates).conj())
            likeness[view, other] = peaks.max()
    return likeness


def spectra(images):
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    return np.fft.rfft2(centred / np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True)))
