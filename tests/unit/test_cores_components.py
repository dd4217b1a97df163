"""Components: those that are real are found, and at least one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from cl2d.cores.components import leading_components, turned

RINGS, HALF = 6, 20


def noise_members(n: int, seed: int = 0) -> npt.NDArray[np.complex64]:
    """Return noise with a colour of its own in each ring."""
    rng = np.random.default_rng(seed)
    real, imaginary = rng.normal(size=(2, n, RINGS, HALF))
    colour = np.linspace(2, 0.5, RINGS)[:, None]
    return ((real + 1j * imaginary) * colour).astype(np.complex64)


def with_components(n: int, n_components: int) -> npt.NDArray[np.complex64]:
    rng = np.random.default_rng(5)
    shapes = noise_members(n_components, seed=9)
    weights = rng.normal(size=(n, n_components)).astype(np.float32)
    return noise_members(n) + np.einsum("nc,crh->nrh", weights, shapes)


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_as_many_components_are_found_as_there_are(n_components: int) -> None:
    members = with_components(400, n_components)
    basis = leading_components(members, 5, np.random.default_rng(0))
    assert basis.shape == (n_components, 2 * RINGS * HALF)
    np.testing.assert_allclose(basis @ basis.T, np.eye(n_components), atol=1e-4)


def test_noise_alone_has_one_component() -> None:
    assert len(leading_components(noise_members(400), 5, np.random.default_rng(0))) == 1


def test_there_are_no_more_components_than_allowed() -> None:
    assert len(leading_components(with_components(400, 3), 2, np.random.default_rng(0))) == 2


def test_turning_keeps_the_power_of_every_ring() -> None:
    members = noise_members(30)
    power = (np.abs(turned(members, np.random.default_rng(1))) ** 2).sum(axis=2)
    np.testing.assert_allclose(power, (np.abs(members) ** 2).sum(axis=2), rtol=1e-5)


def test_turning_by_half_a_turn_conjugates() -> None:
    class HalfTurn:
        def integers(self, high: int, size: int) -> npt.NDArray[np.int64]:
            assert high == 2 * HALF
            return np.full(size, HALF)

    members = noise_members(3)
    np.testing.assert_array_equal(turned(members, HalfTurn()), members.conj())  # type: ignore[arg-type]
