from __future__ import annotations

import numpy as np
import pytest

from cl2d import array_source
from cl2d.engine import (
    Choice,
    ClassicalRule,
    SearchSettings,
    available_simd_levels,
    normalised_references,
    set_simd_level,
    simd_level,
)
from cl2d.options import PreprocessOptions
from cl2d.preprocess import plan_preprocessing
from cl2d.results import identity_poses
from cl2d.simulate import SimulationOptions, simulate_particles, truth_poses
from tests.engine_inputs import (
    angle_errors_deg,
    blob_particles,
    engine_of,
    noise_images,
    random_poses,
    references_from,
    shift_errors_px,
    white_plan,
)

BOXES = pytest.mark.parametrize("box", [40, 41], ids=["even", "odd"])
BEST = ClassicalRule()


def bits(assignment):
    poses = assignment.poses
    return [
        assignment.labels,
        assignment.scores,
        assignment.margin,
        poses.psi_rad,
        poses.shift_px,
        poses.mirror,
    ]


def assert_same_bits(one, other):
    for a, b in zip(bits(one), bits(other), strict=True):
        np.testing.assert_array_equal(a, b)


def blob_case(box, n, max_shift_px, plan=None, seed=0):
    """Return an engine of posed copies of one reference, the reference, and the poses."""
    plan = plan if plan is not None else white_plan(box)
    poses = random_poses(n, max_shift_px, seed)
    engine = engine_of(blob_particles(box, poses), plan, SearchSettings(4.0))
    return engine, references_from(blob_particles(box, identity_poses(1)), plan), poses


@BOXES
def test_rotated_shifted_and_mirrored_copies_get_their_poses_back(box):
    engine, reference, truth = blob_case(box, 60, 3.5)
    found = engine.assign(reference, BEST)
    np.testing.assert_array_equal(found.poses.mirror, truth.mirror)
    # Half a degree and a fifth of a pixel are asked for. What is left is the mask, which cuts a
    # shifted particle elsewhere, and the quadratic through the correlation: far below both.
    assert angle_errors_deg(found.poses, truth).max() < 0.25
    assert shift_errors_px(found.poses, truth).max() < 0.05
    assert found.scores.min() > 0.99


def test_particle_that_is_heavy_on_one_side_gets_its_pose_back():
    """Turning it is nearly shifting it: the peak is a ridge, the truth two steps along it."""
    poses = random_poses(200, 2.5, seed=3)
    plan = white_plan(34)
    engine = engine_of(blob_particles(34, poses, seed=3), plan)
    reference = references_from(blob_particles(34, identity_poses(1), seed=3), plan)
    found = engine.assign(reference, BEST)
    assert angle_errors_deg(found.poses, poses).max() < 0.25
    assert shift_errors_px(found.poses, poses).max() < 0.05


@pytest.mark.parametrize(("box", "working_box"), [(60, 34), (61, 40)])
def test_poses_are_in_pixels_of_the_input_box(box, working_box):
    plan = white_plan(box, working_box)
    engine, reference, truth = blob_case(box, 40, 3.5, plan)
    found = engine.assign(reference, BEST)
    np.testing.assert_array_equal(found.poses.mirror, truth.mirror)
    assert angle_errors_deg(found.poses, truth).max() < 0.25
    assert shift_errors_px(found.poses, truth).max() < 0.05


@pytest.mark.parametrize("box", [64, 65], ids=["even", "odd"])
def test_poses_in_noise_are_near_the_true_ones(box):
    """SNR 0.5 over the box. The medians asked for are 1 degree and 0.3 px; both are noise."""
    simulation = simulate_particles(
        SimulationOptions(n_particles=200, box_px=box, n_views=4, snr=0.5, shift_sd_px=1.5)
    )
    source = array_source(simulation.images, pixel_size_angstrom=4.0)
    plan = plan_preprocessing(source, PreprocessOptions())
    truth = truth_poses(simulation.truth)
    settings = SearchSettings(max_shift_px=6.0)
    engine = engine_of(simulation.images, plan, settings)
    found = engine.assign(references_from(simulation.views, plan), BEST)
    right = found.labels == simulation.truth.view
    assert right.mean() > 0.98
    assert (found.poses.mirror == truth.mirror)[right].mean() > 0.98
    right &= found.poses.mirror == truth.mirror
    assert np.median(angle_errors_deg(found.poses, truth)[right]) < 1.0
    assert np.median(shift_errors_px(found.poses, truth)[right]) < 0.3


