from __future__ import annotations

import numpy as np
import pytest

from cl2d import _native, array_source
from cl2d.engine import bytes_per_image
from cl2d.engine.ingest import READ_IMAGES, ingest
from cl2d.io.ctf_parameters import CtfParameters
from cl2d.preprocess import prepare_images, ring_weights
from cl2d.preprocess.ctf_source import phase_flipped
from tests.engine_inputs import noise_images, white_plan
from tests.slow_alignment import polar_samples

PLAN = white_plan(24, noise_power=np.linspace(1.0, 2.0, 10), k_max=9)


def coefficients(images, plan=PLAN, n_threads=1):
    """Return (n, n_coefficients) of all images, and their flags."""
    ingested = ingest(array_source(images), plan, n_threads)
    rows = [block.coefficients(i) for block in ingested.blocks for i in range(block.n_images)]
    return np.array(rows), ingested.flags


def by_definition(image, plan, grid):
    """Return the weighted angular orders of direct sums over a prepared image, of norm 1."""
    rings = np.arange(plan.k_min, plan.k_max + 1)
    samples = polar_samples(image, rings, grid.n_angles)
    orders = np.fft.fft(samples, axis=1) / grid.n_angles
    orders *= np.sqrt(ring_weights(plan))[:, None]
    kept = [
        (m, ring)
        for m in range(grid.n_orders)
        for ring in range(grid.n_rings)
        if m <= grid.max_order(ring)
    ]
    values = np.array([orders[ring, m] for m, ring in kept])
    twice = np.array([1 if m == 0 else 2 for m, _ in kept])
    return values / np.sqrt((twice * np.abs(values) ** 2).sum())


@pytest.mark.parametrize(
    ("box", "working_box", "k_min"), [(24, 24, 1), (25, 24, 1), (31, 20, 3), (48, 18, 1)]
)
def test_coefficients_are_direct_sums_of_the_prepared_images(box, working_box, k_min):
    plan = white_plan(box, working_box, k_min=k_min, k_max=8)
    images = noise_images(3, box)
    given, _ = coefficients(images, plan)
    grid = ingest(array_source(images), plan, 1).blocks[0].grid
    assert (grid.box_px, grid.k_min, grid.k_max) == (working_box, k_min, 8)
    for image, row in zip(prepare_images(images, plan).images, given, strict=True):
        # The gridding kernel errs by 1e-6 of pixels at the origin, 7e-6 at the border.
        assert np.linalg.norm(row - by_definition(image, plan, grid)) < 1e-5


def test_grey_values_in_another_unit_give_the_same_coefficients():
    images = noise_images(5, 24)
    given, _ = coefficients(images)
    scaled, _ = coefficients(1000 + 37.5 * images)
    # Grey values of 1000 are rounded to 6e-5 against noise of 37.5: 2e-6 a pixel, at random.
    assert np.linalg.norm(given - scaled, axis=1).max() < 1e-5


def test_image_of_opposite_contrast_has_opposite_coefficients():
    images = noise_images(2, 24)
    given, _ = coefficients(images)
    np.testing.assert_allclose(coefficients(-images)[0], -given, atol=1e-6)


def test_images_that_cannot_be_used_are_zero_and_flagged():
    images = noise_images(20, 24)
    images[3, 5, 5] = np.nan
    images[17] = 4.5
    images[19, 0, 0] = np.inf
    rows, flags = coefficients(images)
    assert np.flatnonzero(flags == 1).tolist() == [3, 19]
    assert np.flatnonzero(flags == 2).tolist() == [17]
    assert np.flatnonzero(~rows.any(axis=1)).tolist() == [3, 17, 19]
    assert np.isfinite(rows).all()


def test_image_is_not_changed_by_its_neighbours():
    images = noise_images(READ_IMAGES + 40, 24)
    rows, _ = coefficients(images)
    order = np.random.default_rng(0).permutation(len(images))
    np.testing.assert_array_equal(coefficients(images[order])[0], rows[order])
    np.testing.assert_array_equal(coefficients(images[7:8])[0], rows[7:8])


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_change_no_bit(n_threads):
    images = noise_images(READ_IMAGES + 40, 24)
    rows, _ = coefficients(images)
    np.testing.assert_array_equal(coefficients(images, n_threads=n_threads)[0], rows)


def test_threads_change_nothing_of_images_whose_phases_are_flipped():
    images = noise_images(READ_IMAGES + 40, 24)
    images[7] = np.nan
    facts = {
        "voltage_kv": 300.0,
        "spherical_aberration_mm": 2.7,
        "amplitude_contrast": 0.1,
        "defocus_u_angstrom": 15000.0,
        "defocus_v_angstrom": 14000.0,
        "defocus_angle_deg": 20.0,
        "phase_shift_deg": 0.0,
    }
    ctf = CtfParameters(**{name: np.full(len(images), value) for name, value in facts.items()})
    source = phase_flipped(array_source(images, 2.0), ctf)
    one, three = (ingest(source, PLAN, n, keep_images=True) for n in (1, 3))
    for name in ("flags", "statistics", "images"):
        np.testing.assert_array_equal(getattr(three, name), getattr(one, name))
    as_read, _ = coefficients(source.read(0, len(images)))
    rows = [block.coefficients(i) for block in three.blocks for i in range(block.n_images)]
    np.testing.assert_array_equal(rows, as_read)


