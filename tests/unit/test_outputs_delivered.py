"""Averages corrected for the contrast transfer: what comes back, what is damped, who counts."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from scipy import fft

from cl2d.io import array_source
from cl2d.io.ctf_parameters import CtfParameters
from cl2d.outputs.averages import raw_averages
from cl2d.outputs.delivered import class_averages
from cl2d.pipeline.ctf import as_particles_show_them
from cl2d.preprocess.ctf import contrast_transfer
from cl2d.preprocess.ctf_source import phase_flipped
from cl2d.preprocess.ctf_weighted import CtfWeightedSource, SmoothRings
from cl2d.results import LevelResult, Poses
from tests.level_of_labels import level_of

BOX = 48
PIXEL_SIZE = 4.0


def parameters(defocus_angstrom) -> CtfParameters:
    defocus = np.asarray(defocus_angstrom, dtype=np.float64)
    facts = {
        "voltage_kv": 300.0,
        "spherical_aberration_mm": 2.7,
        "amplitude_contrast": 0.1,
        "defocus_angle_deg": 0.0,
        "phase_shift_deg": 0.0,
    }
    full = {name: np.full(len(defocus), value) for name, value in facts.items()}
    return CtfParameters(defocus_u_angstrom=defocus, defocus_v_angstrom=defocus, **full)


def without_transfer(n: int) -> CtfParameters:
    """Return parameters of a CTF that is 1 at all frequencies: amplitude contrast alone."""
    ctf = parameters(np.zeros(n))
    values = {field.name: getattr(ctf, field.name) for field in fields(ctf)}
    values |= {"spherical_aberration_mm": np.zeros(n), "amplitude_contrast": np.ones(n)}
    return CtfParameters(**values)


def blob_view() -> np.ndarray:
    """Return an image of some blobs, within the middle of the box."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:BOX, :BOX] - BOX // 2
    view = np.zeros((BOX, BOX))
    for (row, column), width in zip(
        rng.uniform(-9, 9, (12, 2)), rng.uniform(1, 2, 12), strict=True
    ):
        view += np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return view


def seen_through(ctf: CtfParameters, view: np.ndarray, noise: float = 0.0) -> np.ndarray:
    transfer = contrast_transfer(ctf, BOX, PIXEL_SIZE)
    transfer[:, 0, 0] = 1.0
    images = fft.irfft2(fft.rfft2(view) * transfer, s=(BOX, BOX))
    images += noise * np.random.default_rng(1).normal(size=images.shape)
    return images.astype(np.float32)


def ring_amplitude(image: np.ndarray) -> np.ndarray:
    return np.sqrt(SmoothRings(BOX).rings(np.square(np.abs(fft.rfft2(image - image.mean())))))


def delivered(source, level: LevelResult, n_threads: int = 1) -> np.ndarray:
    return class_averages(source, [level], n_threads)[0].delivered


DEFOCI = np.linspace(9000.0, 26000.0, 60)


def test_view_comes_back_from_images_of_many_defoci():
    view, ctf = blob_view(), parameters(DEFOCI)
    source = array_source(seen_through(ctf, view), PIXEL_SIZE)
    level = level_of([0] * 60, 1)
    full = delivered(CtfWeightedSource(source, ctf), level)[0]
    flipped = raw_averages(phase_flipped(source, ctf), [level], 1)[0][0]
    difference = [np.linalg.norm(image - view) / np.linalg.norm(view) for image in (full, flipped)]
    # CTF^2 changes within a ring; a ring has one divisor but for straight lines between rings.
    assert difference[0] < 0.02, difference
    assert difference[1] > 0.3, difference
    assert np.corrcoef(full.ravel(), view.ravel())[0, 1] > 0.998


def test_amplitude_comes_back_where_members_transfer_little():
    view, ctf = blob_view(), parameters(np.full(200, 15000.0))
    images = seen_through(ctf, view, noise=0.05)
    power = SmoothRings(BOX).rings(
        np.square(contrast_transfer(ctf.take(slice(1)), BOX, PIXEL_SIZE)[0])
    )
    weak = np.flatnonzero((power < 0.08) & (np.arange(len(power)) < 10))[1:]
    assert len(weak) > 1
    full = delivered(
        CtfWeightedSource(array_source(images, PIXEL_SIZE), ctf), level_of([0] * 200, 1)
    )[0]
    ratio = ring_amplitude(full)[weak] / ring_amplitude(view)[weak]
    np.testing.assert_allclose(ratio, 1.0, atol=0.04)


