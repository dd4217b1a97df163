"""Whatever the functions of the extension are given, they give a result or a Python exception."""

from __future__ import annotations

import contextlib
import inspect

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cl2d import _native

GRID = _native.PolarGrid(12, 1, 5, 5.5)
BLOCK = _native.ImageBlock(GRID, 20)
HALVES = _native.ImageBlock(GRID, 20, True)
TILES = _native.TileRange(0, 2)
SAMPLER = _native.PolarSampler(GRID, np.ones(GRID.n_rings))
RULES = _native.GreyRules(
    clip_sigma=3.0,
    clip_rounds=3,
    clipped_std=0.98,
    spike_rms=10.0,
    spike_rounds=3,
    largest=1e4,
    beyond_sums=1e30,
    least_spread=1e-6,
    least_range=1e-30,
    least_deviation=1e-36,
)
SAMPLES = (GRID.n_rings, GRID.n_half_angles)


def _array(shape: tuple[int, ...], dtype: str, value: float = 0) -> np.ndarray:
    return np.full(shape, value, dtype)


def fitting() -> dict[str, tuple[object, list[object]]]:
    """Return every function with arguments it accepts."""
    samples = _array((3, *SAMPLES), "c8", 1)
    shifts, chosen = _array((4, 2), "f8"), _array((32, 2), "i4")
    psi, shift_xy, mirror = _array((20,), "f8"), _array((20, 2), "f8"), _array((20,), "u1")
    pixels, mask = _array((3, 8, 8), "f4", 1), _array((8, 8), "f4", 1)
    options = _native.SearchOptions(True, 2)
    memory = np.zeros(_native.ImageBlock.bytes_needed(GRID, 5, True) + 64, np.uint8)
    start = -memory.ctypes.data % 64
    memory = memory[start : start + _native.ImageBlock.bytes_needed(GRID, 5, True)]
    return {
        "PolarGrid": (_native.PolarGrid, [12, 1, 5, 5.5]),
        "PolarGrid.max_order": (GRID.max_order, [0]),
        "TileRange": (_native.TileRange, [0, 1]),
        "SearchOptions": (_native.SearchOptions, [True, 1]),
        "RefineOptions": (_native.RefineOptions, [0.1, 0.5, 2, 3.0, 1]),
        "GreyRules": (
            lambda *given: _native.GreyRules(**dict(zip(_RULE_NAMES, given, strict=False))),
            [3.0, 3, 0.98, 10.0, 3, 1e4, 1e24, 1e-6, 1e-30, 1e-36],
        ),
        "ImageBlock": (_native.ImageBlock, [GRID, 20, True]),
        "ImageBlock in memory": (_native.ImageBlock, [GRID, 5, True, memory]),
        "ImageBlock.bytes_needed": (_native.ImageBlock.bytes_needed, [GRID, 5, False]),
        "ImageBlock.from_polar": (_native.ImageBlock.from_polar, [GRID, samples, 1]),
        "ImageBlock.select": (BLOCK.select, [np.array([3, 1], np.int64)]),
        "ImageBlock.copy_image": (BLOCK.copy_image, [BLOCK, 3, 4]),
        "ImageBlock.copy_images": (
            _native.ImageBlock(GRID, 2).copy_images,
            [[BLOCK, BLOCK], 20, np.array([3, 39], np.int64)],
        ),
        "ImageBlock.coefficients": (HALVES.coefficients, [3]),
        "PolarSampler": (_native.PolarSampler, [GRID, np.ones(GRID.n_rings)]),
        "PolarSampler.fill": (SAMPLER.fill, [BLOCK, 0, _array((2, 24, 13), "c8"), 1]),
        "gridding_correction": (_native.gridding_correction, [12]),
        "search": (_native.search, [BLOCK, TILES, samples, shifts, options]),
        "search_chosen": (_native.search_chosen, [BLOCK, TILES, samples, shifts, options, chosen]),
        "moved_images": (_native.moved_images, [HALVES, TILES, shift_xy, 1]),
        "refine": (
            _native.refine,
            [
                BLOCK,
                TILES,
                samples,
                _native.RefineOptions(0.1, 0.5, 2, 3.0, 1),
                _array((20,), "i4"),
                psi,
                shift_xy,
                mirror,
            ],
        ),
        "accumulate": (
            _native.accumulate,
            [BLOCK, _array((20,), "i4"), psi, shift_xy, mirror, 2, 1],
        ),
        "align_members": (_native.align_members, [HALVES, psi, shift_xy, mirror, 1]),
        "correntropy": (
            _native.correntropy,
            [
                pixels,
                pixels,
                mask,
                1.5,
                _array((3, 1), "i4"),
                _array((3, 1), "f8"),
                _array((3, 1, 2), "f8"),
                _array((3, 1), "u1"),
                1,
            ],
        ),
        "accumulate_transformed": (
            _native.accumulate_transformed,
            [
                _array((2, 8, 8), "f8"),
                pixels,
                _array((3,), "i4"),
                *[_array((3,), "f8")] * 3,
                _array((3,), "u1"),
                _array((3, 1), "i4"),
                1,
            ],
        ),
        "normalise_images": (
            _native.normalise_images,
            [pixels.reshape(3, 64), np.arange(9, dtype=np.int64), mask.reshape(64), RULES],
        ),
        "patch_moments": (_native.patch_moments, [pixels, np.array([0, 4], np.int64)]),
        "gram_spectrum": (_native.gram_spectrum, [_array((5, 30), "f4", 1), 2]),
        "leading_component": (_native.leading_component, [_array((5, 30), "f4", 1)]),
        "set_simd_level": (_native.set_simd_level, [_native.simd_level()]),
        "simd_level": (_native.simd_level, []),
        "available_simd_levels": (_native.available_simd_levels, []),
    }