@pytest.mark.parametrize("max_shift_px", [0.0, 0.4, 2.0, 3.0])
def test_no_shift_beyond_the_bound_is_returned(max_shift_px):
    """Particles lie up to twice as far out as the search may look."""
    plan = white_plan(41, 36)
    images = blob_particles(41, random_poses(80, 2 * max_shift_px + 1))
    engine = engine_of(images, plan, SearchSettings(max_shift_px))
    found = engine.assign(references_from(blob_particles(41, identity_poses(1)), plan), BEST)
    lengths = np.hypot(*found.poses.shift_px.T)
    assert lengths.max() <= max_shift_px * (1 + 1e-12)
    # The bound is reached, so it was what held them.
    assert np.isclose(lengths, max_shift_px).sum() > 10


def test_without_mirrors_none_is_found():
    plan = white_plan(40)
    poses = random_poses(30, 2.0)
    engine = engine_of(blob_particles(40, poses), plan, SearchSettings(3.0, mirrors=False))
    found = engine.assign(references_from(blob_particles(40, identity_poses(1)), plan), BEST)
    assert poses.mirror.any()
    assert not found.poses.mirror.any()
    assert found.scores[~poses.mirror].min() > found.scores[poses.mirror].max()


def test_images_score_one_with_themselves_and_no_pair_more():
    plan = white_plan(32)
    images = noise_images(20, 32)
    engine = engine_of(images, plan, SearchSettings(0.0))
    found = engine.assign(references_from(images, plan), BEST)
    assert found.labels.tolist() == list(range(20))
    # Rounding to float, and the rest to the peak after two rounds, where the score is flat.
    np.testing.assert_allclose(found.scores, 1, atol=1e-5)
    assert (angle_errors_deg(found.poses, identity_poses(20)) < 0.05).all()


def test_scores_are_the_correlations_at_the_returned_poses():
    """Also in noise, whose peaks are no quadratics."""
    plan = white_plan(40)
    images = blob_particles(40, random_poses(40, 2.0)) + 0.5 * noise_images(40, 40)
    engine = engine_of(images, plan, SearchSettings(4.0))
    reference = references_from(blob_particles(40, identity_poses(1)), plan)
    found = engine.assign(reference, BEST)
    for i in range(40):
        alone = np.full(40, -1, dtype=np.int32)
        alone[i] = 0
        aligned = engine.update(alone, found.poses, 1).sums
        exact = (aligned.conj() * reference).real.sum() / reference.shape[2]
        # The same inner product, in float in the engine and in double here.
        assert found.scores[i] == pytest.approx(exact, abs=2e-6)


def test_margin_is_the_lead_over_the_second_class_before_refinement():
    plan = white_plan(32)
    engine = engine_of(noise_images(20, 32), plan)
    references = references_from(noise_images(3, 32, seed=1), plan)
    seen = []

    class Watching(ClassicalRule):
        def choose(self, scores, among=None):
            seen.append(scores.copy())
            return BEST.choose(scores, among)

    found = engine.assign(references, Watching())
    scores = np.sort(np.concatenate(seen), axis=1)
    assert scores.shape == (20, 3)
    np.testing.assert_array_equal(found.margin, scores[:, 2] - scores[:, 1])


def test_rule_decides_and_the_pose_is_that_in_its_class():
    plan = white_plan(32)
    engine = engine_of(noise_images(20, 32), plan)
    references = references_from(noise_images(3, 32, seed=1), plan)

    class Last(ClassicalRule):
        def choose(self, scores, among=None):
            assert among is None
            last = np.full(len(scores), 2, dtype=np.int32)
            return Choice(last, np.zeros(len(scores), dtype=np.float32))

    found = engine.assign(references, Last())
    alone = engine.assign(references[2:], BEST)
    assert (found.labels == 2).all()
    np.testing.assert_array_equal(found.poses.psi_rad, alone.poses.psi_rad)
    np.testing.assert_array_equal(found.scores, alone.scores)


def test_gain_and_offset_of_an_image_change_nothing():
    plan = white_plan(40)
    images = blob_particles(40, random_poses(20, 3.0)) + 0.3 * noise_images(20, 40)
    references = references_from(blob_particles(40, identity_poses(1)), plan)
    given = engine_of(images, plan).assign(references, BEST)
    rng = np.random.default_rng(3)
    gain, offset = rng.uniform(0.01, 100, (20, 1, 1)), rng.uniform(-50, 50, (20, 1, 1))
    scaled = engine_of(gain * images + offset, plan).assign(references, BEST)
    # The new grey values are rounded to 4e-6 (offsets of 50 in float) against as little as 3e-3 of
    # noise: 1e-3 a pixel at random, averaged over a thousand pixels.
    np.testing.assert_allclose(scaled.scores, given.scores, atol=1e-4)
    np.testing.assert_array_equal(scaled.poses.mirror, given.poses.mirror)
    assert angle_errors_deg(scaled.poses, given.poses).max() < 0.05
    assert shift_errors_px(scaled.poses, given.poses).max() < 0.02