def test_without_transfer_full_is_the_mean_but_for_damped_noise():
    view, ctf = blob_view(), without_transfer(100)
    images = (view + np.random.default_rng(2).normal(size=(100, BOX, BOX))).astype(np.float32)
    source, level = array_source(images, PIXEL_SIZE), level_of([0] * 100, 1)
    (found,) = class_averages(CtfWeightedSource(source, ctf), [level], 1)
    mean = images.mean(axis=0)
    np.testing.assert_allclose(found.compared[0], mean, atol=1e-4)
    strong = np.arange(1, 7)
    ratio = ring_amplitude(found.delivered[0]) / ring_amplitude(mean)
    np.testing.assert_allclose(ratio[strong], 1.0, atol=0.05)
    # In the last rings the blobs have next to nothing.
    assert ratio[18:24].max() < 0.5
    # Ring 0 is what rounding leaves of a mean that was taken away.
    assert (ratio[1:] < 1.001).all()
    assert found.delivered[0].mean() == pytest.approx(mean.mean(), abs=1e-5)
    assert np.linalg.norm(found.delivered[0] - view) < 0.6 * np.linalg.norm(mean - view)


def test_noise_is_damped_not_blown_up_even_where_nothing_is_transferred():
    ctf = parameters(np.full(64, 15000.0))
    rng = np.random.default_rng(3)
    images = rng.normal(size=(64, BOX, BOX)).astype(np.float32)
    poses = Poses(rng.uniform(-3, 3, 64), rng.normal(0, 2, (64, 2)), rng.random(64) < 0.5)
    source, level = array_source(images, PIXEL_SIZE), level_of([0] * 16 + [1] * 48, 2, poses)
    full = delivered(CtfWeightedSource(source, ctf), level)
    flipped = raw_averages(phase_flipped(source, ctf), [level], 1)[0]
    for corrected, plain in zip(full, flipped, strict=True):
        assert (
            np.square(ring_amplitude(corrected)).mean()
            < 0.1 * np.square(ring_amplitude(plain)).mean()
        )
        assert ring_amplitude(corrected).max() < ring_amplitude(plain).max()


def test_compared_averages_have_the_noise_of_plain_ones():
    ctf = parameters(np.tile(DEFOCI, 2))
    images = np.random.default_rng(4).normal(size=(120, BOX, BOX)).astype(np.float32)
    source, level = array_source(images, PIXEL_SIZE), level_of([0] * 120, 1)
    (found,) = class_averages(CtfWeightedSource(source, ctf), [level], 1)
    flipped = raw_averages(phase_flipped(source, ctf), [level], 1)[0]
    ratio = ring_amplitude(found.compared[0]) / ring_amplitude(flipped[0])
    np.testing.assert_allclose(ratio[3:24], 1.0, atol=0.25)


def test_raw_flipped_and_multiplied_particles_have_the_same_averages():
    view, ctf = blob_view(), parameters(DEFOCI)
    raw = seen_through(ctf, view, noise=0.5)
    transfer = contrast_transfer(ctf, BOX, PIXEL_SIZE)
    mean = np.zeros_like(transfer)
    mean[:, 0, 0] = 1.0
    spectra = fft.rfft2(raw.astype(np.float64))
    states = {
        "raw": raw,
        "flipped": fft.irfft2(spectra * np.where(mean > 0, 1, np.sign(transfer)), s=(BOX, BOX)),
        "premultiplied": fft.irfft2(spectra * np.where(mean > 0, 1, transfer), s=(BOX, BOX)),
    }
    level = level_of([0] * 30 + [1] * 30, 2)
    found = {
        state: delivered(
            CtfWeightedSource(array_source(images, PIXEL_SIZE), ctf, state=state), level
        )
        for state, images in states.items()
    }
    for state in ("flipped", "premultiplied"):
        difference = np.abs(found[state] - found["raw"]).max()
        assert difference < 1e-3 * found["raw"].std(), (state, difference)


def test_averages_shown_through_the_usual_transfer_are_what_particles_show():
    view, ctf = blob_view(), parameters(DEFOCI)
    source = CtfWeightedSource(array_source(seen_through(ctf, view), PIXEL_SIZE), ctf)
    (found,) = class_averages(source, [level_of([0] * 60, 1)], 1)
    shown = as_particles_show_them(found.delivered, source)[0]
    ratio = ring_amplitude(shown) / ring_amplitude(found.compared[0])
    np.testing.assert_allclose(ratio[2:10], 1.0, atol=0.1)
    assert ring_amplitude(found.delivered[0])[2] > 2 * ring_amplitude(shown)[2]
    multiplied = CtfWeightedSource(source, ctf, "premultiplied")
    np.testing.assert_array_equal(multiplied.shown_transfer, np.square(source.shown_transfer))
    plain = array_source(np.ones((60, BOX, BOX)))
    assert as_particles_show_them(found.delivered, plain) is found.delivered


