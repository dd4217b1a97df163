"""References as images: class averages compared with each other, and poses one after another."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import ClassicalRule, SearchSettings
from cl2d.results import Poses, composed_poses, identity_poses
from tests.engine_inputs import (
    blob_particles,
    engine_of,
    noise_images,
    random_poses,
    references_from,
    white_plan,
)

BOXES = pytest.mark.parametrize("box", [40, 41], ids=["even", "odd"])
BEST = ClassicalRule()


def matrix(poses: Poses, i: int) -> np.ndarray:
    """Return p = F R x - t as a 3 x 3 matrix."""
    cos, sin = np.cos(poses.psi_rad[i]), np.sin(poses.psi_rad[i])
    mirror = -1.0 if poses.mirror[i] else 1.0
    tx, ty = poses.shift_px[i]
    return np.array([[mirror * cos, -mirror * sin, -tx], [sin, cos, -ty], [0, 0, 1]])


def test_composed_poses_are_products_of_their_maps():
    inner, outer = random_poses(40, 5.0, 1), random_poses(40, 5.0, 2)
    assert len({(bool(a), bool(b)) for a, b in zip(inner.mirror, outer.mirror, strict=True)}) == 4
    both = composed_poses(outer, inner)
    for i in range(40):
        expected = matrix(outer, i) @ matrix(inner, i)
        np.testing.assert_allclose(matrix(both, i), expected, atol=1e-12)
    assert both.psi_rad.min() >= -np.pi
    assert both.psi_rad.max() < np.pi


def test_one_pose_is_composed_with_all():
    inner, outer = random_poses(5, 5.0, 1), random_poses(1, 5.0, 2)
    found = composed_poses(outer, inner)
    for i in range(5):
        expected = matrix(outer, 0) @ matrix(inner, i)
        np.testing.assert_allclose(matrix(found, i), expected, atol=1e-12)


@BOXES
def test_references_of_images_score_as_these_images(box):
    plan = white_plan(box)
    images = noise_images(20, box)
    references = references_from(images, plan)
    settings = SearchSettings(4.0)
    as_images = engine_of(images, plan, settings)
    as_references = as_images.of_references(references)
    rows = np.arange(20)
    expected = as_images.assign(references, BEST, sample=rows)
    found = as_references.assign(references, BEST, sample=rows)
    np.testing.assert_allclose(found.sampled_scores, expected.sampled_scores, atol=2e-5)
    assert found.labels.tolist() == list(range(20))


@BOXES
def test_average_of_moved_members_is_laid_over_the_other(box):
    plan = white_plan(box)
    poses = random_poses(6, 3.0, 4)
    references = references_from(blob_particles(box, poses), plan)
    still = references_from(blob_particles(box, identity_poses(1)), plan)
    engine = engine_of(noise_images(2, box), plan, SearchSettings(4.0))
    found = engine.of_references(references).assign(still, BEST)
    assert found.scores.min() > 0.99
    np.testing.assert_array_equal(found.poses.mirror, poses.mirror)
    np.testing.assert_allclose(found.poses.shift_px, poses.shift_px, atol=0.15)


def test_reference_of_zeros_is_no_usable_image():
    plan = white_plan(40)
    images = noise_images(3, 40)
    references = references_from(images, plan)
    references[1] = 0
    engine = engine_of(images, plan, SearchSettings(4.0)).of_references(references)
    assert engine.usable.tolist() == [True, False, True]
    assert engine.assign(references, BEST).labels.tolist() == [0, -1, 2]