_RULE_NAMES = (
    "clip_sigma",
    "clip_rounds",
    "clipped_std",
    "spike_rms",
    "spike_rounds",
    "largest",
    "beyond_sums",
    "least_spread",
    "least_range",
    "least_deviation",
)
FITTING = fitting()

ALLOWED = (ValueError, TypeError, IndexError, MemoryError, OverflowError)
whole_numbers = st.one_of(
    st.integers(-3, 70),
    st.sampled_from([2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**64, 2**31, 10**30]),
)
whole_64_bits = st.integers(-(2**63), 2**63 - 1)
odd_values = st.sampled_from(
    [np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 1e-40, 3.4e38, 2**31, -1, 0, 1, 1e6 + 1]
)
dtypes = st.sampled_from(
    ["f4", "f8", "c8", "c16", "i4", "i8", "u1", "bool", ">f4", ">i8", "O", "U3"]
)
things = st.one_of(
    st.none(), st.booleans(), whole_numbers, odd_values, st.text(max_size=3), st.just(b"\0"),
    st.just([]), st.just([None]), st.just([BLOCK, None]), st.just([BLOCK] * 3), st.just(HALVES),
    st.just(GRID), st.just(TILES), st.just(RULES), st.just(object()),
    st.builds(_native.TileRange, whole_64_bits, whole_64_bits),
    st.builds(_native.TileRange, st.integers(-1, 3), st.integers(-1, 3)),
    st.builds(_native.SearchOptions, st.booleans(), st.integers(-(2**31), 2**31 - 1)),
)  # fmt: skip


