from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cl2d.errors import InputError
from cl2d.options import PreprocessOptions
from cl2d.preprocess import plan_preprocessing, prepare_images, ring_weights

AUTOMATIC = PreprocessOptions()


class Source:
    """The least a source of particles has, counting what is read."""

    table = None

    def __init__(self, images, pixel_size_angstrom=None):
        self.images = images
        self.n_images, self.box_px = len(images), images.shape[1]
        self.pixel_size_angstrom = pixel_size_angstrom
        self.name = "particles.mrcs"
        self.rows_read = []

    def read(self, start, stop):
        self.rows_read += range(start, stop)
        return self.images[start:stop].astype(np.float32)


def noise(n, box, seed=0):
    return np.random.default_rng(seed).normal(size=(n, box, box)).astype(np.float32)


def particles(n=300, box=48, finest_px=4.0, strength=1.0, seed=1):
    """Blobby particles of detail down to a Gaussian width, rotated by right angles, plus noise."""
    rng = np.random.default_rng(seed)
    axis = np.arange(box) - box // 2
    disc = np.hypot(axis[:, None], axis) < 0.3 * box
    view = gaussian_filter(rng.normal(size=(box, box)) * disc, finest_px / 2) * 4 * finest_px
    view = (view + 0.5 * gaussian_filter(disc.astype(float), 2)) * strength
    turned = np.stack([np.rot90(view, quarter) for quarter in rng.integers(4, size=n)])
    return (turned + rng.normal(size=turned.shape)).astype(np.float32)


def coloured_noise(n, box, power_of_frequency, seed=0):
    """Cut from larger fields, so that the images are not periodic."""
    big = 3 * box
    frequency = np.hypot(np.fft.fftfreq(big)[:, None], np.fft.rfftfreq(big)) * box
    rng = np.random.default_rng(seed)
    images = []
    while len(images) < n:
        spectrum = np.fft.rfft2(rng.normal(size=(big, big)))
        field = np.fft.irfft2(spectrum * np.sqrt(power_of_frequency(frequency)), s=(big, big))
        images += [
            field[y : y + box, x : x + box] for y in (0, box, 2 * box) for x in (0, box, 2 * box)
        ]
    return np.array(images[:n], dtype=np.float32)


def test_white_noise_has_power_one_in_every_ring():
    plan = plan_preprocessing(
        Source(noise(400, 32), 1.0), PreprocessOptions(resolution_angstrom=2.2)
    )
    assert plan.k_max == 15
    np.testing.assert_allclose(plan.noise_power, 1, atol=0.2)
    assert plan.noise_power[3:].mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(plan.signal_to_noise, 0, atol=0.25)


def test_coloured_noise_is_measured_without_bias():
    def power(k):
        return 0.6 + 4 / (1 + (k / 4) ** 2)

    images = coloured_noise(900, 48, power)
    plan = plan_preprocessing(Source(images, 1.0), PreprocessOptions(resolution_angstrom=2.4))
    expected = power(np.arange(plan.k_max + 1)) / images.var()
    np.testing.assert_allclose(plan.noise_power[2:], expected[2:], rtol=0.12)
    np.testing.assert_allclose((plan.noise_power / expected)[1:].mean(), 1, rtol=0.03)
    assert np.abs(plan.signal_to_noise[2:]).max() < 0.15


def test_steep_noise_does_not_leak_into_high_rings():
    def power(k):
        return 30 * np.exp(-((k / 5) ** 2)) + 0.3

    images = coloured_noise(450, 64, power)
    plan = plan_preprocessing(Source(images, 1.0), PreprocessOptions(resolution_angstrom=2.2))
    expected = power(np.arange(plan.k_max + 1)) / images.var()
    np.testing.assert_allclose(plan.noise_power[12:], expected[12:], rtol=0.3)


def test_resolution_follows_the_detail_in_the_particles():
    coarse = plan_preprocessing(Source(particles(finest_px=8.0)), AUTOMATIC)
    fine = plan_preprocessing(Source(particles(finest_px=3.0)), AUTOMATIC)
    assert coarse.k_max < fine.k_max
    assert coarse.working_box_px < fine.working_box_px < 48
    assert coarse.warnings == fine.warnings == ()


