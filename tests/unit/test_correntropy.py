from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import cl2d
from cl2d import _native
from cl2d.engine import (
    BLOCK_IMAGES,
    ClassicalRule,
    LocalEngine,
    SearchSettings,
    normalised_references,
)
from cl2d.engine.correntropy import Candidates, RealAverages, WorkingImages, best_few, reordered
from cl2d.engine.ingest import ingest, working_images
from cl2d.engine.raw_average import accumulate_raw
from cl2d.io import array_source
from cl2d.options import ClassifyOptions, PreprocessOptions
from cl2d.pipeline.memory import memory_needs
from cl2d.preprocess import plan_preprocessing
from cl2d.results import Poses, identity_poses
from cl2d.simulate import SimulationOptions, simulate_particles, truth_poses
from tests.engine_inputs import random_poses
from tests.slow_alignment import centred_grid


def noise(n, box, seed=0):
    return np.random.default_rng(seed).normal(size=(n, box, box)).astype(np.float32)


def random_candidates(n, n_few, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    return Candidates(
        rng.integers(0, n_classes, (n, n_few)).astype(np.int32),
        rng.uniform(-np.pi, np.pi, (n, n_few)),
        rng.uniform(-2, 2, (n, n_few, 2)),
        (rng.random((n, n_few)) < 0.5).astype(np.uint8),
    )


def shown_in_image(average, candidates, at):
    """Return ``average(F R x - t)`` by scipy's quintic splines."""
    box = len(average)
    x, y = centred_grid(box)
    cos, sin = np.cos(candidates.psi_rad[at]), np.sin(candidates.psi_rad[at])
    to_x, to_y = cos * x - sin * y, sin * x + cos * y
    to_x = -to_x if candidates.mirror[at] else to_x
    position = [
        to_y - candidates.shift_px[at][1] + box // 2,
        to_x - candidates.shift_px[at][0] + box // 2,
    ]
    return ndimage.map_coordinates(average.astype(float), position, order=5, mode="mirror")


@pytest.mark.parametrize("box", [12, 17, 32])
def test_correntropy_is_the_mean_of_gaussians_over_the_mask(box):
    images, averages = noise(6, box), noise(4, box, 1)
    candidates = random_candidates(6, 3, 4)
    width, radius = 1.7, 0.4 * box
    scores = WorkingImages([images], radius, 2).correntropy(
        slice(0, 6), candidates, RealAverages(averages, np.ones(4, bool), width / 2.1)
    )
    mask = np.hypot(*centred_grid(box)) <= radius
    for at in np.ndindex(6, 3):
        shown = shown_in_image(averages[candidates.classes[at]], candidates, at)
        expected = np.exp(-((shown - images[at[0]]) ** 2) / (2 * width**2))[mask].mean()
        assert scores[at] == pytest.approx(expected, rel=2e-6)


def test_every_instruction_set_agrees():
    before = _native.simd_level()
    images, averages = noise(5, 23), RealAverages(noise(3, 23, 1), np.ones(3, bool), 1.0)
    working, candidates = WorkingImages([images], 9.0, 1), random_candidates(5, 2, 3)
    found = []
    for level in _native.available_simd_levels():
        _native.set_simd_level(level)
        found.append(working.correntropy(slice(0, 5), candidates, averages))
    _native.set_simd_level(before)
    for scores in found[1:]:
        np.testing.assert_allclose(scores, found[0], rtol=2e-6)


def test_spread_is_that_of_the_noise_and_never_of_the_signal():
    """Signal of 20 times the noise, 0.5 % outliers: the spread is the noise's all the same."""
    rng = np.random.default_rng(3)
    labels = np.arange(400, dtype=np.int32) % 8
    signal = 20 * ndimage.gaussian_filter(rng.normal(size=(8, 24, 24)), (0, 2, 2))
    images = signal[labels] + 1.5 * rng.normal(size=(400, 24, 24))
    images[rng.random(images.shape) < 0.005] += 40
    working = WorkingImages([images.astype(np.float32)], 11.0, 1)
    averages = working.averages(labels, identity_poses(400), 8)
    assert averages.residual_sigma == pytest.approx(1.5, rel=0.12)


@pytest.mark.parametrize("members", [2, 3, 10])
def test_spread_does_not_shrink_with_the_class(members):
    """An average has a share of each member's noise; two members lie nearer to it than many."""
    images = noise(120, 24, 4)
    labels = (np.arange(120) // members).astype(np.int32)
    n_classes = int(labels.max()) + 1
    found = WorkingImages([images], 11.0, 1).averages(labels, identity_poses(120), n_classes)
    assert found.residual_sigma == pytest.approx(1.0, rel=0.03)


def test_averages_are_means_of_moved_members_and_empty_classes_are_unknown():
    images = noise(6, 16)
    labels = np.array([0, 0, 2, -1, 2, 2], dtype=np.int32)
    images[3] = np.nan
    found = WorkingImages([images], 7.0, 1).averages(labels, identity_poses(6), 3)
    assert found.known.tolist() == [True, False, True]
    np.testing.assert_allclose(found.images[0], images[:2].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.images[2], images[[2, 4, 5]].mean(axis=0), atol=1e-5)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, -1, 1]], ids=["alone", "alone or in none"])
