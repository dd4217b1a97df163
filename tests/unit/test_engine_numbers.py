"""Long sums, and results that must be the same bits however the work is shared out."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

import cl2d
from cl2d import _native
from cl2d.engine import LocalEngine, SearchSettings
from cl2d.engine.at_once import results_in_order
from cl2d.engine.block_size import BLOCK_IMAGES
from cl2d.results import Poses, identity_poses
from tests.engine_inputs import (
    blob_particles,
    engine_of,
    noise_images,
    random_poses,
    references_from,
    white_plan,
)

GRID = _native.PolarGrid(8, 1, 3, 3.5)
SAMPLES = (GRID.n_rings, GRID.n_half_angles)


def block_of(samples):
    return _native.ImageBlock.from_polar(GRID, np.ascontiguousarray(samples, np.complex64), 1)


def members_of(block):
    n = block.n_images
    nothing = (np.zeros(n), np.zeros((n, 2)), np.zeros(n, np.uint8))
    return _native.align_members(block, *nothing, 1)


def random_samples(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, *SAMPLES)) + 1j * rng.normal(size=(n, *SAMPLES))


def engine_of_blocks(blocks, n_threads=1):
    n = sum(block.n_images for block in blocks)
    return LocalEngine(blocks, np.ones(n, bool), SearchSettings(2.0), 1.0, n_threads)


def test_a_class_of_a_million_equal_images_sums_without_drift():
    block = block_of(np.repeat(random_samples(1), BLOCK_IMAGES, axis=0))
    engine = engine_of_blocks([block] * 245)
    n = engine.n_images
    assert n > 1e6
    sums = engine.update(np.zeros(n, np.int32), identity_poses(n), 1).sums[0]
    exact = n * members_of(block)[0].astype(np.complex128)  # one rounding
    # 4096 sums in a block and 245 of blocks, each rounded to 1.1e-16 of what it has grown to.
    # Sums in single precision are off by 1e-3.
    np.testing.assert_allclose(sums, exact, rtol=4096 * 1.2e-16, atol=0)


def test_a_sum_over_many_blocks_is_that_of_exact_arithmetic():
    blocks = [block_of(random_samples(BLOCK_IMAGES, seed)) for seed in range(3)]
    engine = engine_of_blocks(blocks, n_threads=2)
    n = engine.n_images
    labels = (np.arange(n) % 2).astype(np.int32)
    sums = engine.update(labels, identity_poses(n), 2).sums
    members = np.concatenate([members_of(block) for block in blocks])
    for k in (0, 1):
        for at in ((0, 0), (1, 3), (2, 5)):
            parts = members[labels == k][:, at[0], at[1]].astype(np.complex128)
            exact = complex(math.fsum(parts.real), math.fsum(parts.imag))
            # At random: 6000 roundings of sums of about 30.
            assert abs(sums[(k, *at)] - exact) < 1e-12


@pytest.mark.parametrize("n_threads", [2, 4, 7])
def test_work_that_ends_in_any_order_gives_the_same_bits(monkeypatch, n_threads):
    for module in ("ingest", "local", "storage"):
        monkeypatch.setattr(f"cl2d.engine.{module}.BLOCK_IMAGES", 32)
    plan = white_plan(16)
    images = noise_images(300, 16)
    references = references_from(noise_images(3, 16, seed=1), plan)
    ended = []

    def scrambled(function, items, at_once):
        def late(numbered):
            number, item = numbered
            time.sleep(0.002 * (number * 5 % 7))
            result = function(item)
            ended.append(number)
            return result

        return results_in_order(late, list(enumerate(items)), at_once)

    def run(threads):
        engine = engine_of(images, plan, n_threads=threads)
        found = engine.assign(references, cl2d.engine.ClassicalRule())
        return [
            found.labels,
            found.scores,
            found.poses.psi_rad,
            found.poses.shift_px,
            engine.update(found.labels, found.poses, 3).sums,
        ]

    plain = run(1)
    monkeypatch.setattr("cl2d.engine.local.results_in_order", scrambled)
    for _ in range(2):
        for expected, again in zip(plain, run(n_threads), strict=True):
            np.testing.assert_array_equal(again, expected)
    assert ended != sorted(ended)


def test_a_run_has_the_same_bits_for_any_threads_and_storage(tmp_path):
    images = np.concatenate(
        [blob_particles(24, random_poses(50, 1.5, seed), seed) for seed in range(3)]
    ) + noise_images(150, 24)

    def run(**options):
        return cl2d.classify(images, n_classes=3, iterations=4, search="fast", **options)

    def same(one, other):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.averages, other.averages)
        for a, b in zip(one.levels, other.levels, strict=True):
            np.testing.assert_array_equal(a.scores, b.scores)
            np.testing.assert_array_equal(a.poses.psi_rad, b.poses.psi_rad)
            np.testing.assert_array_equal(a.poses.shift_px, b.poses.shift_px)
            np.testing.assert_array_equal(a.confidence, b.confidence)

    first = run(threads=1)
    for threads in (1, 2, 4, 7):
        same(run(threads=threads), first)
    half = run(threads=1, storage="half")
    for threads in (1, 4):
        same(run(threads=threads, storage="scratch", scratch_dir=str(tmp_path)), half)


def test_an_empty_class_and_identical_images_have_finite_components():
    engine = engine_of_blocks([block_of(np.repeat(random_samples(1), 20, axis=0))])
    rows = np.arange(20)
    found = engine.component(rows, identity_poses(20))
    assert found.variance >= 0
    assert found.total_variance >= 0
    # Rounding of the mean in single precision is all there is.
    assert np.abs(found.scores).max() < 1e-5
    sums = engine.update(np.ones(20, np.int32), identity_poses(20), 3)
    references = cl2d.engine.normalised_references(sums.sums)
    assert np.isfinite(references).all()
    assigned = engine.assign(references, cl2d.engine.ClassicalRule())
    assert set(assigned.labels.tolist()) == {1}
    assert np.isfinite(assigned.scores).all()
    assert np.isfinite(assigned.confidence).all()
    poses = Poses(np.full(20, np.nan), np.zeros((20, 2)), np.zeros(20, bool))
    with pytest.raises(ValueError, match="pose of image 0 must be finite"):
        engine.update(np.ones(20, np.int32), poses, 3)
