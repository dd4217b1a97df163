"""The extension's search and refinement as Python calls them; the engine calls nothing else."""

from __future__ import annotations

import sys
import threading
import time
from functools import cache

import numpy as np
import pytest

from cl2d import _native, array_source
from cl2d.engine import available_simd_levels, set_simd_level, simd_level
from cl2d.engine.ingest import ingest
from cl2d.preprocess import prepare_images, ring_weights
from tests.engine_inputs import noise_images, white_plan
from tests.slow_alignment import SlowSearch, limit_angular_orders, polar_samples, score_table

SHIFTS = np.array([[0.0, 0.0], [1.0, 0.0], [-0.5, 1.5], [-2.0, -1.0]])
BOTH = _native.SearchOptions(True, 1)
ALL_POSES = _native.RefineOptions(0.05, 0.5, 2, 4.0, 1)


@pytest.fixture(params=available_simd_levels())
def each_level(request):
    before = simd_level()
    set_simd_level(request.param)
    yield
    set_simd_level(before)


class Case:
    """Noise images in a block, noise references, and both as the slow version takes them."""

    def __init__(self, n_images=19, n_references=2, box=24, k_min=2):
        self.plan = white_plan(box, k_min=k_min, k_max=9)
        images = noise_images(n_images, box)
        self.images = prepare_images(images, self.plan).images
        self.block = ingest(array_source(images), self.plan, 1).blocks[0]
        self.grid = self.block.grid
        rings = np.arange(k_min, 10)
        self.search = SlowSearch(
            rings,
            ring_weights(self.plan),
            self.grid.n_angles,
            SHIFTS,
            np.array([self.grid.max_order(ring) for ring in range(len(rings))]),
        )
        self.reference_images = noise_images(n_references, box, seed=1)
        self.references = np.stack([self._reference(image) for image in self.reference_images])

    def _reference(self, image):
        samples = polar_samples(image, self.search.k_rings, self.grid.n_angles)
        samples *= np.sqrt(self.search.weights)[:, None]
        samples /= np.sqrt((np.abs(samples) ** 2).mean(axis=1).sum())
        return samples[:, : self.grid.n_half_angles].astype(np.complex64)

    @cache  # noqa: B019 - one case lives as long as the module
    def slow_scores(self, image, reference):
        """Return normalised scores in the order of the codes: shift, mirror, angle."""
        fixed = self.reference_images[reference]
        bare = score_table(self.images[image], fixed, self.search, normalise=False)
        moving = polar_samples(self.images[image], self.search.k_rings, self.grid.n_angles)
        moving = limit_angular_orders(moving, self.search.m_max)
        fixed = polar_samples(fixed, self.search.k_rings, self.grid.n_angles)
        weights = self.search.weights[:, None]
        norms = [np.sqrt((weights * np.abs(samples) ** 2).sum()) for samples in (moving, fixed)]
        return (bare / np.prod(norms)).transpose(1, 2, 0).ravel()

    def tiles(self):
        return _native.TileRange(0, self.block.n_tiles)

    def searched(self, options=BOTH, **changes):
        given = {"tiles": self.tiles(), "references": self.references, "shifts": SHIFTS}
        return _native.search(self.block, options=options, **{**given, **changes})

    def refined(self, **changes):
        n = self.block.n_images
        given = {
            "tiles": self.tiles(),
            "references": self.references,
            "options": ALL_POSES,
            "chosen": np.zeros(n, np.int32),
            "psi_rad": np.zeros(n),
            "shift_xy": np.zeros((n, 2)),
            "mirror": np.zeros(n, np.uint8),
        }
        return _native.refine(self.block, **{**given, **changes})


@pytest.fixture(scope="module")
def case():
    return Case()


@pytest.mark.usefixtures("each_level")
@pytest.mark.parametrize("with_mirrors", [True, False])
def test_search_agrees_with_the_slow_exhaustive_version(case, with_mirrors):
    scores, codes = case.searched(_native.SearchOptions(with_mirrors, 1))
    assert scores.shape == codes.shape == (32, 2)
    for image in (0, 15, 16):
        for reference in (0, 1):
            slow = case.slow_scores(image, reference).copy()
            if not with_mirrors:
                slow.reshape(len(SHIFTS), 2, -1)[:, 1] = -2
            # Vectors of norm 1 that are sampled to better than 1e-5, in float.
            assert scores[image, reference] == pytest.approx(slow.max(), abs=1.2e-5)
            assert slow[codes[image, reference]] == pytest.approx(slow.max(), abs=1.2e-5)


def test_lanes_without_an_image_score_nothing(case):
    scores, codes = case.searched()
    assert not scores[19:].any()
    assert not codes[19:].any()


