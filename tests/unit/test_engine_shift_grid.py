from __future__ import annotations

import numpy as np
import pytest

from cl2d.engine import shift_grid
from cl2d.engine.shift_grid import LARGEST_PHASE_RAD, covering_radius_px

DISCS = pytest.mark.parametrize(
    ("max_shift_px", "covering_px"), [(5.0, 0.6), (6.4, 1.0), (3.0, 0.37), (0.9, 0.5), (12.0, 2.5)]
)


@DISCS
def test_all_shifts_lie_in_the_disc_and_differ(max_shift_px, covering_px):
    shifts = shift_grid(max_shift_px, covering_px)
    assert np.hypot(*shifts.T).max() <= max_shift_px * (1 + 1e-9)
    between = np.linalg.norm(shifts[:, None] - shifts[None], axis=2)
    between[np.diag_indices(len(shifts))] = np.inf
    # Nearest neighbours of a triangular lattice of covering radius r are sqrt(3) r apart.
    assert between.min() == pytest.approx(np.sqrt(3) * covering_px) or len(shifts) == 1


@DISCS
def test_no_shift_within_reach_is_farther_from_a_candidate_than_promised(max_shift_px, covering_px):
    shifts = shift_grid(max_shift_px, covering_px)
    rng = np.random.default_rng(0)
    asked = rng.uniform(-max_shift_px, max_shift_px, (4000, 2))
    # The nearest lattice point of a shift this deep in the disc is itself in the disc.
    asked = asked[np.hypot(*asked.T) < max_shift_px - covering_px]
    nearest = np.linalg.norm(asked[:, None] - shifts[None], axis=2).min(axis=1)
    assert len(nearest) > 0
    assert nearest.max() <= covering_px * (1 + 1e-9)


@DISCS
def test_shifts_come_nearest_first_and_begin_with_none(max_shift_px, covering_px):
    shifts = shift_grid(max_shift_px, covering_px)
    lengths = np.hypot(*shifts.T)
    assert (np.diff(lengths) >= 0).all()
    assert shifts[0].tolist() == [0, 0]


@DISCS
def test_lattice_is_the_same_seen_from_the_opposite_side(max_shift_px, covering_px):
    """Else mirrored or turned particles would meet other candidates than their twins."""
    shifts = {tuple(shift) for shift in np.round(shift_grid(max_shift_px, covering_px), 9) + 0.0}
    assert {(-x + 0.0, -y + 0.0) for x, y in shifts} == shifts
    assert {(-x + 0.0, y) for x, y in shifts} == shifts


@pytest.mark.parametrize("max_shift_px", [0.0, 0.3])
def test_disc_smaller_than_the_lattice_leaves_the_zero_shift(max_shift_px):
    np.testing.assert_array_equal(shift_grid(max_shift_px, 1.0), np.zeros((1, 2)))


def test_shifts_are_what_the_extension_takes():
    shifts = shift_grid(4.0, 0.8)
    assert shifts.dtype == np.float64
    assert shifts.flags.c_contiguous


def test_finest_detail_is_off_by_the_largest_phase_at_most():
    covering_px = covering_radius_px(64, 20)
    assert 2 * np.pi * 20 * covering_px / 64 == pytest.approx(LARGEST_PHASE_RAD)
