"""Junk z: 0 for what shows its class, 3 where noise fits as well."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.cores.junk import junk_zscores, misfit_zscores, statistics_zscores
from cl2d.cores.noise import NoiseFit

NOISE = NoiseFit(typical=0.2, spread=0.02)
LIMIT = 0.2 + 1.1 * 0.02


def fits(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.6, 0.05, n)


def test_typical_member_has_zero_and_noise_has_three() -> None:
    fit = np.append(fits(1001), [LIMIT, 0.1])
    labels = np.zeros(len(fit), dtype=np.int32)
    z = misfit_zscores(fit, labels, NOISE)
    assert z[np.argsort(fit)[len(fit) // 2]] == pytest.approx(0.0, abs=1e-9)
    assert z[-2] == pytest.approx(3.0)
    assert z[-1] > 3
    assert (z[:-2] < 3).all()


def test_each_class_has_its_own_expectation() -> None:
    fit = np.concatenate([fits(500), fits(500) - 0.2])
    labels = np.repeat(np.array([0, 1], dtype=np.int32), 500)
    z = misfit_zscores(fit, labels, NOISE)
    np.testing.assert_allclose([np.median(z[:500]), np.median(z[500:])], 0.0, atol=0.02)
    expected = np.median(fit[500:])
    below = 500 + int(np.argmin(fit[500:]))
    assert z[below] == pytest.approx(3 * (expected - fit[below]) / (expected - LIMIT))


def test_a_class_of_junk_is_not_its_own_measure() -> None:
    rng = np.random.default_rng(2)
    fit = np.concatenate([fits(900), rng.normal(0.19, 0.01, 100)])
    labels = np.repeat(np.array([0, 1], dtype=np.int32), [900, 100])
    assert (misfit_zscores(fit, labels, NOISE)[900:] > 3).all()


def test_noise_that_fits_like_members_decides_nothing() -> None:
    fit = fits(100_000)
    z = misfit_zscores(fit, np.zeros(len(fit), dtype=np.int32), NoiseFit(0.6, 0.05))
    assert np.mean(z > 3) == pytest.approx(0.055, abs=0.005)


def test_statistics_of_gaussian_members_reject_a_quarter_percent() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 100_000).astype(np.int32)
    z = statistics_zscores(rng.normal(size=(len(labels), 5)), fits(len(labels)), labels)
    assert np.mean(z > 3) == pytest.approx(0.0027, abs=0.0008)


def test_power_that_goes_with_the_fit_is_no_junk() -> None:
    """A strong particle fits well and has much power; the same power without fit stands out."""
    rng = np.random.default_rng(0)
    fit = fits(2000)
    power = 20 * fit + rng.normal(size=2000)
    fit[:2], power[:2] = [0.75, 0.45], [15.0, 15.0]
    z = statistics_zscores(power[:, None], fit, np.zeros(2000, dtype=np.int32))
    assert z[0] < 2
    assert z[1] > 4


def test_a_statistic_that_never_varies_says_nothing() -> None:
    z = statistics_zscores(np.ones((50, 2)), fits(50), np.zeros(50, dtype=np.int32))
    assert not z.any()


def test_either_ground_is_enough() -> None:
    fit, statistics = fits(500), np.random.default_rng(0).normal(size=(500, 1))
    fit[0], statistics[1] = 0.1, 8.0
    z = junk_zscores(fit, statistics, np.zeros(500, dtype=np.int32), NOISE)
    assert (z[:2] > 3).all()
    assert np.mean(z[2:] > 3) < 0.02
