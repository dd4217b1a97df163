from __future__ import annotations

import numpy as np
import pytest

from cl2d.results import Poses
from tests.slow_alignment import (
    SlowSearch,
    centred_grid,
    limit_angular_orders,
    polar_samples,
    pose_reference,
    real_space_score,
    score_table,
)

N_THETA = 48
BOXES = pytest.mark.parametrize("box", [40, 41], ids=["even", "odd"])
# A step of the shift grid is 1 px; the true shift is one of its points.
SHIFTS = np.array([[x, y] for x in (-2.0, 0.0, 1.0, 3.0) for y in (-2.0, 0.0, 2.0)])
TRUE_SHIFT = 10  # (3, 0)


def blobs(box, seed=0):
    """Ten blobs without mass near the centre: compact, smooth and without symmetry."""
    rng = np.random.default_rng(seed)
    x, y = centred_grid(box)
    image = np.zeros((box, box))
    for _ in range(10):
        centre = rng.uniform(-5, 5, 2)
        square = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
        # The second derivative of a Gaussian sums to zero: nothing is lost with the ring k = 0.
        image += rng.normal() * (1 - square / 8) * np.exp(-square / 8)
    return image


def one_pose(psi, shift=(0.0, 0.0), mirror=False):
    return Poses(np.array([psi]), np.array([shift], dtype=float), np.array([mirror]))


def search_of(box, **changes):
    rings = np.arange(1, box // 2)
    given = {"k_rings": rings, "weights": rings.astype(float), "n_theta": N_THETA}
    return SlowSearch(**{**given, "shifts_px": SHIFTS, **changes})


def best(scores):
    psi, shift, mirror = np.unravel_index(np.argmax(scores), scores.shape)
    return int(psi), int(shift), int(mirror)


def test_polar_samples_on_the_axes_are_those_of_the_fft():
    image = np.random.default_rng(0).normal(size=(9, 9))
    spectrum = np.fft.fft2(np.fft.ifftshift(image))
    samples = polar_samples(image, np.array([2, 3]), 4)
    expected = [[spectrum[0, k], spectrum[k, 0], spectrum[0, -k], spectrum[-k, 0]] for k in (2, 3)]
    np.testing.assert_allclose(samples, expected, atol=1e-10)


def test_opposite_samples_of_a_real_image_are_conjugate():
    samples = polar_samples(blobs(20), np.arange(1, 6), 12)
    np.testing.assert_allclose(np.roll(samples, 6, axis=1), samples.conj(), atol=1e-9)


@BOXES
def test_an_image_scores_one_against_itself_at_rest(box):
    image = blobs(box)
    scores = score_table(image, image, search_of(box))
    assert best(scores) == (0, int(np.flatnonzero(~SHIFTS.any(axis=1))[0]), 0)
    assert scores.max() == pytest.approx(1, abs=1e-12)


@BOXES
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("psi", [0, 7, 31])
def test_rotated_shifted_and_mirrored_copy_gets_its_pose_back(box, mirror, psi):
    reference = blobs(box)
    pose = one_pose(2 * np.pi * psi / N_THETA, SHIFTS[TRUE_SHIFT], mirror)
    scores = score_table(pose_reference(reference, pose, 0), reference, search_of(box))
    assert best(scores) == (psi, TRUE_SHIFT, int(mirror))
    assert scores.max() > 0.999


@BOXES
def test_fourier_and_real_space_scores_agree_at_every_pose(box):
    """Both are the same inner product; the rest is sampling of rings and interpolation."""
    image, reference = blobs(box, seed=1), blobs(box, seed=2)
    shifts = SHIFTS[[0, 5, TRUE_SHIFT]]
    scores = score_table(image, reference, search_of(box, shifts_px=shifts))
    for psi in range(0, N_THETA, 5):
        for s, shift in enumerate(shifts):
            for mirror in (0, 1):
                pose = one_pose(2 * np.pi * psi / N_THETA, shift, bool(mirror))
                expected = real_space_score(image, reference, pose, 0)
                assert scores[psi, s, mirror] == pytest.approx(expected, abs=1e-4)


def test_scores_are_bounded_by_one_with_and_without_an_order_limit():
    rng = np.random.default_rng(3)
    image, reference = rng.normal(size=(2, 16, 16))
    for m_max in (None, np.arange(1, 8)):
        scores = score_table(image, reference, search_of(16, m_max=m_max))
        assert np.abs(scores).max() <= 1
        # Noise against noise: a table of zeros or of constants would be no truth.
        assert scores.std() > 0.05


def test_normalised_score_is_the_bare_sum_over_the_norms():
    image, reference = blobs(20, seed=1), blobs(20, seed=2)
    search = search_of(20, shifts_px=np.zeros((1, 2)))
    bare = score_table(image, reference, search, normalise=False)
    powers = [score_table(im, im, search, normalise=False)[0, 0, 0] for im in (image, reference)]
    np.testing.assert_allclose(
        score_table(image, reference, search), bare / np.sqrt(np.prod(powers)), atol=1e-12
    )


def test_ring_weights_choose_the_rings():
    image, reference = blobs(20, seed=1), blobs(20, seed=2)
    rings = np.arange(1, 6)
    only_third = search_of(20, k_rings=rings, weights=(rings == 3).astype(float))
    third = search_of(20, k_rings=np.array([3]), weights=np.ones(1))
    np.testing.assert_allclose(
        score_table(image, reference, only_third), score_table(image, reference, third), atol=1e-12
    )


def test_order_limit_drops_exactly_the_orders_above_it():
    theta = 2 * np.pi * np.arange(16) / 16
    low, high = np.exp(1j * 2 * theta), np.exp(-1j * 3 * theta)
    samples = np.array([low + high, low + high])
    limited = limit_angular_orders(samples, np.array([2, 3]))
    np.testing.assert_allclose(limited, [low, low + high], atol=1e-12)


def test_order_limit_beyond_all_orders_changes_nothing():
    samples = polar_samples(blobs(20), np.arange(1, 6), 16)
    np.testing.assert_allclose(limit_angular_orders(samples, np.full(5, 8)), samples, atol=1e-9)


def test_odd_number_of_angles_is_refused():
    with pytest.raises(ValueError, match="n_theta must be even, not 15"):
        polar_samples(blobs(10), np.array([1]), 15)
