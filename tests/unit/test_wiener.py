"""Signal and noise of classes, told apart by two halves of each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from cl2d.outputs.wiener import HalfSums, inverse_signal_to_noise

RINGS = 12
SIZE = 2.0 * np.pi * np.arange(RINGS) + 1.0
PROFILE = np.exp(-0.2 * np.arange(RINGS))


def expected_sums(members: list[int], signal, noise: float, transfer=0.5) -> HalfSums:
    """What sums of halves have on average: no chance, D_1 D_2 P across and D^2 P + D N each."""
    halves = np.array([[(n + 1) // 2, n // 2] for n in members], dtype=np.float64)
    sums = halves[:, :, None] * np.broadcast_to(transfer, RINGS)
    signal = np.broadcast_to(signal, (len(members), RINGS))
    power = np.square(sums) * signal[:, None] + sums * noise
    return HalfSums(sums, power, sums.prod(axis=1) * signal)


def taken_away(sums: HalfSums) -> npt.NDArray[np.float64]:
    """Return the share of the signal that the filter takes away, by class and ring."""
    inverse = inverse_signal_to_noise(sums, SIZE)
    return (inverse / (sums.transfer.sum(axis=1) + inverse))[:, 1:]


@pytest.mark.parametrize("n", [40, 80, 1000])
def test_filter_takes_away_the_share_of_noise_in_the_sum(n):
    expected = 0.3 / (0.5 * n * PROFILE + 0.3)
    found = taken_away(expected_sums([n], PROFILE, 0.3))
    # What the common signal of neighbouring rings, and chance, leave open.
    np.testing.assert_allclose(found[0], expected[1:], rtol=0.15)


def test_twice_the_members_halve_what_the_filter_takes_away():
    more, fewer = (taken_away(expected_sums([n], PROFILE, 0.3)) for n in (2000, 1000))
    np.testing.assert_allclose(more / fewer, 0.5, atol=0.02)


def test_noise_alone_is_no_signal():
    rng = np.random.default_rng(0)
    sums = expected_sums([50] * 20, 0.0, 1.0)
    chance = rng.normal(size=sums.cross.shape) * np.sqrt(sums.power.prod(axis=1) / SIZE)
    found = inverse_signal_to_noise(HalfSums(sums.transfer, sums.power, chance), SIZE)
    # What the filter leaves of the noise of a plain average, in power.
    left = np.square(25.0 / (25.0 + found[:, 1:]))
    assert left.mean() < 0.03, left.mean()


def test_class_of_noise_among_others_of_signal_is_damped_on_its_own():
    signal = np.array([PROFILE, PROFILE, np.zeros(RINGS)])
    found = inverse_signal_to_noise(expected_sums([100, 100, 100], signal, 0.3), SIZE)
    assert (found[2, 3:] > 20 * found[0, 3:]).all()


def test_class_of_signal_among_others_of_noise_is_believed():
    signal = np.zeros((8, RINGS))
    signal[0] = PROFILE
    found = inverse_signal_to_noise(expected_sums([100] + [1000] * 7, signal, 0.3), SIZE)
    np.testing.assert_allclose(found[0, 3:], 0.3 / PROFILE[3:], rtol=0.1)


def test_single_member_takes_the_signal_of_the_others():
    found = inverse_signal_to_noise(expected_sums([200, 1], PROFILE, 0.3), SIZE)
    # Neighbouring rings differ by a factor of 1.5 at most.
    ratio = found[1, 1:] / found[0, 1:]
    assert ((ratio > 0.5) & (ratio < 2.0)).all(), ratio


def test_nothing_is_known_of_single_images():
    found = inverse_signal_to_noise(expected_sums([1, 1, 0], PROFILE, 0.3), SIZE)
    np.testing.assert_array_equal(found, 1.0)


def test_ring_that_nothing_is_transferred_in_takes_the_signal_of_its_neighbours():
    transfer = np.full(RINGS, 0.5)
    transfer[6] = 1e-4
    sums = expected_sums([40], PROFILE, 0.3, transfer)
    # Turning images brings noise into the ring, a hundred times its own; by chance much of it
    # is alike in both halves.
    sums.power[0, :, 6] *= 100.0
    sums.cross[0, 6] = sums.power[0, :, 6].mean() * 0.3
    inverse = inverse_signal_to_noise(sums, SIZE)[0, 6]
    weight = 1.0 / (sums.transfer[0, :, 6].sum() + inverse)
    noise_left = np.square(weight) * sums.power[0, :, 6].sum()
    plain_noise = 0.3 / 40
    assert noise_left < plain_noise
    assert np.isfinite(inverse)


def test_rings_without_any_power_stay_empty():
    found = inverse_signal_to_noise(expected_sums([10, 4], 0.0, 0.0), SIZE)
    assert np.isinf(found).all()
