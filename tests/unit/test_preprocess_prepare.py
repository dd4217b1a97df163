from __future__ import annotations

import numpy as np
import pytest

from cl2d.errors import InputError
from cl2d.preprocess import PreprocessPlan, prepare_images
from cl2d.preprocess.normalise import clipped_mean_and_std


def plan_for(box, working, radius_share=0.45, k_max=None):
    k_max = k_max or int(0.45 * working)
    return PreprocessPlan(
        box_px=box,
        working_box_px=working,
        mask_radius_px=radius_share * working,
        k_min=1,
        k_max=k_max,
        noise_power=np.ones(k_max + 1),
        signal_to_noise=np.ones(k_max + 1),
    )


def noise(n, box, seed=0):
    return np.random.default_rng(seed).normal(size=(n, box, box)).astype(np.float32)


def blob(box, x, y, width):
    """A Gaussian centred x, y pixels from pixel box // 2, on a faint noise background."""
    axis = np.arange(box) - box // 2
    square = (axis[None, :] - x) ** 2 + (axis[:, None] - y) ** 2
    faint = 1e-3 * np.random.default_rng(7).normal(size=(box, box))
    return (np.exp(-square / (2 * width**2)) + faint).astype(np.float32)[None]


@pytest.mark.parametrize(("box", "working"), [(64, 28), (63, 28), (64, 64), (45, 32), (16, 14)])
@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (0.1, -0.07)])
def test_particle_keeps_its_place(box, working, x, y):
    image = blob(box, x * box, y * box, 0.08 * box)
    out = prepare_images(image, plan_for(box, working)).images[0]
    axis = np.arange(working) - working // 2
    wave = np.exp(2j * np.pi * axis / working)
    # The phase of the longest wave along an axis is the place of a symmetric particle.
    column = np.angle((out * wave[None, :]).sum()) * working / (2 * np.pi)
    row = np.angle((out * wave[:, None]).sum()) * working / (2 * np.pi)
    assert column == pytest.approx(x * working, abs=0.03)
    assert row == pytest.approx(y * working, abs=0.03)


