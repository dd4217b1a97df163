"""Facts of alignment on generated inputs, small enough to be checked by definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cl2d import _native, array_source
from cl2d.engine import ClassicalRule, SearchSettings, normalised_references, shift_grid
from cl2d.engine.ingest import ingest
from cl2d.preprocess import prepare_images, ring_weights
from cl2d.results import Poses, identity_poses
from tests.engine_inputs import (
    angle_errors_deg,
    blob_particles,
    engine_of,
    noise_images,
    references_from,
    shift_errors_px,
    white_plan,
)
from tests.slow_alignment import SlowSearch, limit_angular_orders, polar_samples, score_table

# What a search computes differs from exact sums by the sampling, less than 1e-5 of a norm of 1,
# and by float sums and transforms, 1e-6.
SCORE_TOLERANCE = 1.2e-5

seeds = st.integers(0, 2**16)
few = settings(deadline=None, max_examples=15)
many = settings(deadline=None, max_examples=60)


@st.composite
def plans(draw):
    """Return a plan for even working boxes of 8 to 16 pixels, with any rings and radius."""
    working_box = 2 * draw(st.integers(4, 8))
    box = working_box + draw(st.integers(0, 5))
    k_max = draw(st.integers(1, working_box // 2 - 1))
    k_min = draw(st.integers(1, k_max))
    radius = draw(st.floats(0.25, 0.42)) * working_box
    return white_plan(box, working_box, k_min=k_min, k_max=k_max, mask_radius_px=radius)


def block_of(images, plan):
    return ingest(array_source(images), plan, 1).blocks[0]


def slow_search(plan, grid, shifts):
    rings = np.arange(plan.k_min, plan.k_max + 1)
    highest = np.array([grid.max_order(ring) for ring in range(len(rings))])
    return SlowSearch(rings, ring_weights(plan), grid.n_angles, shifts, highest)


def reference_samples(image, search):
    """Return the half circle of weighted polar samples of norm 1, and the norm they had."""
    samples = polar_samples(image, search.k_rings, search.n_theta)
    samples *= np.sqrt(search.weights)[:, None]
    norm = np.sqrt((np.abs(samples) ** 2).mean(axis=1).sum())
    return (samples[:, : search.n_theta // 2] / norm).astype(np.complex64), norm


def best(block, references, shifts, *, with_mirrors=True, n_threads=1):
    tiles = _native.TileRange(0, block.n_tiles)
    options = _native.SearchOptions(with_mirrors, n_threads)
    scores, codes = _native.search(block, tiles, references, shifts, options)
    return scores[: block.n_images], codes[: block.n_images]


@given(plan=plans(), seed=seeds, with_mirrors=st.booleans(), n_shifts=st.integers(1, 5))
@few
def test_search_is_the_slow_exhaustive_search(plan, seed, with_mirrors, n_shifts):
    shifts = np.random.default_rng(seed).uniform(-2, 2, (n_shifts, 2))
    images = noise_images(2, plan.box_px, seed)
    block = block_of(images, plan)
    search = slow_search(plan, block.grid, shifts)
    target = noise_images(1, plan.working_box_px, seed + 1)[0]
    reference, norm = reference_samples(target, search)
    scores, codes = best(block, reference[None], shifts, with_mirrors=with_mirrors)
    for row, image in enumerate(prepare_images(images, plan).images):
        moving = limit_angular_orders(
            polar_samples(image, search.k_rings, search.n_theta), search.m_max
        )
        moving_norm = np.sqrt((search.weights * (np.abs(moving) ** 2).mean(axis=1)).sum())
        slow = score_table(image, target, search, normalise=False)
        slow = (slow / (search.n_theta * moving_norm * norm)).transpose(1, 2, 0)
        if not with_mirrors:
            slow = slow[:, :1]
        assert scores[row, 0] == pytest.approx(slow.max(), abs=SCORE_TOLERANCE)
        shift, rest = divmod(int(codes[row, 0]), 2 * search.n_theta)
        mirror, angle = divmod(rest, search.n_theta)
        assert slow[shift, mirror, angle] == pytest.approx(slow.max(), abs=SCORE_TOLERANCE)


@given(plan=plans(), seed=seeds, turn=st.integers(0, 200), mirror=st.booleans())
@many
def test_turned_reference_turns_the_pose_and_keeps_the_score(plan, seed, turn, mirror):
    """A reference turned by whole angles is found by so much more, mirrored or not."""
    block = block_of(noise_images(3, plan.box_px, seed), plan)
    shifts = np.zeros((1, 2))
    search = slow_search(plan, block.grid, shifts)
    samples = polar_samples(
        noise_images(1, plan.working_box_px, seed + 1)[0], search.k_rings, search.n_theta
    )
    n = search.n_theta
    # The reference at theta meets what stood at theta - turn, or at pi - theta - turn.
    met = np.arange(n) - turn if not mirror else n // 2 - np.arange(n) - turn
    moved = samples[:, met % n]
    weights = np.sqrt(search.weights)[:, None]
    halves = [(weights * s)[:, : n // 2].astype(np.complex64) for s in (samples, moved)]
    references = np.stack(halves)
    scores, codes = best(block, references, shifts)
    scale = np.abs(scores).max()
    np.testing.assert_allclose(scores[:, 0], scores[:, 1], atol=2e-6 * scale)
    # The pose against the one reference, turned (and mirrored), scores as much against the other.
    is_mirrored = codes[:, 0] // n % 2 == 1
    psi = codes[:, 0] % n + np.where(is_mirrored, -turn, turn)
    aligned = _native.align_members(
        block, 2 * np.pi * psi / n, np.zeros((3, 2)), (is_mirrored ^ mirror).astype(np.uint8), 1
    )
    other = (aligned.conj() * references[1]).real.sum(axis=(1, 2)) / (n // 2)
    np.testing.assert_allclose(other, scores[:, 0], atol=2e-6 * scale)


@given(plan=plans(), seed=seeds, n_images=st.integers(1, 40), n_threads=st.integers(1, 3))
@many
def test_permuted_images_are_permuted_results_on_any_number_of_threads(
    plan, seed, n_images, n_threads
):
    images = noise_images(n_images, plan.box_px, seed)
    shifts = shift_grid(1.5, 0.7)
    block = block_of(images, plan)
    search = slow_search(plan, block.grid, shifts)
    targets = noise_images(2, plan.working_box_px, seed + 1)
    references = np.stack([reference_samples(target, search)[0] for target in targets])
    order = np.random.default_rng(seed).permutation(n_images)
    given_results = best(block, references, shifts)
    permuted = best(block_of(images[order], plan), references, shifts, n_threads=n_threads)
    for one, other in zip(given_results, permuted, strict=True):
        np.testing.assert_array_equal(one[order], other)


@given(plan=plans(), seed=seeds, gain=st.floats(1e-3, 1e3), offset=st.floats(-10, 10))
@many
def test_scores_do_not_depend_on_the_unit_of_grey_values(plan, seed, gain, offset):
    images = noise_images(4, plan.box_px, seed)
    shifts = np.zeros((1, 2))
    block = block_of(images, plan)
    search = slow_search(plan, block.grid, shifts)
    reference = reference_samples(noise_images(1, plan.working_box_px, seed + 1)[0], search)[0]
    # The offset in units of the noise: 10 rounds grey values by 1e-6 of it.
    changed = block_of((gain * (images.astype(np.float64) + offset)).astype(np.float32), plan)
    one, other = (best(some, reference[None], shifts)[0] for some in (block, changed))
    # Rings that hold a small part of an image's power see its rounding enlarged by as much; 1e-4
    # leaves room for a hundred.
    np.testing.assert_allclose(one, other, atol=1e-4)


@given(plan=plans(), seed=seeds, n_images=st.integers(1, 30))
@many
def test_scores_never_exceed_one(plan, seed, n_images):
    images = noise_images(n_images, plan.box_px, seed)
    engine = engine_of(images, plan, SearchSettings(2.0))
    own = engine.update(np.arange(n_images, dtype=np.int32), identity_poses(n_images), n_images)
    found = engine.assign(normalised_references(own.sums), ClassicalRule())
    assert found.scores.max() <= 1 + SCORE_TOLERANCE


@given(plan=plans(), seed=seeds, n_images=st.integers(1, 40), n_classes=st.integers(1, 4))
@many
def test_class_sums_add_up_to_the_sum_of_all(plan, seed, n_images, n_classes):
    rng = np.random.default_rng(seed)
    engine = engine_of(noise_images(n_images, plan.box_px, seed), plan)
    poses = Poses(
        rng.uniform(-np.pi, np.pi, n_images),
        rng.uniform(-2, 2, (n_images, 2)),
        rng.uniform(size=n_images) < 0.5,
    )
    labels = rng.integers(0, n_classes, n_images).astype(np.int32)
    classes = engine.update(labels, poses, n_classes)
    whole = engine.update(np.zeros(n_images, np.int32), poses, 1)
    # Another order of at most 40 additions in float64, of samples of size 1 to 10.
    np.testing.assert_allclose(classes.sums.sum(axis=0), whole.sums[0], atol=40 * 10 * 2.3e-16)
    assert classes.counts.sum() == n_images


@st.composite
def poses(draw):
    """Return one pose, its shift no longer than 2.5 pixels."""
    length, direction = draw(st.floats(0, 2.5)), draw(st.floats(-np.pi, np.pi))
    shift = [length * np.cos(direction), length * np.sin(direction)]
    psi = draw(st.floats(-np.pi, np.pi))
    return Poses(np.array([psi]), np.array([shift]), np.array([draw(st.booleans())]))


@given(pose=poses(), box=st.integers(32, 37), seed=seeds)
@many
def test_known_pose_is_found_without_noise(pose, box, seed):
    plan = white_plan(box)
    engine = engine_of(blob_particles(box, pose, seed), plan, SearchSettings(3.0))
    reference = references_from(blob_particles(box, identity_poses(1), seed), plan)
    found = engine.assign(reference, ClassicalRule())
    assert found.poses.mirror[0] == pose.mirror[0]
    # The mask cuts a shifted particle elsewhere; apart from that only the fit is inexact.
    assert angle_errors_deg(found.poses, pose)[0] < 0.5
    assert shift_errors_px(found.poses, pose)[0] < 0.2
