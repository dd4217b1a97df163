"""The contrast transfer, and images whose phases it turned put right."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.errors import InputError
from cl2d.io import array_source
from cl2d.io.ctf_parameters import CtfParameters
from cl2d.preprocess.ctf import contrast_transfer, electron_wavelength_angstrom
from cl2d.preprocess.ctf_source import (
    SplitReading,
    filter_images,
    phase_flipped,
    sign_of_transfer,
    subset_of,
)
from cl2d.simulate import SimulationOptions, simulate_particles
from cl2d.simulate.optics import B_FACTOR_ANGSTROM2
from cl2d.simulate.optics import contrast_transfer as simulated_transfer

BOX = 48
PIXEL_SIZE = 2.0


def parameters(n: int = 1, **values: float) -> CtfParameters:
    facts = {
        "voltage_kv": 300.0,
        "spherical_aberration_mm": 2.7,
        "amplitude_contrast": 0.1,
        "defocus_u_angstrom": 15000.0,
        "defocus_v_angstrom": 15000.0,
        "defocus_angle_deg": 0.0,
        "phase_shift_deg": 0.0,
        **values,
    }
    return CtfParameters(**{name: np.full(n, value) for name, value in facts.items()})


def of_truth(truth) -> CtfParameters:
    n = len(truth)
    return CtfParameters(
        voltage_kv=np.full(n, 300.0),
        spherical_aberration_mm=np.full(n, 2.7),
        amplitude_contrast=np.full(n, 0.1),
        defocus_u_angstrom=truth.defocus_angstrom[:, 0],
        defocus_v_angstrom=truth.defocus_angstrom[:, 1],
        defocus_angle_deg=truth.defocus_angle_deg,
        phase_shift_deg=np.zeros(n),
    )


def simulated(ctf: str, n: int = 40):
    options = SimulationOptions(
        n_particles=n, n_views=4, box_px=BOX, pixel_size_angstrom=PIXEL_SIZE, ctf=ctf
    )
    return simulate_particles(options)


def test_wavelengths_are_those_of_the_tables():
    # International Tables for Crystallography C, table 4.3.2.1.
    found = electron_wavelength_angstrom(np.array([100.0, 200.0, 300.0]))
    np.testing.assert_allclose(found, [0.037014, 0.025079, 0.019687], atol=1e-6)


@pytest.mark.parametrize("box", [BOX, BOX + 1])
def test_transfer_is_that_of_simulated_particles(box):
    truth = simulated("raw").truth
    squared = (
        np.fft.fftfreq(box, PIXEL_SIZE)[:, None] ** 2 + np.fft.rfftfreq(box, PIXEL_SIZE)[None] ** 2
    )
    expected = simulated_transfer(truth, box, PIXEL_SIZE)
    found = contrast_transfer(of_truth(truth), box, PIXEL_SIZE)
    envelope = np.exp(-0.25 * B_FACTOR_ANGSTROM2 * squared)
    # Phases of hundreds of radians in single precision.
    np.testing.assert_allclose(found * envelope, expected, atol=2e-4)


def test_first_zero_of_an_image_lies_where_defocus_alone_puts_it():
    ctf = parameters(spherical_aberration_mm=0.0, amplitude_contrast=0.0)
    box, pixel_size = 200, 1.0
    along_x = contrast_transfer(ctf, box, pixel_size)[0, 0]
    first_negative = int((along_x[1:] < 0).argmax()) + 1
    zero = np.sqrt(1.0 / (0.019687 * 15000.0))  # lambda dz k^2 = 1
    assert (first_negative - 1) / box <= zero < first_negative / box


def test_defocus_is_largest_along_its_angle_from_x_towards_y():
    ctf = parameters(defocus_u_angstrom=20000.0, defocus_v_angstrom=10000.0, defocus_angle_deg=90.0)
    found = contrast_transfer(ctf, BOX, PIXEL_SIZE)[0]
    along = {
        defocus: contrast_transfer(
            parameters(defocus_u_angstrom=defocus, defocus_v_angstrom=defocus), BOX, PIXEL_SIZE
        )[0, 0]
        for defocus in (10000.0, 20000.0)
    }
    np.testing.assert_allclose(found[0], along[10000.0], atol=1e-4)
    np.testing.assert_allclose(found[: BOX // 2, 0], along[20000.0][: BOX // 2], atol=1e-4)
    # The bisector of the first quadrant, in rows of growing y, with the angle at 45 degrees.
    turned = parameters(
        defocus_u_angstrom=20000.0, defocus_v_angstrom=10000.0, defocus_angle_deg=45.0
    )
    rows = np.arange(BOX // 2)
    round_one = parameters(defocus_u_angstrom=20000.0, defocus_v_angstrom=20000.0)
    np.testing.assert_allclose(
        contrast_transfer(turned, BOX, PIXEL_SIZE)[0, rows, rows],
        contrast_transfer(round_one, BOX, PIXEL_SIZE)[0, rows, rows],
        atol=1e-4,
    )


def test_phase_plate_of_90_degrees_gives_the_cosine():
    plain = parameters(amplitude_contrast=0.0)
    plate = parameters(amplitude_contrast=0.0, phase_shift_deg=90.0)
    sine, cosine = (contrast_transfer(ctf, BOX, PIXEL_SIZE) for ctf in (plain, plate))
    np.testing.assert_allclose(sine**2 + cosine**2, 1.0, atol=1e-4)
    assert cosine[0, 0, 0] == pytest.approx(1.0)


def test_flipping_makes_of_raw_particles_what_flipped_ones_are():
    raw, flipped = simulated("raw"), simulated("flipped")
    source = phase_flipped(array_source(raw.signal(0, 40), PIXEL_SIZE), of_truth(raw.truth))
    expected = flipped.signal(0, 40)
    difference = np.abs(source.read(0, 40) - expected).max()
    # Single precision; coefficients where the CTF all but vanishes may go either way.
    assert difference < 2e-3 * expected.std()
    assert np.abs(raw.signal(0, 40) - expected).max() > 0.1 * expected.std()


def test_flipping_twice_gives_the_image_back():
    images = np.random.default_rng(0).normal(100.0, 1.0, (20, BOX, BOX)).astype(np.float32)
    ctf = parameters(20)
    twice = phase_flipped(phase_flipped(array_source(images, PIXEL_SIZE), ctf), ctf)
    np.testing.assert_allclose(twice.read(0, 20), images, atol=1e-4)


def test_image_does_not_depend_on_the_block_it_is_read_in():
    images = np.random.default_rng(1).normal(size=(40, BOX, BOX)).astype(np.float32)
    truth = simulated("raw").truth
    source = phase_flipped(array_source(images, PIXEL_SIZE), of_truth(truth))
    whole = source.read(0, 40)
    for start, stop in ((0, 1), (5, 22), (17, 40), (39, 40)):
        np.testing.assert_array_equal(source.read(start, stop), whole[start:stop])
    assert source.read(3, 3).shape == (0, BOX, BOX)


def test_image_does_not_depend_on_the_number_of_threads():
    images = np.random.default_rng(1).normal(size=(40, BOX, BOX)).astype(np.float32)
    ctf = of_truth(simulated("raw").truth)
    one, three = (phase_flipped(array_source(images, PIXEL_SIZE), ctf, n) for n in (1, 3))
    np.testing.assert_array_equal(one.read(0, 40), three.read(0, 40))


def test_unusable_images_stay_as_they_are():
    images = np.random.default_rng(2).normal(size=(4, BOX, BOX)).astype(np.float32)
    images[1, 3, 3] = np.nan
    images[2] = 7.25
    found = phase_flipped(array_source(images, PIXEL_SIZE), parameters(4)).read(0, 4)
    np.testing.assert_array_equal(found[1:3], images[1:3])
    assert np.isfinite(found[[0, 3]]).all()
    assert not np.allclose(found[0], images[0])


def test_hot_pixel_is_not_spread_over_the_image():
    images = np.random.default_rng(4).normal(size=(1, BOX, BOX)).astype(np.float32)
    expected = phase_flipped(array_source(images, PIXEL_SIZE), parameters()).read(0, 1)
    for value in (1e3, 1e6):
        hot = images.copy()
        hot[0, 30, 20] = value
        found = phase_flipped(array_source(hot, PIXEL_SIZE), parameters()).read(0, 1)
        # What remains of the pixel has the power of less than a hundredth of the image.
        assert np.square(found - expected).mean() < 0.2, value


def test_mean_stays_even_where_low_frequencies_are_turned():
    images = np.random.default_rng(3).normal(5.0, 1.0, (2, BOX, BOX)).astype(np.float32)
    factor = np.full((2, BOX, BOX // 2 + 1), -1.0, dtype=np.float32)
    found = filter_images(images, factor)
    np.testing.assert_allclose(
        found, 2 * images.mean(axis=(1, 2), keepdims=True) - images, atol=1e-4
    )


def test_sign_of_transfer_has_no_zeros():
    values = np.array([[-0.3, -0.0, 0.0, 2.0]], dtype=np.float32)
    np.testing.assert_array_equal(np.abs(sign_of_transfer(values)), 1.0)


def test_flipped_particles_are_told_from_the_input_and_from_others():
    source = array_source(np.ones((3, BOX, BOX)), PIXEL_SIZE)
    one = phase_flipped(source, parameters(3))
    other = phase_flipped(source, parameters(3, defocus_angle_deg=1.0))
    assert len({source.fingerprint(), one.fingerprint(), other.fingerprint()}) == 3
    assert one.table is None
    assert (one.n_images, one.box_px, one.pixel_size_angstrom) == (3, BOX, PIXEL_SIZE)
    assert one.image_name(2) == source.image_name(2)


def test_pixel_size_is_needed():
    with pytest.raises(InputError, match="must have a pixel size to correct the CTF"):
        phase_flipped(array_source(np.ones((1, BOX, BOX))), parameters())


@pytest.mark.parametrize("box", [BOX, 131])
def test_particles_are_filtered_the_same_whoever_reads_them(box):
    images = np.random.default_rng(5).normal(3.0, 1.0, (37, box, box)).astype(np.float32)
    truth = simulated("raw").truth
    source = phase_flipped(
        array_source(images, PIXEL_SIZE), of_truth(truth).take(slice(37)), n_threads=3
    )
    expected = source.read(5, 37)
    split = SplitReading.of(source)
    np.testing.assert_array_equal(split.filtered(5, split.unfiltered.read(5, 37)), expected)
    rows = np.array([5, 6, 20, 36])
    np.testing.assert_array_equal(subset_of(source, rows).read(0, 4), expected[rows - 5])


def test_particles_that_nobody_filters_are_read_as_they_are():
    source = array_source(np.ones((3, BOX, BOX)), PIXEL_SIZE)
    split = SplitReading.of(source)
    images = split.unfiltered.read(1, 3)
    assert split.unfiltered is source
    assert split.filtered(1, images) is images


@pytest.mark.parametrize(("gain", "offset"), [(1e-18, 0.0), (1e18, 0.0), (1.0, 1e4)])
def test_flipping_does_not_mind_the_unit_of_the_greys(gain, offset):
    images = np.random.default_rng(6).normal(size=(3, BOX, BOX)).astype(np.float32)
    scaled = images * np.float32(gain) + np.float32(offset)
    plain, other = (
        phase_flipped(array_source(given, PIXEL_SIZE), parameters(3)).read(0, 3)
        for given in (images, scaled)
    )
    # Grey values of 10,000 are rounded to 5e-4.
    np.testing.assert_allclose((other - np.float32(offset)) / gain, plain, atol=3e-3)