@pytest.mark.parametrize(("box", "working"), [(32, 20), (33, 20)])
def test_kept_frequencies_are_those_of_the_whole_image(box, working):
    image = noise(1, box)
    whole = prepare_images(image, plan_for(box, box - box % 2)).images[0]
    small = prepare_images(image, plan_for(box, working)).images[0]

    def centred_transform(array):
        side = len(array)
        k = np.rint(np.fft.fftfreq(side) * side)
        turn = np.exp(2j * np.pi * k * (side // 2) / side)
        return np.fft.fft2(array, norm="ortho") * turn[:, None] * turn[None, :]

    keep = np.arange(-working // 2 + 1, working // 2)
    a = centred_transform(whole)[np.ix_(keep, keep)]
    b = centred_transform(small)[np.ix_(keep, keep)]
    np.testing.assert_allclose(a, b, atol=2e-5)
    assert np.abs(np.fft.fft2(small)[working // 2]).max() < 1e-4


def test_white_noise_keeps_its_variance():
    plan = plan_for(48, 24)
    images = prepare_images(noise(200, 48), plan).images
    inside = slice(8, 16)
    assert images[:, inside, inside].var() == pytest.approx(1, rel=0.15)
    assert images.dtype == np.float32


def test_corners_are_masked():
    images = prepare_images(noise(50, 64), plan_for(64, 32)).images
    assert images[:, :3, :3].std() < 0.1 * images[:, 12:20, 12:20].std()


@pytest.mark.parametrize("box", [31, 32, 64])
def test_result_does_not_depend_on_the_block(box):
    images = noise(37, box)
    images[5] = np.nan
    images[6] = 0
    images[7, 3, 3] = 1e6
    plan = plan_for(box, 20)
    together = prepare_images(images, plan)
    for start, stop in [(0, 1), (3, 8), (4, 37), (16, 33), (36, 37)]:
        part = prepare_images(images[start:stop], plan)
        np.testing.assert_array_equal(part.images, together.images[start:stop])
        np.testing.assert_array_equal(part.flags, together.flags[start:stop])


def test_input_is_not_changed():
    images = noise(3, 32)
    images[1, 0, 0] = np.nan
    before = images.copy()
    prepare_images(images, plan_for(32, 20))
    np.testing.assert_array_equal(images, before)


def test_bad_images_are_flagged_and_empty():
    images = noise(6, 32)
    images[1, 4, 4] = np.nan
    images[2, 0, 0] = -np.inf
    images[3] = 7.25
    images[4] = 1e6 + 0.02 * np.arange(32)  # less than the digits of float32 can hold
    prepared = prepare_images(images, plan_for(32, 20))
    np.testing.assert_array_equal(prepared.flags, [0, 1, 1, 2, 2, 0])
    assert not prepared.images[1:5].any()
    assert np.isfinite(prepared.images).all()


@pytest.mark.parametrize(("gain", "offset"), [(1000.0, 0.0), (1e-6, 0.0), (1.0, 200.0), (20, -900)])
def test_gain_and_offset_do_not_matter(gain, offset):
    images = noise(5, 32)
    plain = prepare_images(images, plan_for(32, 20)).images
    changed = prepare_images(
        images * np.float32(gain) + np.float32(offset), plan_for(32, 20)
    ).images
    np.testing.assert_allclose(changed, plain, atol=1e-3)


@pytest.mark.parametrize("value", [300.0, -1e5])
def test_hot_pixel_in_the_background_changes_nothing_else(value):
    images = noise(4, 64)
    plain = prepare_images(images, plan_for(64, 28)).images
    images[:, 0, 1] = value
    hot = prepare_images(images, plan_for(64, 28)).images
    np.testing.assert_allclose(hot, plain, atol=0.02)


@pytest.mark.parametrize(("value", "flag"), [(1e20, 0), (-1e20, 0), (1e30, 1), (-2e24, 1)])
def test_value_that_would_make_an_average_infinite_counts_as_not_finite(value, flag):
    images = noise(2, 32)
    images[1, 4, 4] = value
    prepared = prepare_images(images, plan_for(32, 20))
    np.testing.assert_array_equal(prepared.flags, [0, flag])
    assert np.isfinite(prepared.images).all()


def test_hot_pixel_on_the_particle_is_cut():
    images = noise(4, 64)
    plain = prepare_images(images, plan_for(64, 28)).images
    images[:, 30, 33] = 1e5
    hot = prepare_images(images, plan_for(64, 28)).images
    energy = np.square(plain).sum(axis=(1, 2))
    assert (np.square(hot - plain).sum(axis=(1, 2)) < 0.15 * energy).all()


def test_bright_particle_is_not_cut():
    image = blob(64, 0, 0, 8.0)
    plan = plan_for(64, 64)
    out = prepare_images(image, plan).images[0]
    profile = out[32, 26:39] / out[32, 32]
    np.testing.assert_allclose(profile, image[0, 32, 26:39] / image[0, 32, 32], atol=0.01)


def test_clipped_statistics_are_those_of_the_normal_values():
    values = np.random.default_rng(0).normal(5, 2, size=(200, 1500))
    values[:, :10] = 1e4
    mean, std = clipped_mean_and_std(values)
    assert mean.mean() == pytest.approx(5, abs=0.02)
    assert std.mean() == pytest.approx(2, rel=0.01)


def test_background_of_normalised_images_has_mean_zero_and_deviation_one():
    images = 3 * noise(50, 64) + 40
    plan = plan_for(64, 64, radius_share=0.25)
    axis = np.arange(64) - 32
    annulus = (np.hypot(axis[:, None], axis) < 14)[None]
    prepared = prepare_images(images, plan).images
    inside = prepared[np.broadcast_to(annulus, prepared.shape)]
    assert inside.mean() == pytest.approx(0, abs=0.02)
    assert inside.std() == pytest.approx(1, abs=0.02)


def test_empty_block_gives_empty_result():
    prepared = prepare_images(np.empty((0, 32, 32), dtype=np.float32), plan_for(32, 20))
    assert prepared.images.shape == (0, 20, 20)
    assert prepared.flags.shape == (0,)


def test_wrong_shape_and_type_are_refused():
    with pytest.raises(InputError, match=r"shape \(n, 32, 32\)"):
        prepare_images(noise(2, 30), plan_for(32, 20))
    with pytest.raises(TypeError, match="real"):
        prepare_images(noise(2, 32).astype(complex), plan_for(32, 20))