def test_threads_change_no_bit(case):
    first = case.searched()
    for n_threads in (2, 3):
        again = case.searched(_native.SearchOptions(True, n_threads))
        np.testing.assert_array_equal(first, again)
    poses = case.refined()
    for n_threads in (2, 3):
        options = _native.RefineOptions(0.05, 0.5, 2, 4.0, n_threads)
        for one, other in zip(poses, case.refined(options=options), strict=True):
            np.testing.assert_array_equal(one, other)


def test_refinement_returns_new_arrays(case):
    psi, shift = np.full(19, 0.1), np.full((19, 2), 0.2)
    found_psi, found_shift, scores = case.refined(psi_rad=psi, shift_xy=shift)
    assert (psi == 0.1).all()
    assert (shift == 0.2).all()
    assert (found_psi != 0.1).any()
    assert (found_psi.shape, found_shift.shape, scores.shape) == ((19,), (19, 2), (19,))


def doubled(array):
    """Return an array of the same shape whose numbers do not follow each other in memory."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


WRONG_TYPES = {
    "references": (np.complex128, np.float32),
    "shifts": (np.float32, np.int64),
    "chosen": (np.int64, np.uint8),
    "psi_rad": (np.float32,),
    "shift_xy": (np.float32,),
    "mirror": (np.bool_, np.int32),
}


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name, types in WRONG_TYPES.items() for dtype in types]
)
def test_arrays_of_another_type_are_refused_not_converted(case, name, dtype):
    call = case.searched if name == "shifts" else case.refined
    shape = {"references": case.references.shape, "shifts": SHIFTS.shape, "shift_xy": (19, 2)}
    with pytest.raises(TypeError, match="incompatible function arguments"):
        call(**{name: np.zeros(shape.get(name, (19,)), dtype)})


def test_strided_arrays_are_refused_not_copied(case):
    with pytest.raises(TypeError, match="incompatible function arguments"):
        case.searched(references=doubled(case.references))
    with pytest.raises(TypeError, match="incompatible function arguments"):
        case.searched(shifts=np.asfortranarray(SHIFTS))
    with pytest.raises(TypeError, match="incompatible function arguments"):
        case.refined(psi_rad=doubled(np.zeros(19)))
    with pytest.raises(TypeError, match="incompatible function arguments"):
        case.searched(references=case.references.tolist())


def test_sizes_that_do_not_fit_are_refused_with_both(case):
    rings, half = case.grid.n_rings, case.grid.n_half_angles
    wrong = np.zeros((2, rings, half + 1), np.complex64)
    message = rf"shape \(any, {rings}, {half}, \), not \(2, {rings}, {half + 1}, \)"
    with pytest.raises(ValueError, match="references must have " + message):
        case.searched(references=wrong)
    with pytest.raises(ValueError, match=r"shifts must have shape \(any, 2, \), not \(4, 3, \)"):
        case.searched(shifts=np.zeros((4, 3)))
    with pytest.raises(ValueError, match="at least one reference and one shift"):
        case.searched(shifts=np.zeros((0, 2)))
    with pytest.raises(ValueError, match="at least one reference and one shift"):
        case.searched(references=case.references[:0])
    with pytest.raises(ValueError, match=r"in the 2 of the block, not be 2 from 1 on"):
        case.searched(tiles=_native.TileRange(1, 2))
    with pytest.raises(ValueError, match="n_threads must be at least 1, not 0"):
        case.searched(_native.SearchOptions(True, 0))
    with pytest.raises(ValueError, match=r"mirror must have shape \(19, \), not \(18, \)"):
        case.refined(mirror=np.zeros(18, np.uint8))
    with pytest.raises(ValueError, match="references must be below 2, not 2"):
        case.refined(chosen=np.full(19, 2, np.int32))


def test_no_tiles_give_no_rows(case):
    for first in (0, 1, 2):
        nothing = _native.TileRange(first, 0)
        scores, codes = case.searched(tiles=nothing)
        assert scores.shape == codes.shape == (0, 2)
        empty = {"chosen": np.zeros(0, np.int32), "psi_rad": np.zeros(0)}
        empty |= {"shift_xy": np.zeros((0, 2)), "mirror": np.zeros(0, np.uint8)}
        assert case.refined(tiles=nothing, **empty)[0].shape == (0,)


@pytest.fixture
def patient_threads():
    """No thread takes the interpreter from another that does not give it up by itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("patient_threads")
def test_python_runs_on_during_a_search(case):
    """Without the GIL released the other thread would stand still from start to end."""
    ticks = []
    ticking, done = threading.Event(), threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(None)
            ticking.set()
            time.sleep(0)

    thread = threading.Thread(target=tick)
    thread.start()
    ticking.wait()
    options, tiles, shifts = BOTH, case.tiles(), np.repeat(SHIFTS, 1000, axis=0)
    within = 0
    try:
        for _ in range(100):  # the other thread may be slow to wake
            before = len(ticks)
            _native.search(case.block, tiles, case.references, shifts, options)
            within = len(ticks) - before
            if within:
                break
    finally:
        done.set()
        thread.join()
    assert within > 0