def test_classes_of_one_image_tell_no_spread(labels):
    working = WorkingImages([noise(3, 16)], 7.0, 1)
    assert working.averages(np.array(labels, np.int32), identity_poses(3), 3) is None


def test_images_without_noise_tell_no_spread():
    working = WorkingImages([np.repeat(noise(1, 16), 4, axis=0)], 7.0, 1)
    assert working.averages(np.zeros(4, np.int32), identity_poses(4), 1) is None


def test_best_few_are_the_best_known_classes_in_order():
    scores = np.array([[0.1, 0.5, 0.3, 0.9, 0.4]], dtype=np.float32)
    assert best_few(scores, np.ones(5, bool)).tolist() == [[3, 1, 4]]
    assert best_few(scores, np.array([1, 1, 1, 0, 1], bool)).tolist() == [[1, 4, 2]]
    assert best_few(scores, np.array([1, 0, 0, 0, 1], bool)).tolist() == [[4, 0]]
    assert best_few(scores, np.zeros(5, bool)).shape == (1, 0)


def test_few_classes_change_places_and_the_others_stay_below():
    scores = np.array([[0.1, 0.5, 0.3, 0.9, 0.4]], dtype=np.float32)
    few = np.array([[3, 1, 4]], dtype=np.int32)
    changed = reordered(scores, few, np.array([[0.6, 0.8, 0.7]], dtype=np.float32))
    np.testing.assert_array_equal(changed, np.float32([[0.1, 0.9, 0.3, 0.4, 0.5]]))
    same = reordered(scores, few, np.array([[0.7, 0.7, 0.7]], dtype=np.float32))
    np.testing.assert_array_equal(same, scores)


def engine_of(images, n_threads):
    source = array_source(images)
    plan = plan_preprocessing(source, PreprocessOptions())
    read = ingest(source, plan, n_threads, keep_images=True)
    return LocalEngine(
        read.blocks,
        read.flags == 0,
        SearchSettings(4.0),
        plan.box_px / plan.working_box_px,
        n_threads,
        working_images=working_images(read, plan, n_threads),
    )


@pytest.fixture(scope="module")
def simulation():
    return simulate_particles(
        SimulationOptions(n_particles=120, box_px=40, n_views=4, snr=0.5, shift_sd_px=1.0)
    )


def test_particles_find_their_view_with_the_same_bits_for_any_number_of_threads(simulation):
    view, poses = simulation.truth.view, truth_poses(simulation.truth)
    found = []
    for n_threads in (1, 2, 5):
        engine = engine_of(simulation.images, n_threads)
        references = normalised_references(engine.update(view, poses, 4).sums)
        averages = engine.averages(view, poses, 4)
        found.append(engine.assign(references, ClassicalRule(), averages=averages))
    assert (found[0].labels == view).mean() > 0.95
    for other in found[1:]:
        np.testing.assert_array_equal(other.labels, found[0].labels)
        np.testing.assert_array_equal(other.margin, found[0].margin)
        np.testing.assert_array_equal(other.poses.psi_rad, found[0].poses.psi_rad)