def test_permuted_images_permute_labels_and_poses():
    plan = white_plan(32)
    images = noise_images(70, 32)
    references = references_from(noise_images(5, 32, seed=1), plan)
    given = engine_of(images, plan).assign(references, BEST)
    order = np.random.default_rng(0).permutation(70)
    permuted = engine_of(images[order], plan).assign(references, BEST)
    for a, b in zip(bits(permuted), bits(given), strict=True):
        np.testing.assert_array_equal(a, b[order])


def test_permuted_classes_permute_labels():
    plan = white_plan(32)
    engine = engine_of(noise_images(40, 32), plan)
    references = references_from(noise_images(6, 32, seed=1), plan)
    order = np.random.default_rng(0).permutation(6)
    given, permuted = engine.assign(references, BEST), engine.assign(references[order], BEST)
    np.testing.assert_array_equal(order[permuted.labels], given.labels)
    np.testing.assert_array_equal(permuted.poses.shift_px, given.poses.shift_px)


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_change_no_bit(n_threads):
    plan = white_plan(32)
    images = noise_images(150, 32)
    references = references_from(noise_images(5, 32, seed=1), plan)
    one, more = (engine_of(images, plan, n_threads=threads) for threads in (1, n_threads))
    found, again = one.assign(references, BEST), more.assign(references, BEST)
    assert_same_bits(found, again)
    sums = [engine.update(found.labels, found.poses, 5) for engine in (one, more)]
    np.testing.assert_array_equal(sums[0].sums, sums[1].sums)
    np.testing.assert_array_equal(sums[0].counts, sums[1].counts)
    rows = np.arange(3, 150, 4)
    components = [engine.component(rows, found.poses.take(rows)) for engine in (one, more)]
    np.testing.assert_array_equal(components[0].scores, components[1].scores)
    assert components[0].variance == components[1].variance


def test_blocks_and_calls_change_no_bit_of_an_assignment(monkeypatch):
    plan = white_plan(32)
    images = noise_images(150, 32)
    references = references_from(noise_images(5, 32, seed=1), plan)
    whole = engine_of(images, plan).assign(references, BEST)
    for module in ("ingest", "local", "storage"):
        monkeypatch.setattr(f"cl2d.engine.{module}.BLOCK_IMAGES", 64)
    monkeypatch.setattr("cl2d.engine.chunks.CALL_PAIRS", 1)
    monkeypatch.setattr("cl2d.engine.chunks.SMALLEST_CALL_TILES", 1)
    engine = engine_of(images, plan)
    assert engine.n_images == 150
    done = []
    assert_same_bits(engine.assign(references, BEST, done.append), whole)
    assert done == [*range(16, 150, 16), 150]
    rows = np.array([149, 0, 64, 63, 7])
    poses = whole.poses.take(rows)
    monkeypatch.undo()
    np.testing.assert_array_equal(
        engine_of(images, plan).component(rows, poses).scores,
        engine_of(images[rows], plan).component(np.arange(5), poses).scores,
    )


def test_levels_of_kernels_assign_alike():
    plan = white_plan(40)
    images = blob_particles(40, random_poses(50, 3.0)) + 0.5 * noise_images(50, 40)
    references = references_from(blob_particles(40, identity_poses(1)), plan)
    before = simd_level()
    found = []
    for level in available_simd_levels():
        set_simd_level(level)
        found.append(engine_of(images, plan).assign(references, BEST))
    set_simd_level(before)
    for other in found[1:]:
        # The same sums with and without fused multiply-add, some roundings of 6e-8; in poses they
        # are divided by the curvature of the peak, about 1e-2 a degree and a tenth of a pixel.
        np.testing.assert_allclose(other.scores, found[0].scores, atol=2e-6)
        assert angle_errors_deg(other.poses, found[0].poses).max() < 0.01
        assert shift_errors_px(other.poses, found[0].poses).max() < 0.001


