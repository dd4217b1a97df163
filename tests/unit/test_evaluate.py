"""Half-set correlation, resolution, quality and order of classes, on cases known beforehand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import starfile

import cl2d
from cl2d.evaluate.half_sets import half_set_labels
from cl2d.evaluate.likeness import order_by_likeness
from cl2d.evaluate.ring_correlation import crossing_ring, ring_correlations, signal_to_noise
from cl2d.outputs.averages import raw_averages
from cl2d.simulate import SimulationOptions, simulate_particles

BOX = 32
WIDE = 1e6  # a mask that leaves everything in


def waves(box: int, *terms: tuple[int, int, float]) -> np.ndarray:
    """Return a sum of cosines given as (k_x, k_y, phase)."""
    y, x = np.mgrid[:box, :box] / box
    return sum(np.cos(2 * np.pi * (kx * x + ky * y) + phase) for kx, ky, phase in terms)[None]


@pytest.mark.parametrize("box", [31, 32])
def test_equal_images_correlate_fully_whatever_their_scale_and_level(box):
    image = np.random.default_rng(1).normal(size=(1, box, box))
    curve = ring_correlations(image, 3 * image + 7, 0.4 * box)[0]
    assert curve.shape == (box // 2 + 1,)
    np.testing.assert_allclose(curve, 1.0, atol=1e-9)
    np.testing.assert_allclose(ring_correlations(image, -image, 0.4 * box)[0, 1:], -1.0)


def test_independent_noise_does_not_correlate():
    noise = np.random.default_rng(2).normal(size=(2, 20, 64, 64))
    curve = ring_correlations(noise[0], noise[1], 28.0).mean(axis=0)
    assert np.abs(curve[5:]).max() < 0.1


def test_both_sides_of_the_plane_count():
    """Waves that run down to the right agree, those that run up to the right do not."""
    first = waves(BOX, (4, 3, 0.0), (4, -3, 0.0))
    second = waves(BOX, (4, 3, 0.0), (4, -3, np.pi / 2))
    assert ring_correlations(first, second, WIDE)[0, 5] == pytest.approx(0.5)


def test_ring_without_power_is_zero():
    image = waves(BOX, (4, 3, 0.0))
    curve = ring_correlations(image, image, WIDE)[0]
    assert curve[5] == pytest.approx(1.0)
    assert ring_correlations(image, 0 * image, WIDE)[0, 1:].tolist() == [0.0] * (BOX // 2)


@pytest.mark.parametrize(
    ("curve", "threshold", "ring"),
    [
        ([1, 1, 0.8, 0.2, 0], 0.5, 2.5),
        ([1, 1, 0.8, 0.2, 0], 0.2, 3.0),
        ([1, 0.4, 0.3, 0.9, 0.9], 0.5, 5 / 6),
        ([1, 0.4, 0.9, 0.9, 0.9], 0.5, 4.0),  # one ring alone is noise
        ([1, 1, 1, 1, 0.4], 0.5, 3 + 5 / 6),
        ([1, 1, 1, 1, 0.6], 0.5, 4.0),
        ([0, 0, 0, 0, 0], 0.5, 0.5),
    ],
)
def test_resolution_is_read_between_the_rings(curve, threshold, ring):
    assert crossing_ring(np.array(curve, dtype=float), threshold) == pytest.approx(ring)


def test_signal_to_noise_of_both_halves_together():
    np.testing.assert_allclose(signal_to_noise(np.array([0.5, 0.0, -0.3])), [2.0, 0.0, 0.0])
    assert np.isfinite(signal_to_noise(np.array([1.0])))


def test_members_go_to_the_halves_in_turn_and_small_classes_to_none():
    labels = np.array([0, 1] * 10 + [2] * 9 + [-1], dtype=np.int32)
    halves = half_set_labels(labels)
    assert halves[:20:2].tolist() == [0, 1] * 5
    assert halves[1:20:2].tolist() == [2, 3] * 5
    assert halves[20:].tolist() == [-1] * 10


def test_no_class_at_all_has_no_halves():
    assert half_set_labels(np.full(3, -1, dtype=np.int32)).tolist() == [-1, -1, -1]


def test_order_by_likeness_finds_the_line_the_classes_lie_on():
    place = np.array([3.0, 0.0, 4.0, 1.0, 2.0])
    scores = 1 - np.abs(place[:, None] - place) / 10
    order = order_by_likeness(scores)
    assert np.abs(np.diff(place[order])).tolist() == [1, 1, 1, 1]
    assert np.flatnonzero(order == 0)[0] <= 2


@pytest.mark.parametrize("n", [1, 2])
def test_order_of_one_or_two_classes_is_their_own(n):
    assert order_by_likeness(np.ones((n, n))).tolist() == list(range(n))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return result and folder of a run on 240 particles of two views, and one class of few."""
    options = SimulationOptions(n_particles=240, box_px=BOX, n_views=2, snr=1.0, seed=3)
    simulation = simulate_particles(options)
    out = tmp_path_factory.mktemp("evaluated") / "run"
    source = cl2d.array_source(simulation.images, 4.0)
    result = cl2d.classify(
        source, n_classes=2, initial_classes=1, iterations=3, output=out, threads=1
    )
    return result, out, source


