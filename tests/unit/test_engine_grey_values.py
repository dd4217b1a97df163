"""The engine's passes over grey values against those that preprocessing defines."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d import _native
from cl2d.engine import grey_values
from cl2d.preprocess import normalise, statistics
from cl2d.preprocess.windows import background_pixels, particle_mask


def noise(n, box, seed=0):
    return np.random.default_rng(seed).normal(40.0, 3.0, (n, box, box)).astype(np.float32)


def regions(box):
    radius = 0.4 * box
    return background_pixels(box, radius), particle_mask(box, radius).astype(np.float32)


def both_normalised(images):
    box = images.shape[1]
    pixels = images.reshape(len(images), -1)
    given = grey_values.normalise_and_mask(pixels, *regions(box))
    return given, normalise.normalise_and_mask(pixels, *regions(box))


@pytest.mark.parametrize("box", [16, 31, 48])
@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (1e-20, 0.0), (1e20, 0.0), (1.0, 3e4)])
def test_normalised_images_are_those_of_the_definition(box, gain, offset):
    images = noise(5, box) * np.float32(gain) + np.float32(offset)
    (given, flags), (expected, expected_flags) = both_normalised(images)
    # A few roundings of single precision, of grey values that are 10 deviations from 0.
    np.testing.assert_allclose(given, expected, atol=1e-4)
    np.testing.assert_array_equal(flags, expected_flags)


def test_hot_pixels_and_images_masked_before_are_treated_by_the_definition():
    images = noise(6, 32)
    images[0, 0, 1] = 1e6  # in the background
    images[1, 16, 15] = -1e5  # on the particle
    images[2, 16, 15] = 1e20
    images[3] = np.where(regions(32)[1] > 0, images[3], np.float32(7.5))
    images[4, 20, 20] = np.nan
    images[5] = 2.25
    (given, flags), (expected, expected_flags) = both_normalised(images)
    np.testing.assert_array_equal(flags, [0, 0, 0, 0, 1, 2])
    np.testing.assert_array_equal(flags, expected_flags)
    # A hot pixel takes digits from the others before it is left out.
    np.testing.assert_allclose(given, expected, atol=2e-3)
    assert not given[4:].any()


@pytest.mark.parametrize("box", [4, 16, 33, 48])
def test_moments_of_patches_are_those_of_the_definition(box):
    images = noise(4, box)
    images[1] = 5.0
    images[2, 1, 1] = np.inf
    first = np.linspace(0, box, min(16, box) + 1).astype(np.intp)[:-1]
    means, variances, usable = grey_values.patch_moments(images, first)
    expected_means, expected_variances, expected_usable = statistics.patch_moments(images, first)
    np.testing.assert_array_equal(usable, [True, False, False, True])
    np.testing.assert_array_equal(usable, expected_usable)
    np.testing.assert_allclose(means[usable], expected_means[usable], atol=1e-9)
    patch = images[0, first[1] : first[2], : first[1]]
    assert means[0, 1, 0] == pytest.approx(patch.mean(), rel=1e-6)
    assert variances[0, 1, 0] == pytest.approx(patch.var(), rel=1e-4, abs=1e-9)
    np.testing.assert_allclose(variances[usable], expected_variances[usable], atol=1e-9)


def test_statistics_by_the_engine_are_those_of_the_definition():
    images = noise(70, 40)
    np.testing.assert_allclose(
        statistics.image_statistics(images, grey_values.patch_moments),
        statistics.image_statistics(images),
        rtol=1e-5,
        atol=1e-6,
    )


def test_an_image_does_not_depend_on_the_others():
    pixels = noise(9, 31).reshape(9, -1)
    together, _ = grey_values.normalise_and_mask(pixels, *regions(31))
    for row in range(9):
        alone, _ = grey_values.normalise_and_mask(pixels[row : row + 1], *regions(31))
        np.testing.assert_array_equal(alone[0], together[row])


def test_sizes_that_do_not_fit_are_refused():
    pixels, (background, mask) = noise(2, 16).reshape(2, -1), regions(16)
    with pytest.raises(ValueError, match="mask must have 256 pixels as the images, not 255"):
        grey_values.normalise_and_mask(pixels, background, mask.ravel()[1:])
    with pytest.raises(ValueError, match="background must hold at least one pixel"):
        grey_values.normalise_and_mask(pixels, background[:0], mask)
    for wrong in (-1, 256):
        with pytest.raises(ValueError, match=f"pixels from 0 to 255, not {wrong}"):
            grey_values.normalise_and_mask(pixels, np.array([3, wrong]), mask)
    for first in ([], [1], [0, 4, 4], [0, 16]):
        with pytest.raises(ValueError, match="must ascend from 0 and be below the box"):
            grey_values.patch_moments(noise(2, 16), np.array(first, np.intp))
    with pytest.raises(ValueError, match=r"images must have shape \(any, 3, 3, \), not"):
        _native.patch_moments(np.zeros((1, 3, 4), np.float32), np.array([0]))
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _native.patch_moments(np.zeros((1, 4, 4)), np.array([0]))
