"""The fast search against the exhaustive one: the same bits where it looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cl2d import _native
from cl2d.engine import ClassicalRule, LastPoses, LikelihoodRule, OwnShare, SearchSettings
from cl2d.engine.comparison import KEPT_CLASSES, LEAST_SAVING, Comparison, fast_pays
from cl2d.results import identity_poses, poses_from_relion
from tests.engine_inputs import (
    blob_particles,
    engine_of,
    noise_images,
    random_poses,
    references_from,
    white_plan,
)
from tests.unit.test_engine_local import assert_same_bits

BEST = ClassicalRule()
N_CLASSES = 16
SEARCH = SearchSettings(4.0)


def particles(box, n, noise=0.0):
    """Return images of 16 blobs, the plan, the references, and truth: class and pose."""
    plan = white_plan(box)
    poses = random_poses(n, 3.5, seed=1)
    classes = np.arange(n) % N_CLASSES
    every = np.stack([blob_particles(box, poses, seed=k) for k in range(N_CLASSES)])
    images = every[classes, np.arange(n)]
    images = images + noise * noise_images(n, box, seed=3)
    views = [blob_particles(box, identity_poses(1), seed=k)[0] for k in range(N_CLASSES)]
    return images, plan, references_from(np.stack(views), plan), classes, poses


def nobody(n):
    return np.zeros(n, dtype=bool)


def restless(poses, doubted):
    """Return last poses of images none of which is at rest."""
    return LastPoses(poses, doubted, nobody(len(poses)))


@pytest.mark.parametrize("box", [40, 41], ids=["even", "odd"])
@pytest.mark.parametrize("n", [1, 16, 37])
def test_from_the_true_centres_the_bits_of_the_result_are_those_of_the_exhaustive_search(box, n):
    images, plan, references, classes, poses = particles(box, n)
    engine = engine_of(images, plan, SEARCH)
    exhaustive = engine.assign(references, BEST)
    fast = engine.assign(references, BEST, last=restless(poses, nobody(n)))
    assert fast.fast
    assert not exhaustive.fast
    np.testing.assert_array_equal(fast.labels, classes)
    np.testing.assert_array_equal(fast.labels, exhaustive.labels)
    np.testing.assert_array_equal(fast.scores, exhaustive.scores)
    np.testing.assert_array_equal(fast.poses.psi_rad, exhaustive.poses.psi_rad)
    np.testing.assert_array_equal(fast.poses.shift_px, exhaustive.poses.shift_px)
    np.testing.assert_array_equal(fast.poses.mirror, exhaustive.poses.mirror)


def test_where_classes_agree_so_do_poses_and_scores_to_the_bit_however_noisy_the_images():
    images, plan, references, _, poses = particles(40, 64, noise=1.0)
    engine = engine_of(images, plan, SEARCH)
    exhaustive = engine.assign(references, BEST)
    fast = engine.assign(references, BEST, last=restless(poses, nobody(64)))
    same = fast.labels == exhaustive.labels
    assert 0.8 < same.mean() <= 1
    np.testing.assert_array_equal(fast.scores[same], exhaustive.scores[same])
    np.testing.assert_array_equal(fast.poses.shift_px[same], exhaustive.poses.shift_px[same])
    assert (fast.scores <= exhaustive.scores + 0.02).all()  # refined from another lattice point


def test_an_image_that_was_elsewhere_is_found_once_it_is_doubted():
    images, plan, references, classes, poses = particles(40, 64)
    engine = engine_of(images, plan, SEARCH)
    opposite = replace(poses, shift_px=-poses.shift_px)
    lost = engine.assign(references, BEST, last=restless(opposite, nobody(64)))
    far = np.hypot(*poses.shift_px.T) > 2.5
    assert (lost.labels != classes)[far].any()
    doubted = (lost.labels != classes) | (np.arange(64) % 3 == 0)
    found = engine.assign(references, BEST, last=restless(opposite, doubted))
    np.testing.assert_array_equal(found.labels, classes)


def test_doubting_everybody_is_the_exhaustive_search():
    images, plan, references, _, poses = particles(40, 37, noise=1.0)
    engine = engine_of(images, plan, SEARCH)
    exhaustive = engine.assign(references, BEST)
    found = engine.assign(references, BEST, last=restless(poses, ~nobody(37)))
    assert_same_bits(found, exhaustive)
    np.testing.assert_array_equal(found.confidence, exhaustive.confidence)


def test_bits_do_not_depend_on_the_number_of_threads():
    images, plan, references, _, poses = particles(41, 101, noise=2.0)
    last = LastPoses(poses, np.arange(101) % 7 == 0, np.arange(101) % 3 == 0)
    one = engine_of(images, plan, SEARCH).assign(references, BEST, last=last)
    for n_threads in (2, 5):
        engine = engine_of(images, plan, SEARCH, n_threads)
        found = engine.assign(references, BEST, last=last)
        assert_same_bits(found, one)
        np.testing.assert_array_equal(found.confidence, one.confidence)


def comparison_of_noise():
    """Return a comparison of 34 images with 20 references, one without an average, and poses."""
    plan = white_plan(40)
    images = noise_images(50, 40)
    images[3] = 1.0
    references = references_from(noise_images(20, 40, seed=5), plan)
    references[7] = 0
    engine = engine_of(images, plan, SEARCH)
    block = engine.subset(np.arange(50))._blocks[0]
    options = _native.SearchOptions(True, 1)
    tiles = _native.TileRange(1, 3)
    poses = poses_from_relion(
        np.zeros(34), np.random.default_rng(1).uniform(-3, 3, (34, 2)), nobody(34)
    )
    return Comparison(block, tiles, references, engine.shifts, options), poses


def test_the_classes_that_rank_best_at_the_last_centre_are_compared_everywhere():
    comparison, poses = comparison_of_noise()
    seen = []

    def rank(near):
        seen.append(near.copy())
        return near - np.linspace(0, 0.1, 20, dtype=np.float32)

    scores, coded, compared = comparison.fast(restless(poses, np.arange(34) == 5), 1.0, rank)
    exact, exactly = comparison.exhaustive()
    exact = exact[:34]
    np.testing.assert_array_equal(scores[compared], exact[compared])
    np.testing.assert_array_equal(coded.codes[compared], exactly.codes[:34][compared])
    np.testing.assert_array_equal(scores[~compared], seen[0][~compared])
    assert compared[5].all()
    others = np.delete(compared, 5, axis=0)
    ranked = np.delete(rank(seen[0]), 5, axis=0)
    np.testing.assert_array_equal(others.sum(axis=1), KEPT_CLASSES)
    worst_kept = np.where(others, ranked, np.inf).min(axis=1)
    assert (np.where(others, -np.inf, ranked).max(axis=1) <= worst_kept).all()


def test_by_likelihood_the_class_that_wins_by_value_is_kept_even_if_many_correlate_better():
    images, plan, references, _, poses = particles(40, 64, noise=2.0)
    engine = engine_of(images, plan, SEARCH)
    # Class 0 holds few of the images and is expected to fit badly; that all others fit better is
    # what they must do anyway.
    expected = np.full(N_CLASSES, 0.8)
    expected[0] = 0.2
    rule = LikelihoodRule(expected, np.ones(N_CLASSES, dtype=bool))
    exhaustive = engine.assign(references, rule, sample=np.arange(64))
    scores = exhaustive.sampled_scores
    rank = (scores > scores[:, :1]).sum(axis=1)
    by_value_alone = (exhaustive.labels == 0) & (rank >= KEPT_CLASSES)
    assert by_value_alone.sum() > 5
    fast = engine.assign(references, rule, last=restless(poses, nobody(64)))
    assert fast.fast
    assert (fast.labels == 0)[by_value_alone].all()
    same = fast.labels == exhaustive.labels
    np.testing.assert_array_equal(fast.scores[same], exhaustive.scores[same])
    np.testing.assert_array_equal(fast.poses.shift_px[same], exhaustive.poses.shift_px[same])
    assert (fast.confidence >= exhaustive.confidence - 1e-6)[same].all()


def test_classes_are_chosen_among_those_that_were_kept_even_if_the_own_share_is_taken_off():
    images, plan, references, classes, poses = particles(40, 64, noise=2.0)
    engine = engine_of(images, plan, SEARCH)
    sums = engine.update(classes.astype(np.int32), poses, N_CLASSES)
    own = OwnShare(classes.astype(np.int32), np.full(N_CLASSES, 1.5), sums.counts)
    last = restless(poses, nobody(64))
    fast = engine.assign(references, BEST, own=own, last=last)
    slow = engine.assign(references, BEST, own=own)
    same = fast.labels == slow.labels
    assert same.mean() > 0.5
    np.testing.assert_array_equal(fast.scores[same], slow.scores[same])
    np.testing.assert_array_equal(fast.poses.psi_rad[same], slow.poses.psi_rad[same])


def test_images_that_cannot_be_used_are_in_no_class_and_empty_classes_get_nobody():
    images, plan, references, classes, poses = particles(40, 37)
    images[5] = np.nan
    images[6] = 2.0
    references = references.copy()
    references[3] = 0
    engine = engine_of(images, plan, SEARCH)
    found = engine.assign(references, BEST, last=restless(poses, np.arange(37) % 2 == 0))
    assert found.labels[5] == found.labels[6] == -1
    rest = np.setdiff1d(np.flatnonzero(classes != 3), [5, 6])
    np.testing.assert_array_equal(found.labels[rest], classes[rest])
    assert (found.labels != 3).all()


def test_few_classes_or_few_shifts_are_searched_exhaustively():
    images, plan, references, _, poses = particles(40, 16)
    last = restless(poses, nobody(16))
    engine = engine_of(images, plan, SEARCH)
    for n_classes in (1, KEPT_CLASSES - 1, KEPT_CLASSES, LEAST_SAVING * KEPT_CLASSES):
        few = references[:n_classes]
        found = engine.assign(few, BEST, last=last)
        assert not found.fast
        assert_same_bits(found, engine.assign(few, BEST))
    still = engine_of(images, plan, SearchSettings(0.0))
    assert not still.assign(references, BEST, last=last).fast
    assert not engine.assign(references, BEST).fast
    assert fast_pays(64, 55, last)


def test_few_classes_are_searched_fast_once_most_images_are_at_rest():
    images, plan, references, classes, poses = particles(40, 64)
    engine = engine_of(images, plan, SEARCH)
    few = references[:KEPT_CLASSES]
    kept = classes < KEPT_CLASSES
    assert not engine.assign(few, BEST, last=LastPoses(poses, nobody(64), classes < 8)).fast
    found = engine.assign(few, BEST, last=LastPoses(poses, nobody(64), ~nobody(64)))
    assert found.fast
    np.testing.assert_array_equal(found.labels[kept], classes[kept])


@pytest.mark.parametrize("box", [40, 41], ids=["even", "odd"])
def test_an_image_at_rest_is_found_where_it_was_in_any_rotation_and_mirror(box):
    images, plan, references, classes, poses = particles(box, 101)
    engine = engine_of(images, plan, SEARCH)
    found = engine.assign(references, BEST, last=LastPoses(poses, nobody(101), ~nobody(101)))
    exhaustive = engine.assign(references, BEST)
    assert found.fast
    np.testing.assert_array_equal(found.labels, classes)
    np.testing.assert_array_equal(found.poses.mirror, exhaustive.poses.mirror)
    np.testing.assert_allclose(found.scores, exhaustive.scores, atol=2e-3)
    moved = found.poses.shift_px - exhaustive.poses.shift_px
    assert np.hypot(*moved.T).max() < 0.2
    turned = np.angle(np.exp(1j * (found.poses.psi_rad - exhaustive.poses.psi_rad)))
    assert np.abs(turned).max() < 0.02


def test_an_image_at_rest_elsewhere_stays_there_until_it_is_doubted():
    images, plan, references, _, poses = particles(40, 64)
    engine = engine_of(images, plan, SEARCH)
    opposite = replace(poses, shift_px=-poses.shift_px)
    far = np.hypot(*poses.shift_px.T) > 3.0
    lost = engine.assign(references, BEST, last=LastPoses(opposite, nobody(64), ~nobody(64)))
    before = opposite.relion_origin_px()
    moved = np.hypot(*(lost.poses.relion_origin_px() - before).T)
    assert (moved[far] < np.hypot(*(poses.relion_origin_px() - before)[far].T)).all()
    doubted = LastPoses(opposite, ~nobody(64), ~nobody(64))
    assert_same_bits(engine.assign(references, BEST, last=doubted), engine.assign(references, BEST))


def test_blocks_begin_where_the_one_before_ended(monkeypatch):
    images, plan, references, classes, poses = particles(40, 80)
    whole = engine_of(images, plan, SEARCH)
    for module in ("ingest", "storage"):
        monkeypatch.setattr(f"cl2d.engine.{module}.BLOCK_IMAGES", 32)
    blocks = engine_of(images, plan, SEARCH)
    assert len(blocks._blocks) == 3
    last = LastPoses(poses, np.arange(80) % 5 == 0, np.arange(80) % 2 == 0)
    found = blocks.assign(references, BEST, last=last)
    np.testing.assert_array_equal(found.labels, classes)
    assert_same_bits(found, whole.assign(references, BEST, last=last))


def test_extension_refuses_moves_and_choices_of_another_length():
    engine = engine_of(noise_images(20, 24), white_plan(24))
    block = engine.subset(np.arange(20))._blocks[0]
    tiles = _native.TileRange(0, 2)
    with pytest.raises(ValueError, match=r"shift_xy must have shape \(20, 2, \), not \(19, 2, \)"):
        _native.moved_images(block, tiles, np.zeros((19, 2)), 1)
    references = references_from(noise_images(2, 24), white_plan(24))
    with pytest.raises(ValueError, match="chosen must have shape"):
        _native.search_chosen(
            block,
            tiles,
            references,
            engine.shifts,
            _native.SearchOptions(True, 1),
            np.zeros((20, 1), dtype=np.int32),
        )
