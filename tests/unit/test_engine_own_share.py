from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import ClassicalRule, OwnShare, normalised_references, sum_lengths
from cl2d.results import identity_poses
from tests.engine_inputs import blob_particles, engine_of, noise_images, random_poses, white_plan

BOX = 40
BEST = ClassicalRule()


def noisy_blobs(n, seed=0):
    """Return n particles of one view under noise, and their poses."""
    poses = random_poses(n, 2.0, seed)
    particles = blob_particles(BOX, poses)
    return particles + 2 * particles.std() * noise_images(n, BOX, seed), poses


def own_share(engine, labels, poses, n_classes):
    sums = engine.update(labels, poses, n_classes)
    share = OwnShare(labels, sum_lengths(sums.sums), sums.counts)
    return normalised_references(sums.sums), share


def test_score_without_own_is_that_of_an_average_made_without_the_image():
    images, poses = noisy_blobs(12)
    engine = engine_of(images, white_plan(BOX))
    labels = np.zeros(12, dtype=np.int32)
    references, share = own_share(engine, labels, poses, 1)
    with_own = engine.assign(references, BEST).scores
    found = engine.assign(references, BEST, own=share).scores
    slow = np.empty(12)
    for image in range(12):
        others = labels.copy()
        others[image] = -1
        rest = normalised_references(engine.update(others, poses, 1).sums)
        slow[image] = engine.assign(rest, BEST).scores[image]
    # The slow way finds the best pose without the image, the quick one keeps that found with it.
    assert (found < slow + 1e-3).all()
    assert np.abs(found - slow).max() < 0.35 * np.abs(with_own - slow).max()
    assert np.abs(found - slow).mean() < 0.2 * np.abs(with_own - slow).mean()


def test_only_member_keeps_its_score_and_images_of_no_sum_theirs():
    images = noise_images(5, BOX)
    engine = engine_of(images, white_plan(BOX))
    labels = np.array([0, 1, 1, 1, -1], dtype=np.int32)
    references, share = own_share(engine, labels, identity_poses(5), 2)
    plain = engine.assign(references, BEST)
    found = engine.assign(references, BEST, own=share)
    assert found.scores[0] == plain.scores[0] == pytest.approx(1, abs=0.01)
    assert found.scores[4] == plain.scores[4]


def test_image_of_noise_does_not_stay_in_a_class_for_being_in_it():
    """Averages of noise fit their own members by the members' own noise alone."""
    n, n_classes = 240, 8
    engine = engine_of(noise_images(n, BOX), white_plan(BOX))
    labels = np.random.default_rng(1).permutation(np.arange(n) % n_classes).astype(np.int32)
    references, share = own_share(engine, labels, identity_poses(n), n_classes)
    stay = (engine.assign(references, BEST).labels == labels).mean()
    stay_without_own = (engine.assign(references, BEST, own=share).labels == labels).mean()
    by_chance = 1 / n_classes
    error = np.sqrt(by_chance * (1 - by_chance) / n)
    assert stay > by_chance + 10 * error
    assert stay_without_own < by_chance + 3 * error


def test_copies_of_an_image_fit_their_average_without_it_as_well_as_with_it():
    images = np.repeat(noise_images(1, BOX), 4, axis=0)
    engine = engine_of(images, white_plan(BOX))
    references, share = own_share(engine, np.zeros(4, dtype=np.int32), identity_poses(4), 1)
    assert engine.assign(references, BEST, own=share).scores == pytest.approx(np.ones(4), abs=0.01)


def test_same_bits_on_one_and_two_threads():
    images, poses = noisy_blobs(40)
    labels = (np.arange(40) % 3).astype(np.int32)
    found = []
    for threads in (1, 2):
        engine = engine_of(images, white_plan(BOX), n_threads=threads)
        references, share = own_share(engine, labels, poses, 3)
        found.append(engine.assign(references, BEST, own=share))
    np.testing.assert_array_equal(found[0].labels, found[1].labels)
    np.testing.assert_array_equal(found[0].scores, found[1].scores)
