from __future__ import annotations

import numpy as np

from cl2d.cluster.packed import PackedPoses
from cl2d.cluster.sealed import sealed
from cl2d.results import Poses
from tests.engine_inputs import random_poses


def test_poses_of_the_engine_travel_in_half_the_bytes_and_others_exactly() -> None:
    poses = random_poses(100, 4.0)
    exact = PackedPoses.of(poses)
    single = Poses(
        poses.psi_rad.astype(np.float32).astype(float),
        poses.shift_px.astype(np.float32).astype(float),
        poses.mirror,
    )
    short = PackedPoses.of(single)
    for given, packed in ((poses, exact), (single, short)):
        found = packed.unpacked()
        np.testing.assert_array_equal(found.psi_rad, given.psi_rad)
        np.testing.assert_array_equal(found.shift_px, given.shift_px)
        np.testing.assert_array_equal(found.mirror, given.mirror)
        assert found.psi_rad.dtype == np.float64
    assert len(sealed(exact)) - len(sealed(short)) == 100 * 12
