"""Scores of made-up classifications whose quality is known."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.results import Poses
from cl2d.simulate import SimulationOptions, simulate_particles, truth_poses
from cl2d.simulate.scores import (
    angular_spread_deg,
    junk_recognition,
    pose_errors,
    ranking_quality,
    score_classification,
)


def truth_of(**changes):
    options = {"n_particles": 600, "box_px": 16, "n_views": 4, "seed": 1, **changes}
    return simulate_particles(SimulationOptions(**options)).truth


def in_other_frame(poses, angle_rad, offset_px, mirror):
    """Return the poses relative to averages that are turned, mirrored and moved themselves."""
    # p' = F' R(a) p + o, p = F R(psi) x - t
    sign = np.where(poses.mirror, -1.0, 1.0)
    psi = poses.psi_rad + sign * angle_rad
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    x = cos * poses.shift_px[:, 0] - sin * poses.shift_px[:, 1]
    y = sin * poses.shift_px[:, 0] + cos * poses.shift_px[:, 1]
    moved = np.stack([-x if mirror else x, y], axis=1) - offset_px
    return Poses(psi, moved, poses.mirror != mirror)


@pytest.mark.parametrize("mirror", [False, True])
def test_true_poses_in_any_frame_have_no_error(mirror):
    truth = truth_of(junk_fraction=0.1)
    poses = in_other_frame(truth_poses(truth), 2.2, np.array([1.5, -0.7]), mirror)
    errors = pose_errors(truth, truth.view, poses)
    assert np.nanmax(errors.angle_deg) < 1e-6
    assert np.nanmax(errors.shift_px) < 1e-6
    assert np.isnan(errors.angle_deg[~truth.good]).all()
    assert np.nansum(errors.mirror_wrong) == 0
    assert errors.share_right() == 1.0


def test_errors_put_into_poses_are_measured_in_spite_of_outliers():
    truth, rng = truth_of(), np.random.default_rng(0)
    poses = in_other_frame(truth_poses(truth), -1.0, np.array([0.4, 2.0]), mirror=True)
    turn, move = rng.normal(0, 0.05, 600), rng.normal(0, 0.5, (600, 2))
    wild = rng.random(600) < 0.2
    turn[wild] = rng.uniform(-np.pi, np.pi, wild.sum())
    errors = pose_errors(
        truth, truth.view, Poses(poses.psi_rad + turn, poses.shift_px + move, poses.mirror)
    )
    tame = ~wild
    assert np.median(errors.angle_deg[tame]) == pytest.approx(np.degrees(0.05) * 0.674, rel=0.15)
    assert np.median(errors.shift_px[tame]) == pytest.approx(0.5 * 1.177, rel=0.15)
    assert np.median(errors.angle_deg[wild]) > 45


def test_wrong_mirrors_are_counted_and_left_out_of_the_angles():
    truth = truth_of()
    poses = truth_poses(truth)
    wrong = np.arange(600) % 5 == 0
    errors = pose_errors(
        truth, truth.view, Poses(poses.psi_rad, poses.shift_px, poses.mirror ^ wrong)
    )
    assert np.array_equal(errors.mirror_wrong == 1, wrong)
    assert np.isnan(errors.angle_deg[wrong]).all()
    assert errors.share_right() == pytest.approx(0.8)


def test_members_of_another_view_are_not_judged():
    truth = truth_of()
    errors = pose_errors(truth, np.zeros(600, dtype=np.int32), truth_poses(truth))
    judged = ~np.isnan(errors.mirror_wrong)
    assert np.unique(truth.view[judged]).tolist() == [np.bincount(truth.view).argmax()]


def test_a_perfect_classification_scores_full_marks():
    truth = truth_of(junk_fraction=0.2)
    labels = np.where(truth.good, 3 - truth.view, 4).astype(np.int32)
    scores = score_classification(truth, labels, truth_poses(truth))
    assert scores.adjusted_rand_index == 1.0
    assert scores.normalised_mutual_information == pytest.approx(1.0)
    assert (scores.purity, scores.views_found, scores.pose_right) == (1.0, 1.0, 1.0)
    assert scores.angular_spread_deg == pytest.approx(0.0, abs=1e-5)
    assert (scores.junk_precision, scores.junk_recall) == (1.0, 1.0)


def test_a_view_merged_into_another_is_not_found():
    truth = truth_of(view_exponent=1.0)
    labels = np.minimum(truth.view, 2)
    scores = score_classification(truth, labels)
    assert scores.views_found == 0.75
    assert scores.purity < 1.0
    assert np.isnan(scores.pose_right)


def test_random_classes_of_uniform_directions_spread_one_radian():
    truth = truth_of(n_particles=3000, n_views=0)
    labels = np.random.default_rng(0).integers(0, 4, 3000).astype(np.int32)
    scores = score_classification(truth, labels, truth_poses(truth))
    assert scores.angular_spread_deg == pytest.approx(np.degrees(1.0), abs=1.0)
    assert np.isnan(scores.adjusted_rand_index)
    assert np.isnan(scores.angle_error_deg)


def test_classes_of_near_directions_spread_little():
    truth = truth_of(n_particles=3000, n_views=0)
    axes = np.abs(truth.beam_directions())
    assert angular_spread_deg(truth, axes.argmax(axis=1).astype(np.int32)) < 50
    assert np.isnan(angular_spread_deg(truth, np.arange(3000, dtype=np.int32)))


def test_junk_is_recognised_by_the_company_it_keeps():
    truth = truth_of(junk_fraction=0.4)
    good, junk = np.flatnonzero(truth.good), np.flatnonzero(~truth.good)
    labels = np.zeros(600, dtype=np.int32)
    labels[junk[:60]] = 1
    labels[good[:20]] = 1
    labels[junk[60:90]] = -1
    precision, recall = junk_recognition(truth, labels)
    assert precision == pytest.approx(90 / 110)
    assert recall == pytest.approx(90 / len(junk))
    assert np.isnan(junk_recognition(truth_of(), labels)).all()


def test_ranking_quality_is_the_chance_of_the_right_order():
    wanted = np.array([True, True, False, False])
    assert ranking_quality(wanted, [4, 3, 2, 1]) == 1.0
    assert ranking_quality(wanted, [4, 2, 3, 1]) == 0.75
    assert ranking_quality(wanted, [1, 1, 1, 1]) == 0.5
    assert np.isnan(ranking_quality(wanted[:2], [1, 2]))