@pytest.mark.parametrize("seed", range(5))
def test_pure_noise_is_said_to_have_no_signal(seed):
    plan = plan_preprocessing(Source(noise(200, 40, seed)), AUTOMATIC)
    assert plan.k_max == 8
    assert len(plan.warnings) == 1
    assert "no signal" in plan.warnings[0]
    assert plan.contrast == "unclear"


def test_working_box_is_even_and_holds_the_band():
    for k_max in range(4, 30):
        plan = plan_preprocessing(
            Source(noise(2, 63), 1.0), PreprocessOptions(resolution_angstrom=63 / k_max)
        )
        assert plan.k_max == min(k_max, 29)
        assert plan.working_box_px % 2 == 0
        assert plan.working_box_px <= 62
        assert plan.k_max <= 0.45 * plan.working_box_px or plan.working_box_px == 62
        assert plan.k_max < plan.working_box_px / 2


def test_mask_default_fills_the_box():
    plan = plan_preprocessing(Source(noise(3, 40)), AUTOMATIC)
    edge_px = 2.0
    expected = (20 - edge_px / 2) * plan.working_box_px / 40
    assert plan.mask_radius_px == pytest.approx(expected)


def test_mask_in_angstrom_is_the_mask_in_pixels():
    source = Source(noise(3, 40), 2.5)
    in_angstrom = plan_preprocessing(source, PreprocessOptions(mask_diameter_angstrom=50.0))
    in_pixels = plan_preprocessing(source, PreprocessOptions(mask_diameter_px=20.0))
    assert in_angstrom.mask_radius_px == pytest.approx(in_pixels.mask_radius_px)
    assert in_pixels.mask_radius_px == pytest.approx(11 * in_pixels.working_box_px / 40)


@pytest.mark.parametrize(
    ("options", "pixel_size", "message"),
    [
        ({"mask_diameter_px": 41.0}, None, "mask_diameter_px must be between 8 and 40 px"),
        ({"mask_diameter_px": 3.0}, None, "mask_diameter_px must be between"),
        ({"mask_diameter_angstrom": 101.0}, 2.5, "between 20 and 100 A"),
        ({"mask_diameter_angstrom": 50.0}, None, "give mask_diameter_px instead"),
        ({"resolution_angstrom": 20.0}, None, "needs a pixel size"),
        ({"resolution_angstrom": 40.0}, 2.5, "at most 33.33 A"),
    ],
)
def test_impossible_options_are_refused(options, pixel_size, message):
    source = Source(noise(3, 40), pixel_size)
    with pytest.raises(InputError, match=message):
        plan_preprocessing(source, PreprocessOptions(**options))


def test_resolution_beyond_nyquist_is_lowered_and_said():
    source = Source(noise(3, 40), 2.5)
    plan = plan_preprocessing(source, PreprocessOptions(resolution_angstrom=3.0))
    assert plan.k_max == 18
    assert plan.resolution_angstrom == pytest.approx(100 / 18)
    assert "finer than" in plan.warnings[0]


def test_resolution_without_pixel_size_is_unknown():
    plan = plan_preprocessing(Source(noise(3, 40)), AUTOMATIC)
    assert plan.resolution_angstrom is None
    assert plan.pixel_size_angstrom is None


@pytest.mark.parametrize(("sign", "expected"), [(1, "white"), (-1, "black")])
def test_contrast_is_recognised(sign, expected):
    plan = plan_preprocessing(Source(sign * particles()), AUTOMATIC)
    assert plan.contrast == expected
    assert any("darker" in warning for warning in plan.warnings) == (sign < 0)


def test_plan_does_not_depend_on_gain_and_offset():
    images = particles()
    plain = plan_preprocessing(Source(images), AUTOMATIC)
    scaled = plan_preprocessing(Source(images * 37 + 5000), AUTOMATIC)
    assert (plain.k_max, plain.working_box_px) == (scaled.k_max, scaled.working_box_px)
    np.testing.assert_allclose(plain.noise_power, scaled.noise_power, rtol=1e-3)


