from __future__ import annotations

import numpy as np
import pytest

from cl2d.levels.two_groups import two_group_evidence


def scores(*groups: tuple[int, float], spread: float = 1.0, seed: int = 0) -> np.ndarray:
    """Return ascending scores of groups given as (members, centre)."""
    rng = np.random.default_rng(seed)
    return np.sort(np.concatenate([rng.normal(centre, spread, n) for n, centre in groups]))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("n", [30, 300, 1000])
def test_one_group_gives_no_evidence_whatever_its_spread(n: int, seed: int) -> None:
    assert two_group_evidence(scores((n, 0.0), spread=7.0, seed=seed))[0] < 0.1


@pytest.mark.parametrize(("first", "second"), [(100, 100), (60, 140), (150, 50)])
def test_two_groups_are_evident_and_cut_between_them(first: int, second: int) -> None:
    gain, size = two_group_evidence(scores((first, -4.0), (second, 4.0)))
    assert gain > 0.5
    assert size == first


def test_more_distance_is_more_evidence() -> None:
    gains = [two_group_evidence(scores((80, -d), (80, d)))[0] for d in (0.5, 1.5, 3.0, 6.0)]
    assert gains == sorted(gains)


def test_scale_and_offset_do_not_matter() -> None:
    values = scores((50, -2.0), (70, 2.0))
    gain, size = two_group_evidence(values)
    other_gain, other_size = two_group_evidence(1e4 * values - 3e5)
    assert other_size == size
    assert other_gain == pytest.approx(gain, abs=1e-6)


@pytest.mark.parametrize("n", [2, 3, 4, 50])
def test_equal_scores_are_cut_in_the_middle_without_evidence(n: int) -> None:
    gain, size = two_group_evidence(np.full(n, 2.5))
    assert gain < 0
    assert 1 <= size <= n - 1


@pytest.mark.parametrize("values", [[0.0, 1.0], [0.0, 0.0, 5.0], [-1e30, 0.0, 1e30]])
def test_few_members_leave_at_least_one_on_either_side(values: list[float]) -> None:
    gain, size = two_group_evidence(np.array(values))
    assert np.isfinite(gain)
    assert 1 <= size <= len(values) - 1


def test_single_far_member_is_a_group_of_its_own() -> None:
    _, size = two_group_evidence(np.append(np.linspace(-1, 1, 99), 60.0))
    assert size == 99