def test_subset_of_an_engine_has_its_own_images(simulation):
    rows = np.arange(119, -1, -3)
    view, poses = simulation.truth.view, truth_poses(simulation.truth)
    whole = engine_of(simulation.images, 1)
    labels = np.where(np.isin(np.arange(120), rows), view, -1).astype(np.int32)
    part = whole.subset(rows).averages(view[rows], poses.take(rows), 4)
    np.testing.assert_allclose(part.images, whole.averages(labels, poses, 4).images, atol=1e-5)


def test_images_of_many_blocks_are_summed_and_compared_as_one():
    n = BLOCK_IMAGES + 40
    images, labels = noise(n, 16), (np.arange(n) % 3).astype(np.int32)
    poses = random_poses(n, 1.0)
    blocks = WorkingImages([images[:BLOCK_IMAGES], images[BLOCK_IMAGES:]], 7.0, 1)
    found = blocks.averages(labels, poses, 3)
    whole = np.zeros((3, 16, 16))
    accumulate_raw(whole, images, poses, labels, 1)
    expected = whole / np.bincount(labels)[:, None, None]
    np.testing.assert_allclose(found.images, expected, atol=1e-7)
    rows = np.array([n - 1, 3, BLOCK_IMAGES, 3])
    np.testing.assert_array_equal(blocks.gathered(rows), images[rows])
    of_last = random_candidates(40, 2, 3)
    np.testing.assert_array_equal(
        blocks.correntropy(slice(BLOCK_IMAGES, n), of_last, found),
        WorkingImages([images[BLOCK_IMAGES:]], 7.0, 1).correntropy(slice(0, 40), of_last, found),
    )


def test_engine_without_working_images_has_no_averages(simulation):
    source = array_source(simulation.images)
    plan = plan_preprocessing(source, PreprocessOptions())
    read = ingest(source, plan, 1)
    assert read.images is None
    engine = LocalEngine(read.blocks, read.flags == 0, SearchSettings(4.0), 1.0, 1)
    assert engine.averages(simulation.truth.view, truth_poses(simulation.truth), 4) is None


def test_memory_estimate_counts_the_working_images(simulation):
    source = array_source(simulation.images)
    plan = plan_preprocessing(source, PreprocessOptions())
    needed = {
        similarity: memory_needs(
            source, plan, ClassifyOptions.from_flat(n_classes=4, similarity=similarity)
        ).memory_bytes("single")
        for similarity in ("correlation", "correntropy")
    }
    images = 120 * plan.working_box_px**2 * 4
    assert needed["correntropy"] - needed["correlation"] == images


@pytest.mark.parametrize("clustering", ["classical", "robust"])
def test_whole_run_puts_every_usable_image_in_a_class(simulation, clustering):
    images = simulation.images.copy()
    images[7] = np.nan
    images[11] = 3.0
    result = cl2d.classify(
        images, n_classes=4, initial_classes=1, similarity="correntropy", clustering=clustering
    )
    assert np.flatnonzero(result.labels < 0).tolist() == [7, 11]
    assert np.bincount(result.labels[result.labels >= 0], minlength=4).min() > 0
    assert cl2d.classify(images[:1], n_classes=1, similarity="correntropy").labels.tolist() == [0]


def test_whitening_leaves_white_noise_within_the_band_as_it_is():
    source = array_source(noise(300, 32, 5))
    plan = plan_preprocessing(source, PreprocessOptions(whiten=False, mask_diameter_px=20))
    read = ingest(source, plan, 1, keep_images=True)
    spectrum = np.abs(np.fft.fft2(read.images)) ** 2
    k = np.fft.fftfreq(plan.working_box_px) * plan.working_box_px
    ring = np.rint(np.hypot(k[:, None], k[None, :]))
    outside = (ring < plan.k_min) | (ring > plan.k_max)
    assert spectrum[:, outside].max() < 1e-6 * spectrum.mean()


def test_poses_of_the_same_image_give_the_same_spread_when_all_are_turned():
    images = noise(40, 24, 6)
    turned = Poses(np.full(40, 0.5), np.zeros((40, 2)), np.ones(40, dtype=bool))
    working, labels = WorkingImages([images], 8.0, 1), np.zeros(40, np.int32)
    rest = working.averages(labels, identity_poses(40), 1).residual_sigma
    assert working.averages(labels, turned, 1).residual_sigma == pytest.approx(rest, rel=0.02)