def test_every_level_is_evaluated(finished):
    result, _, _ = finished
    assert [e.level for e in result.evaluations] == [0, 1]
    for level, evaluation in zip(result.levels, result.evaluations, strict=True):
        assert evaluation.half_members.sum(axis=1).tolist() == level.class_sizes().tolist()
        assert evaluation.frc.shape == (level.n_classes, BOX // 2 + 1)
        assert sorted(evaluation.order.tolist()) == list(range(level.n_classes))
    assert (result.evaluations[-1].frc[:, 1:4] > 0.8).all()


def test_files_hold_what_the_result_holds(finished):
    result, out, _ = finished
    last = result.evaluations[-1]
    table = starfile.read(out / "classes.star")
    np.testing.assert_allclose(
        table["cl2dResolution05Angst"], last.resolution_angstrom[:, 0], atol=1e-3
    )
    np.testing.assert_allclose(table["cl2dFrequency0143"], last.crossing_per_px[:, 1], atol=1e-5)
    assert table["cl2dFrcStatus"].tolist() == ["measured", "measured"]
    assert table["cl2dSimilarityRank"].tolist() == last.similarity_rank().tolist()
    with np.load(out / "levels" / "level_01" / "frc.npz") as curves:
        np.testing.assert_array_equal(curves["frc"], last.frc)
    metrics = json.loads((out / "metrics.json").read_text())
    assert [entry["class_number"] for entry in metrics["classes"]] == [1, 2]
    assert metrics["levels"][1]["n_measured"] == 2


def test_evaluation_afterwards_gives_the_same_figures(finished):
    result, out, source = finished
    before = (out / "classes.star").read_bytes()
    again = cl2d.evaluate(out, particles=source, threads=2)
    # Poses went through text and back as float64; the curves agree to rounding.
    for old, new in zip(result.evaluations, again, strict=True):
        np.testing.assert_allclose(new.frc, old.frc, atol=1e-5)
        np.testing.assert_allclose(new.quality, old.quality, atol=1e-5)
    assert len((out / "classes.star").read_bytes()) == len(before)


def test_other_particles_are_refused(finished):
    _, out, _ = finished
    others = np.random.default_rng(0).normal(size=(240, BOX, BOX))
    with pytest.raises(cl2d.InputError, match="the particles must be those of"):
        cl2d.evaluate(out, particles=others)


def test_evaluation_can_be_left_out(finished):
    _, _, source = finished
    result = cl2d.classify(
        source, n_classes=1, iterations=1, threads=1, evaluate=False, resolution_angstrom=20.0
    )
    assert result.evaluations == ()


def test_class_of_few_members_says_so(tmp_path):
    images = np.random.default_rng(4).normal(size=(18, BOX, BOX))
    images += 3 * np.exp(-((np.mgrid[:BOX, :BOX] - 16) ** 2).sum(axis=0) / 20)
    result = cl2d.classify(
        images, n_classes=2, initial_classes=2, iterations=2, output=tmp_path / "run", threads=1
    )
    small = result.levels[-1].class_sizes() < 10
    assert small.any()
    table = starfile.read(tmp_path / "run" / "classes.star")
    assert (table["cl2dFrcStatus"] == "too_small").tolist() == small.tolist()
    assert (table["cl2dQuality"][small] == 0).all()
    assert np.isnan(result.evaluations[-1].frc[small]).all()


def test_halves_of_pure_noise_do_not_agree_unless_aligned_to_one_average():
    noise = np.random.default_rng(5).normal(size=(300, BOX, BOX))
    source = cl2d.array_source(noise.astype(np.float32), 4.0)
    result = cl2d.classify(
        source, n_classes=2, initial_classes=2, iterations=4, threads=1, resolution_angstrom=16.0
    )
    level, plan = result.levels[-1], result.plan
    plain = replace(level, n_classes=4, labels=half_set_labels(level.labels))
    averages = raw_averages(source, [plain], 1)[0]
    compared = slice(2, plan.k_max + 1)
    optimistic = ring_correlations(averages[0::2], averages[1::2], 15.0)[:, compared].mean()
    honest = result.evaluations[-1].frc[:, compared].mean()
    assert optimistic > 0.6
    assert honest < 0.4