def test_classes_of_no_and_of_one_member_are_harmless():
    view, ctf = blob_view(), parameters(DEFOCI)
    images = seen_through(ctf, view, noise=0.2)
    level = level_of([0] * 59 + [2], 4)
    found = delivered(CtfWeightedSource(array_source(images, PIXEL_SIZE), ctf), level)
    assert not found[[1, 3]].any()
    assert np.isfinite(found).all()
    assert np.corrcoef(found[2].ravel(), view.ravel())[0, 1] > 0.6


def test_single_image_keeps_its_transfer_over_one_more_than_its_square():
    view, ctf = blob_view(), parameters([15000.0])
    image = seen_through(ctf, view)
    source = CtfWeightedSource(array_source(image, PIXEL_SIZE), ctf)
    found = delivered(source, level_of([0], 1))[0]
    transfer = contrast_transfer(ctf, BOX, PIXEL_SIZE)[0]
    transfer[0, 0] = 1.0
    expected = fft.rfft2(image[0]) * transfer / (np.square(transfer) + 1.0)
    expected[0, 0] = fft.rfft2(image[0])[0, 0]
    difference = found - fft.irfft2(expected, s=(BOX, BOX))
    # The square of the CTF by rings.
    assert np.linalg.norm(difference) < 0.1 * np.linalg.norm(found - found.mean())


def test_images_in_no_class_leave_no_trace():
    view, ctf = blob_view(), parameters(DEFOCI)
    images = seen_through(ctf, view, noise=0.5)
    labels = np.zeros(60, dtype=np.int32)
    labels[[7, 20, 33]] = -1
    kept = np.flatnonzero(labels == 0)
    clean = delivered(CtfWeightedSource(array_source(images, PIXEL_SIZE), ctf), level_of(labels, 1))
    images[7], images[20], images[33, 4, 4] = 1e30, 2.0, np.nan
    with_rubbish = CtfWeightedSource(array_source(images, PIXEL_SIZE), ctf)
    np.testing.assert_array_equal(delivered(with_rubbish, level_of(labels, 1)), clean)
    without = delivered(with_rubbish.take(kept), level_of([0] * 57, 1))
    # What is usual is another sample.
    np.testing.assert_allclose(without, clean, atol=0.02 * clean.std())


def test_threads_do_not_change_a_bit():
    view, ctf = blob_view(), parameters(DEFOCI)
    images = array_source(seen_through(ctf, view, noise=0.5), PIXEL_SIZE)
    level = level_of([0, 1] * 30, 2)
    one, two = (delivered(CtfWeightedSource(images, ctf, n_threads=n), level, n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_all_levels_come_from_one_pass():
    images = seen_through(parameters(DEFOCI), blob_view(), noise=0.5)
    reads: list[tuple[int, int]] = []

    class Counting:
        shape, dtype = images.shape, images.dtype

        def __getitem__(self, rows: slice):
            reads.append((rows.start, rows.stop))
            return images[rows]

    source = CtfWeightedSource(array_source(Counting(), PIXEL_SIZE), parameters(DEFOCI))
    levels = [level_of([0] * 60, 1), level_of([0, 1, 2] * 20, 3)]
    found = class_averages(source, levels, 1, only_compared=[levels[1]])
    assert reads == [(0, 60)]
    np.testing.assert_array_equal(found[1].delivered, delivered(source, levels[1]))
    np.testing.assert_allclose(found[2].compared, found[1].compared, atol=1e-5)


def test_odd_box_is_as_good():
    rng = np.random.default_rng(6)
    images = rng.normal(size=(8, 21, 21)).astype(np.float32)
    source = CtfWeightedSource(array_source(images, PIXEL_SIZE), parameters(DEFOCI[:8]))
    found = delivered(source, level_of([0, 1] * 4, 2))
    assert found.shape == (2, 21, 21)
    assert np.isfinite(found).all()


def test_sources_are_told_from_each_other():
    images, ctf = array_source(np.ones((3, BOX, BOX)), PIXEL_SIZE), parameters(DEFOCI[:3])
    sources = [
        images,
        phase_flipped(images, ctf),
        CtfWeightedSource(images, ctf),
        CtfWeightedSource(images, ctf, "flipped"),
        CtfWeightedSource(images, parameters(DEFOCI[1:4])),
    ]
    assert len({source.fingerprint() for source in sources}) == 5
    with pytest.raises(ValueError, match="state must be one of raw, flipped, premultiplied, not"):
        CtfWeightedSource(images, ctf, "corrected")


def test_particles_are_classified_as_flipped_ones():
    images = array_source(np.random.default_rng(0).normal(size=(20, BOX, BOX)), PIXEL_SIZE)
    ctf = parameters(DEFOCI[:20])
    np.testing.assert_array_equal(
        CtfWeightedSource(images, ctf).read(3, 20), phase_flipped(images, ctf).read(3, 20)
    )
    for state in ("flipped", "premultiplied"):
        source = CtfWeightedSource(images, ctf, state)
        np.testing.assert_array_equal(source.read(3, 20), images.read(3, 20))