@pytest.mark.parametrize("n_images", [1, 31, 32, 33, 96, 100])
def test_blocks_are_full_but_for_the_last(monkeypatch, n_images):
    for module in ("ingest", "storage"):
        monkeypatch.setattr(f"cl2d.engine.{module}.BLOCK_IMAGES", 32)
    monkeypatch.setattr("cl2d.engine.ingest.READ_IMAGES", 16)
    images = noise_images(n_images, 24)
    read = []
    ingested = ingest(array_source(images), PLAN, 1, read.append)
    sizes = [block.n_images for block in ingested.blocks]
    assert sizes[:-1] == [32] * (len(sizes) - 1)
    assert sum(sizes) == n_images
    assert read == [*range(16, n_images, 16), n_images]
    rows = [block.coefficients(i) for block in ingested.blocks for i in range(block.n_images)]
    monkeypatch.undo()
    np.testing.assert_array_equal(rows, coefficients(images)[0])


def test_every_image_is_read_once():
    images = noise_images(READ_IMAGES + 3, 24)
    asked = []

    class Counting:
        shape, dtype, ndim = images.shape, images.dtype, 3

        def __getitem__(self, rows):
            asked.extend(range(*rows.indices(len(images))))
            return images[rows]

    source = array_source(Counting())
    asked.clear()
    ingest(source, PLAN, 1)
    assert asked == list(range(len(images)))


def test_interrupted_reading_ends_at_once():
    def interrupt(_n_read):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(array_source(noise_images(600, 24)), PLAN, 1, interrupt)


def test_memory_of_an_image_is_what_a_block_takes_for_it():
    grid = _native.PolarGrid(24, 1, 9, 10.0)
    assert bytes_per_image(24, 1, 9, 10.0) == _native.ImageBlock(grid, 16).bytes / 16


def block_and_sampler():
    grid = _native.PolarGrid(24, 1, 9, 10.0)
    return _native.ImageBlock(grid, 20), _native.PolarSampler(grid, np.ones(9))


def spectra(n, rows=48, columns=25, dtype=np.complex64):
    return np.zeros((n, rows, columns), dtype)


def test_other_arrays_are_refused_not_converted():
    block, sampler = block_and_sampler()
    for wrong in (spectra(3, dtype=np.complex128), spectra(6)[::2], spectra(3).real):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            sampler.fill(block, 0, wrong, 1)
    with pytest.raises(TypeError, match="incompatible"):
        _native.PolarSampler(block.grid, np.ones(9, np.float32))
    with pytest.raises(TypeError, match="incompatible function arguments"):
        block.select(np.zeros(3, np.int32))


def test_sizes_that_do_not_fit_are_refused_with_both():
    block, sampler = block_and_sampler()
    with pytest.raises(ValueError, match=r"\(any, 48, 25, \), not \(3, 48, 24, \)"):
        sampler.fill(block, 0, spectra(3, columns=24), 1)
    with pytest.raises(ValueError, match="block of 20, not be 5 from 16 on"):
        sampler.fill(block, 16, spectra(5), 1)
    with pytest.raises(ValueError, match="block of 20, not be 2 from 8 on"):
        sampler.fill(block, 8, spectra(2), 1)
    with pytest.raises(ValueError, match="n_threads must be at least 1, not 0"):
        sampler.fill(block, 0, spectra(2), 0)
    other = _native.ImageBlock(_native.PolarGrid(24, 1, 5, 10.0), 20)
    with pytest.raises(ValueError, match="the block must have the grid of the sampler"):
        sampler.fill(other, 0, spectra(2), 1)
    with pytest.raises(ValueError, match=r"ring_weights must have shape \(9, \), not \(8, \)"):
        _native.PolarSampler(block.grid, np.ones(8))
    with pytest.raises(ValueError, match="ring_weights must not be negative"):
        _native.PolarSampler(block.grid, -np.ones(9))
    with pytest.raises(ValueError, match="the working box must be even, not 23"):
        _native.PolarSampler(_native.PolarGrid(23, 1, 9, 10.0), np.ones(9))
    with pytest.raises(ValueError, match="k_max < box_px / 2, not k_min = 1, k_max = 12"):
        _native.PolarGrid(24, 1, 12, 10.0)
    with pytest.raises(ValueError, match="n_images must not be negative, not -2"):
        _native.ImageBlock(block.grid, -2)


def test_images_that_are_not_there_are_refused():
    block, _ = block_and_sampler()
    for index in (-1, 20):
        with pytest.raises(IndexError, match="image out of range"):
            block.coefficients(index)
        with pytest.raises(IndexError, match=rf"in \[0, 20\), not {index}"):
            block.select(np.array([0, index]))
        with pytest.raises(IndexError, match=rf"in \[0, 20\), not {index}"):
            block.copy_image(block, 0, index)
    with pytest.raises(IndexError, match="ring out of range"):
        block.grid.max_order(9)