def test_eight_bit_images_give_the_same_band():
    images = particles()
    plain = plan_preprocessing(Source(images), AUTOMATIC)
    coarse = plan_preprocessing(Source(np.rint(images * 20).clip(-128, 127)), AUTOMATIC)
    assert plain.k_max == coarse.k_max
    np.testing.assert_allclose(plain.noise_power, coarse.noise_power, rtol=0.05)


def test_bad_images_do_not_change_the_measurement():
    images = particles()
    clean = plan_preprocessing(Source(images), AUTOMATIC)
    images[::10] = 3.0
    images[1::10, 4, 5] = np.nan
    images[2::10, 0, 0] = 1e7
    spoilt = plan_preprocessing(Source(images), AUTOMATIC)
    assert abs(clean.k_max - spoilt.k_max) <= 1
    np.testing.assert_allclose(clean.noise_power[:6], spoilt.noise_power[:6], rtol=0.3)


def test_no_usable_image_is_an_error_that_counts_them():
    images = noise(5, 20)
    images[:3] = np.nan
    images[3:] = 1.0
    with pytest.raises(InputError, match=r"of 5 looked at, 3 are not finite and 2 are constant"):
        plan_preprocessing(Source(images), AUTOMATIC)


@pytest.mark.parametrize("images", [np.empty((0, 20, 20)), noise(3, 15)])
def test_no_image_or_a_tiny_box_is_refused(images):
    with pytest.raises(InputError, match="at least"):
        plan_preprocessing(Source(images), AUTOMATIC)


@pytest.mark.parametrize("box", [16, 17])
def test_smallest_boxes_work(box):
    plan = plan_preprocessing(Source(noise(20, box)), AUTOMATIC)
    assert plan.working_box_px <= box
    assert plan.k_max < plan.working_box_px / 2
    assert np.isfinite(prepare_images(noise(3, box), plan).images).all()


def test_one_image_is_enough():
    plan = plan_preprocessing(Source(particles(n=1)), AUTOMATIC)
    assert np.isfinite(plan.noise_power).all()
    assert plan.contrast == "unclear"


def test_images_without_background_noise_are_usable_and_said():
    axis = np.arange(40) - 20
    disc = np.hypot(axis[:, None], axis) < 12
    plan = plan_preprocessing(Source(noise(50, 40) * disc), AUTOMATIC)
    assert "taken as white" in plan.warnings[0]
    np.testing.assert_array_equal(plan.noise_power, 1)


def test_sample_is_spread_evenly_and_bounded():
    source = Source(noise(101, 16))
    plan_preprocessing(source, AUTOMATIC, n_sample=11)
    assert source.rows_read == list(range(0, 101, 10))


def test_sample_is_taken_from_the_rows_that_take_part():
    images = particles()
    clean = plan_preprocessing(Source(images[100:]), AUTOMATIC)
    images[:100] = np.nan
    source = Source(images)
    chosen = plan_preprocessing(source, AUTOMATIC, rows=np.arange(100, 300))
    assert source.rows_read == list(range(100, 300))
    np.testing.assert_array_equal(chosen.noise_power, clean.noise_power)
    with pytest.raises(InputError, match="at least one image"):
        plan_preprocessing(source, AUTOMATIC, rows=np.arange(0))


def test_sample_of_large_images_takes_bounded_memory(monkeypatch):
    monkeypatch.setattr("cl2d.preprocess.planning.SAMPLE_BYTES", 7 * 4 * 16 * 16)
    source = Source(noise(100, 16))
    plan_preprocessing(source, AUTOMATIC)
    assert len(source.rows_read) == 7


def test_ring_weights_have_mean_one_and_follow_the_noise():
    images = coloured_noise(200, 32, lambda k: 0.5 + 5 / (1 + (k / 3) ** 2))
    whitened = plan_preprocessing(Source(images), AUTOMATIC)
    plain = plan_preprocessing(Source(images), PreprocessOptions(whiten=False))
    rings = np.arange(plain.k_min, plain.k_max + 1)
    np.testing.assert_allclose(ring_weights(plain), rings / rings.mean())
    expected = rings / whitened.noise_power[rings]
    np.testing.assert_allclose(ring_weights(whitened), expected / expected.mean())
    assert ring_weights(whitened)[0] < ring_weights(plain)[0]
