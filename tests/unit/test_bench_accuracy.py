"""The figures by which the accuracy suite judges classes, and its oracle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cl2d.simulate.optics import contrast_transfer

TINY = {
    "ctf": "none",
    "n_particles": 60,
    "n_views": 3,
    "box_px": 32,
    "snr": 1.0,
    "junk_fraction": 0.1,
    "shift_sd_px": 1.0,
}


def tiny_case(bench, **changed):
    """Return a small simulated case, judged by angles where there are no views."""
    module, options = bench("suite_cases"), {**TINY, **changed}
    judged_by = module.ARI if options["n_views"] else module.ANGLE
    return module.Case("tiny", 4, "anything", judged_by, options)


def angular(bench, directions, labels):
    figures = bench("accuracy_figures").angular_figures(np.array(directions, float), labels)
    return figures["angle_to_mean_deg"], figures["angle_worst_decile_deg"]


def test_members_along_one_line_are_at_no_angle_whatever_their_signs(bench):
    line = np.array([0.6, 0.0, 0.8])
    directions = [line, line, -line, -line, line]
    assert angular(bench, directions, np.zeros(5, np.int32)) == pytest.approx((0, 0), abs=1e-6)


def test_two_directions_lie_at_half_their_angle_from_the_middle(bench):
    tilt = np.radians([40.0, 60.0])
    directions = np.stack([np.sin(tilt), np.zeros(2), np.cos(tilt)], axis=1)
    directions[1] *= -1.0
    assert angular(bench, directions, np.zeros(2, np.int32)) == pytest.approx((10, 10))


def test_worst_decile_is_the_angle_that_one_in_ten_exceeds(bench):
    # Pairs at both sides of the z axis, 1 to 20 degrees from it: the axis stays in the middle.
    tilt = np.radians(np.repeat(np.arange(1.0, 21.0), 2) * np.tile([1, -1], 20))
    directions = np.stack([np.sin(tilt), np.zeros(40), np.cos(tilt)], axis=1)
    mean, decile = angular(bench, directions, np.zeros(40, np.int32))
    assert mean == pytest.approx(10.5)
    assert 18.0 <= decile <= 19.0


def test_angles_are_taken_within_classes_and_without_junk(bench):
    directions = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, -1, 0], [np.nan] * 3, [0, 0, 1]]
    labels = np.array([0, 0, 1, 1, 0, -1], np.int32)
    angles = bench("accuracy_figures").angles_to_class_axis_deg(np.array(directions, float), labels)
    assert angles[:4] == pytest.approx(0.0)
    assert np.isnan(angles[4:]).all()


def test_directions_at_random_are_57_degrees_from_any_axis(bench):
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((20_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    mean, _ = angular(bench, directions, np.zeros(20_000, np.int32))
    # The mean of arccos u for u even in [0, 1] is 1 rad; the axis follows 20,000 draws a little.
    assert mean == pytest.approx(np.degrees(1.0), abs=1.0)


def test_compact_axes_are_closer_than_the_directions_they_start_from(bench):
    figures = bench("accuracy_figures")
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((3000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    directions[::10] = np.nan
    start = bench("cl2d.simulate.geometry").spread_directions(20, np.random.default_rng(0))
    compact = figures.compact_axes(directions, 20)
    angles = [
        figures.angular_figures(directions, figures.nearest_axis(directions, axes))
        for axes in (start, compact)
    ]
    assert angles[1]["angle_to_mean_deg"] < angles[0]["angle_to_mean_deg"]
    assert set(np.unique(figures.nearest_axis(directions, compact))) == set(range(-1, 20))
    assert (figures.nearest_axis(directions, compact)[::10] == -1).all()


def test_sizes_are_1_for_even_classes_and_their_number_for_a_single_one(bench):
    sizes = bench("accuracy_figures").size_figures
    even = sizes(np.arange(40, dtype=np.int32) % 4, 4)
    assert even == {"largest_over_even": 1.0, "concentration": 1.0, "classes_used": 1.0}
    one = sizes(np.array([2, 2, 2, -1], np.int32), 4)
    assert one == {"largest_over_even": 4.0, "concentration": 4.0, "classes_used": 0.25}


def test_classes_dealt_by_lot_are_a_little_uneven(bench):
    chance = bench("accuracy_figures").chance_sizes(2000, 10)
    # The largest of ten counts of 200 +- 13.4 lies 1.54 standard deviations above their mean.
    assert chance["largest_over_even"] == pytest.approx(1 + 1.54 * 13.4 / 200, abs=0.02)
    # The variance of a share over the square of the mean share: 0.1 * 0.9 / 2000 / 0.01.
    assert chance["concentration"] == pytest.approx(1.0045, abs=0.001)


def test_torn_views_are_not_kept_together_but_joined_ones_are(bench):
    truth = bench("suite_cases").load_case(tiny_case(bench), None).bench_set.truth
    label_figures = bench("accuracy_figures").label_figures
    joined = np.zeros(len(truth), np.int32)
    assert label_figures(truth, joined)["kept_together"] == 1.0
    torn = (2 * truth.view + np.arange(len(truth)) % 2).astype(np.int32)
    figures = label_figures(truth, torn)
    assert figures["purity"] == 1.0
    assert 0.5 <= figures["kept_together"] < 0.75


def test_oracle_of_a_simulated_sphere_assigns_to_true_projections(bench):
    suite = bench("suite_oracle")
    loaded = bench("suite_cases").load_case(tiny_case(bench, n_views=0), None)
    figures = suite.oracle_figures(loaded, 1)
    nearest = suite.oracle_figures(replace(loaded, simulation=None), 1)
    # At this SNR nearly every image goes to the nearest projection, and none does better.
    assert nearest["angle_to_mean_deg"] <= figures["angle_to_mean_deg"]
    assert figures["angle_to_mean_deg"] < nearest["angle_to_mean_deg"] + 10.0


@pytest.mark.parametrize("ctf", ["none", "flipped", "raw"])
def test_oracle_sees_views_as_the_mean_over_all_particles_would(bench, ctf):
    loaded = bench("suite_cases").load_case(tiny_case(bench, ctf=ctf), None)
    views, truth = loaded.bench_set.views, loaded.bench_set.truth
    slow = np.zeros_like(views, dtype=np.float64)
    for row in np.flatnonzero(truth.good):
        transfer = np.ones((32, 17))
        if ctf != "none":
            transfer = contrast_transfer(truth.take(slice(row, row + 1)), 32, 4.0)[0]
        if ctf == "flipped":
            transfer = np.abs(transfer)
        slow += np.fft.irfft2(np.fft.rfft2(views) * transfer, s=(32, 32))
    slow /= truth.good.sum()
    seen = bench("suite_oracle").as_averaged(views, loaded)
    # float32 throughout, on values of the order of 1
    np.testing.assert_allclose(seen, slow, atol=1e-5 * np.abs(views).max())