def misplaced(array: np.ndarray) -> np.ndarray:
    """Return the same numbers from an odd byte on."""
    raw = np.zeros(array.nbytes + 1, np.uint8)
    moved = raw[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def frozen(array: np.ndarray) -> np.ndarray:
    """Return a copy that cannot be written to."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def with_value(array: np.ndarray, value: float, where: int | None) -> np.ndarray:
    """Return a copy of one value, or with it in one place."""
    copy = array.copy()
    with np.errstate(all="ignore"):
        if array.dtype.kind in "iu":
            value = np.nan_to_num(value)
        cast = np.array(value, np.float64).astype(array.dtype)
    if where is None or not copy.size:
        copy[...] = cast
    else:
        copy.flat[where % copy.size] = cast
    return copy


def spoilt_arrays(array: np.ndarray) -> st.SearchStrategy[object]:
    """Return arrays of another type, shape, order, place in memory or of other values."""
    if array.dtype.kind in "OU":
        return things
    shapes = st.lists(st.integers(0, 40), max_size=4).filter(lambda shape: np.prod(shape) < 1e5)
    kept = [
        array[::-1] if array.ndim else array,
        np.asfortranarray(array),
        misplaced(array),
        frozen(array),
    ]
    return st.one_of(
        dtypes.map(lambda dtype: np.zeros(array.shape, dtype)),
        shapes.map(lambda shape: np.zeros(shape, array.dtype)),
        st.sampled_from(kept),
        st.builds(
            with_value, st.just(array), odd_values, st.one_of(st.none(), st.integers(0, 999))
        ),
        things,
    )


@st.composite
def spoilt_calls(draw: st.DrawFn, name: str) -> list[object]:
    """Return the arguments of a function, one or two of them wrong."""
    arguments = list(FITTING[name][1])
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, max(len(arguments) - 1, 0)))
        if not arguments or draw(st.integers(0, 15)) == 0:
            arguments.insert(at, draw(things))
        elif isinstance(arguments[at], np.ndarray):
            arguments[at] = draw(spoilt_arrays(arguments[at]))
        elif isinstance(arguments[at], bool) or not isinstance(arguments[at], (int, float)):
            arguments[at] = draw(things)
        else:
            arguments[at] = draw(st.one_of(whole_numbers, odd_values, things))
    return arguments


def _functions_of(holder: object) -> set[str]:
    return {name for name in vars(holder) if not name.startswith("_")}


def test_every_function_of_the_extension_is_called_here():
    called = {name.split(" ")[0] for name in FITTING}
    for name, thing in vars(_native).items():
        if inspect.isclass(thing):
            assert name in called
            methods = (m for m in _functions_of(thing) if callable(getattr(thing, m)))
            assert {f"{name}.{method}" for method in methods} <= called
        elif callable(thing):
            assert name in called


@pytest.mark.parametrize("name", FITTING)
def test_what_fits_is_accepted(name):
    function, arguments = FITTING[name]
    function(*arguments)


@pytest.mark.parametrize("name", FITTING)
def test_what_does_not_fit_is_refused_in_python(name):
    @settings(
        max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(arguments=spoilt_calls(name))
    def refuse(arguments: list[object]) -> None:
        if name == "accumulate" and any(type(a) is int and a > 10**6 for a in arguments):
            return  # sums for a billion classes are what was asked for
        # Any other end is a fault.
        with np.errstate(all="ignore"), contextlib.suppress(*ALLOWED):
            FITTING[name][0](*arguments)

    refuse()


def test_memory_that_nobody_has_is_a_memory_error():
    with pytest.raises(MemoryError):
        _native.ImageBlock(_native.PolarGrid(8192, 1, 4095, 4000.0), 2**31 - 1)


def test_numbers_across_their_places_in_memory_are_refused():
    raw = np.zeros(4 * 60 + 1, np.uint8)
    members = raw[1:].view(np.float32).reshape(5, 12)
    with pytest.raises(ValueError, match="members must be aligned in memory to its numbers"):
        _native.leading_component(members)


def test_images_of_unequal_sides_have_no_patches():
    with pytest.raises(ValueError, match=r"images must have shape \(any, 4, 4, \), not \(2, 4, 9"):
        _native.patch_moments(np.zeros((2, 4, 9), np.float32), np.array([0], np.int64))


def test_blocks_that_are_none_are_refused():
    with pytest.raises(ValueError, match="blocks must be blocks, not nothing"):
        _native.ImageBlock(GRID, 1).copy_images([None], 20, np.zeros(1, np.int64))


@pytest.mark.parametrize("size", [2**63 - 1, 2**63 - 16, 2**31])
def test_sizes_that_overflow_are_refused(size):
    with pytest.raises(ValueError, match="n_images must be at most"):
        _native.ImageBlock(GRID, size)
    with pytest.raises(ValueError, match="tiles must lie in the 2 of the block"):
        _native.moved_images(BLOCK, _native.TileRange(size, size), np.zeros((0, 2)), 1)
    with pytest.raises(ValueError, match="must start a tile of 16 and lie within"):
        SAMPLER.fill(BLOCK, size - size % 16, np.zeros((20, 24, 13), np.complex64), 1)


def test_threads_are_no_more_than_a_machine_has():
    with pytest.raises(ValueError, match="n_threads must be at most 4096, not 2147483647"):
        _native.align_members(*FITTING["align_members"][1][:-1], 2**31 - 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, 2e6])
def test_poses_that_cannot_be_meant_are_refused(value):
    shift_xy = np.zeros((20, 2))
    shift_xy[17, 1] = value
    psi, mirror = np.zeros(20), np.zeros(20, np.uint8)
    message = "image 17 must be finite"
    labels = np.zeros(20, np.int32)
    with pytest.raises(ValueError, match=message):
        _native.accumulate(BLOCK, labels, psi, shift_xy, mirror, 1, 1)
    with pytest.raises(ValueError, match=message):
        _native.align_members(BLOCK, psi, shift_xy, mirror, 1)
    with pytest.raises(ValueError, match=message):
        _native.moved_images(BLOCK, TILES, shift_xy, 1)
    labels[17] = -1
    assert np.isfinite(_native.accumulate(BLOCK, labels, psi, shift_xy, mirror, 1, 1)).all()


def test_members_that_span_less_than_the_pairs_asked_for_give_zeros():
    members = np.ones((10, 30), np.float32)
    values, vectors = _native.gram_spectrum(members, 8)
    assert values[0] == pytest.approx(300)
    np.testing.assert_allclose(values[1:], 0, atol=1e-4)
    assert np.isfinite(vectors).all()
    values, vectors = _native.gram_spectrum(0 * members, 8)
    np.testing.assert_array_equal(values, 0)


@pytest.mark.parametrize("size", [1e-38, 1e-45, 1e38, np.nan, np.inf])
def test_images_without_a_norm_become_zeros(size):
    samples = np.ones((2, *SAMPLES), np.complex64)
    samples[1] = size
    block = _native.ImageBlock.from_polar(GRID, samples, 1)
    assert np.linalg.norm(block.coefficients(0)) > 0
    assert np.isfinite(block.coefficients(1)).all()