def test_flagged_images_stay_out():
    plan = white_plan(32)
    images = noise_images(40, 32)
    images[[0, 17]] = 3.0
    images[39, 4, 4] = np.nan
    engine = engine_of(images, plan)
    out = [0, 17, 39]
    assert np.flatnonzero(~engine.usable).tolist() == out
    references = references_from(noise_images(4, 32, seed=1), plan)
    found = engine.assign(references, BEST)
    assert np.flatnonzero(found.labels < 0).tolist() == out
    assert (found.labels[out] == -1).all()
    assert not found.scores[out].any()
    assert all(np.isfinite(values).all() for values in bits(found))
    sums = engine.update(found.labels, found.poses, 4)
    assert sums.counts.sum() == 37
    kept = np.flatnonzero(engine.usable)
    others = engine_of(images[kept], plan)
    again = others.update(found.labels[kept], found.poses.take(kept), 4)
    # The same additions in the same order.
    np.testing.assert_array_equal(again.sums, sums.sums)


def test_sums_of_aligned_copies_are_their_reference():
    engine, reference, truth = blob_case(40, 30, 3.0)
    sums = engine.update(np.zeros(30, np.int32), truth, 1)
    average = normalised_references(sums.sums)
    # Mean over angles, sum over rings: the correlation of average and reference.
    correlation = (average.conj() * reference).real.sum() / reference.shape[2]
    # Only the mask makes a difference: it stays with the image and cuts shifted copies elsewhere.
    assert correlation > 0.999


def test_component_tells_two_kinds_of_member_apart():
    plan = white_plan(40)
    poses = random_poses(60, 2.0)
    kind = np.arange(60) % 3 == 0
    images = np.where(kind[:, None, None], *(blob_particles(40, poses, seed=s) for s in (0, 1)))
    images += 0.2 * noise_images(60, 40)
    engine = engine_of(images, plan)
    rows = np.arange(5, 60)
    component = engine.component(rows, poses.take(rows))
    one, other = component.scores[kind[rows]], component.scores[~kind[rows]]
    assert one.min() > other.max() or one.max() < other.min()
    assert 0 < component.variance < component.total_variance


def test_engine_of_one_image_assigns_it():
    plan = white_plan(32)
    image = noise_images(1, 32)
    found = engine_of(image, plan).assign(references_from(image, plan), BEST)
    assert found.labels.tolist() == [0]
    assert found.scores[0] == pytest.approx(1, abs=1e-5)


def test_class_without_members_has_no_sum_and_wins_nothing():
    plan = white_plan(32)
    engine = engine_of(noise_images(20, 32), plan)
    sums = engine.update(np.arange(20, dtype=np.int32) % 2, identity_poses(20), 3)
    assert sums.counts.tolist() == [10, 10, 0]
    found = engine.assign(normalised_references(sums.sums), BEST)
    assert set(found.labels.tolist()) <= {0, 1}


def test_interrupt_ends_an_assignment(monkeypatch):
    monkeypatch.setattr("cl2d.engine.chunks.CALL_PAIRS", 1)
    monkeypatch.setattr("cl2d.engine.chunks.SMALLEST_CALL_TILES", 1)
    plan = white_plan(32)
    engine = engine_of(noise_images(60, 32), plan)
    done = []

    def interrupt(n_done):
        done.append(n_done)
        if n_done > 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.assign(references_from(noise_images(2, 32), plan), BEST, interrupt)
    assert done == [16, 32]


def test_rotations_are_returned_in_half_a_turn_either_way():
    engine, reference, _ = blob_case(40, 80, 2.0, seed=4)
    psi = engine.assign(reference, BEST).poses.psi_rad
    assert (psi >= -np.pi).all()
    assert (psi < np.pi).all()
    assert psi.min() < -2
    assert psi.max() > 2


def test_labels_beyond_the_classes_are_refused():
    plan = white_plan(32)
    engine = engine_of(noise_images(3, 32), plan)
    with pytest.raises(ValueError, match="slots must be below 2, not 2"):
        engine.update(np.array([0, 1, 2], np.int32), identity_poses(3), 2)
    with pytest.raises(ValueError, match=r"poses must number 3 .*, not 2"):
        engine.update(np.array([0, 1, 1], np.int32), identity_poses(2), 2)


def test_noise_has_as_many_independent_numbers_as_its_correlations_tell():
    plan = white_plan(34)
    rng = np.random.default_rng(0)
    engine = engine_of(rng.normal(size=(400, 34, 34)), plan, SearchSettings(2.0))
    members = engine.aligned_members(np.arange(400), identity_poses(400))
    numbers = members.reshape(400, -1).view(np.float32).astype(np.float64)
    numbers /= np.linalg.norm(numbers, axis=1)[:, None]
    products = np.einsum("ij,kj->ik", numbers, numbers)[np.triu_indices(400, 1)]
    assert engine.n_independent == pytest.approx(1 / np.square(products).mean(), rel=0.2)
