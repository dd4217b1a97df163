"""Everything that is done with groups of images can be sent to another process and back."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from cl2d.cores.members import measure_members
from cl2d.engine import ClassicalRule, LocalEngine, normalised_references
from cl2d.evaluate import half_set_level
from cl2d.levels.cuts import CutRule, find_cuts, judging_rule
from cl2d.levels.joints import find_joints
from cl2d.levels.regroup import find_regroupings
from cl2d.results import LevelResult
from tests.engine_inputs import (
    blob_particles,
    engine_of,
    noise_images,
    random_poses,
    references_from,
    white_plan,
)

BOX, N = 24, 160
PLAN = white_plan(BOX)


class SendingEngine(LocalEngine):
    """Sends functions, items and results as bytes."""

    def each(self, function, groups):
        function, groups = pickle.loads(pickle.dumps((function, list(groups))))
        for result in super().each(function, groups):
            yield pickle.loads(pickle.dumps(result))


@pytest.fixture(scope="module")
def engine():
    poses = random_poses(N, 1.0)
    views = [blob_particles(BOX, poses, seed) for seed in range(4)]
    images = np.choose((np.arange(N) % 4)[:, None, None], views)
    return engine_of(images + 0.3 * noise_images(N, BOX), PLAN)


@pytest.fixture(scope="module")
def sending(engine):
    found = engine.subset(np.arange(N))
    found.__class__ = SendingEngine
    return found


@pytest.fixture(scope="module")
def level(engine):
    """Return two classes, both of the same two views, and two of one view."""
    still = random_poses(N, 0.0)
    pairs = references_from(
        np.stack([blob_particles(BOX, still.take(np.array([0])), seed)[0] for seed in (0, 1, 2)]),
        PLAN,
    )
    found = engine.assign(pairs, ClassicalRule())
    labels = np.where(found.labels == 2, 2, np.arange(N) % 2).astype(np.int32)
    confidence = np.ones(N, dtype=np.float32)
    return LevelResult(
        0, 3, labels, found.poses, found.scores, confidence, np.full(3, -1, np.int32)
    )


def test_half_sets(engine, sending, level):
    here, there = (half_set_level(one, level).poses for one in (engine, sending))
    np.testing.assert_array_equal(here.psi_rad, there.psi_rad)
    np.testing.assert_array_equal(here.shift_px, there.shift_px)


def test_measures_of_members(engine, sending, level):
    here, there = (measure_members(one, level) for one in (engine, sending))
    assert here.judged.any()
    np.testing.assert_array_equal(here.fit, there.fit)
    np.testing.assert_array_equal(here.pca_zscore, there.pca_zscore)


@pytest.mark.parametrize("split_by", ["component", "fit", "better"])
def test_cuts_joints_and_regroupings(engine, sending, level, split_by):
    rule = judging_rule(CutRule(split_by, 20.0))
    found = []
    for one in (engine, sending):
        cuts = find_cuts(one, level, 3, rule)
        references = normalised_references(one.update(level.labels, level.poses, 3).sums)
        joints = find_joints(one, level, references)
        regroupings = find_regroupings(one, level, joints, cuts)
        found.append(
            [
                [cut.gain for cut in cuts.values()],
                [(joint.kept, joint.absorbed, joint.loss) for joint in joints],
                [(one.classes, one.sure_gain) for one in regroupings],
            ]
        )
    assert found[0] == found[1]
    assert len(found[0][0]) == len(found[0][1]) == 3
