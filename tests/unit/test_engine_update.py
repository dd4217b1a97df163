from __future__ import annotations

import numpy as np
import pytest

from cl2d import _native
from cl2d.engine import SearchSettings
from tests.engine_inputs import engine_of, noise_images, random_poses, white_plan

PLAN = white_plan(24)
N = 37


@pytest.fixture(scope="module")
def block():
    return engine_of(noise_images(N, 24), PLAN)._blocks[0]


def native_poses(n=N, seed=0):
    poses = random_poses(n, 3.0, seed)
    return {
        "psi_rad": poses.psi_rad,
        "shift_xy": poses.shift_px,
        "mirror": poses.mirror.astype(np.uint8),
    }


def slots(n=N, n_slots=3):
    """Return targets with one image in n_slots + 1 left out."""
    return (np.arange(n) % (n_slots + 1) - 1).astype(np.int32)


def accumulated(block, **changes):
    given = {"slots": slots(), **native_poses(), "n_slots": 3, "n_threads": 1}
    return _native.accumulate(block, **{**given, **changes})


def test_sums_are_those_of_the_aligned_members_in_float64(block):
    members = _native.align_members(block, **native_poses(), n_threads=1).astype(np.complex128)
    expected = np.stack([members[slots() == slot].sum(axis=0) for slot in range(3)])
    # numpy may add in another order: roundings of float64, a few 1e-16 of sums of size 10.
    np.testing.assert_allclose(accumulated(block), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_change_no_bit(block, n_threads):
    np.testing.assert_array_equal(accumulated(block, n_threads=n_threads), accumulated(block))
    one, more = (
        _native.align_members(block, **native_poses(), n_threads=threads)
        for threads in (1, n_threads)
    )
    np.testing.assert_array_equal(one, more)


def test_images_without_a_slot_are_left_out(block):
    assert not accumulated(block, slots=np.full(N, -1, np.int32)).any()


def test_aligned_images_keep_their_norm(block):
    members = _native.align_members(block, **native_poses(), n_threads=1)
    norms = np.sqrt((np.abs(members) ** 2).mean(axis=2).sum(axis=1))
    # Norm 1 to float: rotation, shift and the sum over samples round by 6e-8 each.
    np.testing.assert_allclose(norms, 1, rtol=2e-6)


def test_image_at_rest_is_the_image(block):
    """Its samples have the coefficients that the block holds."""
    at_rest = {
        "psi_rad": np.zeros(N),
        "shift_xy": np.zeros((N, 2)),
        "mirror": np.zeros(N, np.uint8),
    }
    half = _native.align_members(block, **at_rest, n_threads=1)[5]
    orders = np.fft.fft(np.concatenate([half, half.conj()], axis=1), axis=1) / block.grid.n_angles
    grid = block.grid
    held = block.coefficients(5)
    at = 0
    for m in range(grid.n_orders):
        rings = [ring for ring in range(grid.n_rings) if grid.max_order(ring) >= m]
        np.testing.assert_allclose(orders[rings, m], held[at : at + len(rings)], atol=1e-6)
        at += len(rings)
    assert at == len(held)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("slots", np.zeros(N, np.int64)),
        ("psi_rad", np.zeros(N, np.float32)),
        ("shift_xy", np.zeros((2, N)).T),
        ("mirror", np.zeros(N, bool)),
        ("psi_rad", np.zeros(2 * N)[::2]),
    ],
)
def test_other_arrays_are_refused_not_converted(block, name, array):
    with pytest.raises(TypeError, match="incompatible function arguments"):
        accumulated(block, **{name: array})


def test_sizes_that_do_not_fit_are_refused_with_both(block):
    with pytest.raises(ValueError, match=r"poses must number 37 .*, not 36"):
        accumulated(block, **native_poses(36))
    with pytest.raises(ValueError, match=r"slots must have shape \(37, \), not \(36, \)"):
        accumulated(block, slots=slots(36))
    with pytest.raises(ValueError, match="slots must be below 2, not 2"):
        accumulated(block, n_slots=2)
    with pytest.raises(ValueError, match="n_slots must be at least 1"):
        accumulated(block, n_slots=0)
    with pytest.raises(ValueError, match=r"mirror must have shape \(37, \), not \(3, \)"):
        accumulated(block, mirror=np.zeros(3, np.uint8))


def planted(n, dimension, strength, seed=0):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=dimension)
    members = rng.normal(size=(n, dimension)) + rng.normal(size=dimension)
    members += strength * rng.normal(size=(n, 1)) * direction / np.linalg.norm(direction)
    return members.astype(np.float32)


@pytest.mark.parametrize(("n", "dimension"), [(2, 5), (60, 8), (40, 300), (7, 1)])
def test_component_is_that_of_the_singular_value_decomposition(n, dimension):
    members = planted(n, dimension, 20.0)
    scores, variance, total = _native.leading_component(members)
    centred = members.astype(np.float64) - members.mean(axis=0, dtype=np.float64)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    expected = u[:, 0] * s[0]
    expected *= np.sign(expected @ scores)
    # Much stronger than the noise, so 30 iterations converge to float; rows round by 6e-8 of their
    # norm in each of `dimension` products.
    np.testing.assert_allclose(scores, expected, atol=1e-6 * s[0] * np.sqrt(dimension))
    assert variance == pytest.approx(s[0] ** 2 / n, rel=1e-5)
    assert total == pytest.approx((s**2).sum() / n, rel=1e-5)


def test_component_refuses_what_has_none():
    with pytest.raises(ValueError, match="2 members of dimension 1 at least, not 1 of dimension 4"):
        _native.leading_component(np.zeros((1, 4), np.float32))
    with pytest.raises(ValueError, match="at least, not 3 of dimension 0"):
        _native.leading_component(np.zeros((3, 0), np.float32))
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _native.leading_component(np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"members must have shape"):
        _native.leading_component(np.zeros(3, np.float32))


def test_engine_sums_are_added_block_by_block(monkeypatch):
    """One engine of three blocks against the three blocks on their own: (1 + 2) + 3."""
    for module in ("ingest", "local", "storage"):
        monkeypatch.setattr(f"cl2d.engine.{module}.BLOCK_IMAGES", 16)
    engine = engine_of(noise_images(N, 24), PLAN, SearchSettings(3.0))
    assert [block.n_images for block in engine._blocks] == [16, 16, 5]
    poses = random_poses(N, 3.0)
    update = engine.update(slots(), poses, 3)
    expected = np.zeros_like(update.sums)
    for start, block in zip((0, 16, 32), engine._blocks, strict=True):
        rows = slice(start, start + block.n_images)
        expected += _native.accumulate(
            block,
            slots()[rows],
            poses.psi_rad[rows],
            poses.shift_px[rows],
            poses.mirror[rows].astype(np.uint8),
            3,
            1,
        )
    np.testing.assert_array_equal(update.sums, expected)
    np.testing.assert_array_equal(update.counts, np.bincount(slots()[slots() >= 0]))
