"""The whole job in one call, on small sets with an obvious answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

import cl2d
from cl2d.agreement import adjusted_rand_index
from cl2d.engine import ClassicalRule, LocalEngine, SearchSettings
from cl2d.engine.ingest import ingest
from cl2d.errors import InputError
from cl2d.events import (
    LevelFinished,
    LevelStarted,
    PhaseFinished,
    PhaseStarted,
    RunFinished,
    RunPlanned,
    RunWarned,
)
from cl2d.io import array_source, open_particles, write_stack
from cl2d.levels.start import random_references
from cl2d.options import PreprocessOptions
from cl2d.preprocess import plan_preprocessing
from cl2d.simulate import Simulation, SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.pipeline import Classification

Images = npt.NDArray[np.float32]
N_IMAGES = 100


def simulate(**options: Any) -> Simulation:
    """Simulate two views that nobody could mistake for one another."""
    defaults = {"n_particles": N_IMAGES, "box_px": 32, "n_views": 2, "snr": 1.0, "shift_sd_px": 1.0}
    return simulate_particles(SimulationOptions(**{**defaults, **options}))


@pytest.fixture(scope="module")
def easy() -> Simulation:
    return simulate()


@pytest.fixture(scope="module")
def found(easy: Simulation) -> Classification:
    return cl2d.classify(easy.images, n_classes=2, threads=1)


@pytest.fixture
def noise() -> Images:
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 20, 20)).astype(np.float32)


def same_classes(first: Classification, second: Classification) -> bool:
    """Whether labels, poses and scores have the same bits."""
    return all(
        a.tobytes() == b.tobytes()
        for a, b in (
            (first.labels, second.labels),
            (first.poses.psi_rad, second.poses.psi_rad),
            (first.poses.shift_px, second.poses.shift_px),
            (first.poses.mirror, second.poses.mirror),
            (first.scores, second.scores),
            (first.confidence, second.confidence),
        )
    )


def test_views_are_told_apart(easy: Simulation, found: Classification) -> None:
    assert adjusted_rand_index(easy.truth.view, found.labels) == 1
    assert found.averages.shape == (2, 32, 32)
    assert found.averages.dtype == np.float32
    assert found.n_classes == 2
    assert (found.confidence > 0).all()
    assert (found.scores > 0.3).all()


@pytest.mark.parametrize("box", [32, 33])
def test_mirrored_copy_of_the_set_gives_the_same_classes(box: int) -> None:
    images = simulate(box_px=box).images
    first = cl2d.classify(images, n_classes=2, threads=1)
    second = cl2d.classify(images[:, :, ::-1], n_classes=2, threads=1)
    assert adjusted_rand_index(first.labels, second.labels) == 1
    np.testing.assert_allclose(np.sort(first.scores), np.sort(second.scores), atol=0.05)


def test_order_of_the_images_does_not_matter(easy: Simulation) -> None:
    order = np.random.default_rng(1).permutation(N_IMAGES)
    result = cl2d.classify(easy.images[order], n_classes=2, threads=1)
    assert adjusted_rand_index(easy.truth.view[order], result.labels) == 1


def test_image_gets_the_same_class_and_pose_wherever_it_stands(easy: Simulation) -> None:
    order = np.random.default_rng(1).permutation(N_IMAGES)
    plan = plan_preprocessing(array_source(easy.images), PreprocessOptions())
    engines = [
        LocalEngine(
            ingest(array_source(images), plan, 1).blocks,
            np.ones(N_IMAGES, dtype=bool),
            SearchSettings(max_shift_px=3.0),
            pixels_per_working_px=plan.box_px / plan.working_box_px,
            n_threads=1,
        )
        for images in (easy.images, easy.images[order])
    ]
    references = random_references(engines[0], 3, np.random.default_rng(0))
    first, second = (engine.assign(references, ClassicalRule()) for engine in engines)
    np.testing.assert_array_equal(second.labels, first.labels[order])
    np.testing.assert_array_equal(second.scores, first.scores[order])
    np.testing.assert_array_equal(second.margin, first.margin[order])
    np.testing.assert_array_equal(second.poses.psi_rad, first.poses.psi_rad[order])
    np.testing.assert_array_equal(second.poses.shift_px, first.poses.shift_px[order])
    np.testing.assert_array_equal(second.poses.mirror, first.poses.mirror[order])


def test_grey_scale_does_not_matter(easy: Simulation, found: Classification) -> None:
    result = cl2d.classify(easy.images * 250 + 3000, n_classes=2, threads=1)
    assert adjusted_rand_index(result.labels, found.labels) == 1
    np.testing.assert_allclose(result.scores, found.scores, atol=1e-3)
    # Averages are in the greys of the input.
    np.testing.assert_allclose(result.averages, found.averages * 250 + 3000, atol=2)


def test_number_of_threads_changes_no_bit(easy: Simulation) -> None:
    runs = [cl2d.classify(easy.images, n_classes=5, threads=threads) for threads in (1, 2, 3)]
    for run in runs[1:]:
        assert same_classes(runs[0], run)
        assert len(run.level_averages) == 2
        for a, b in zip(runs[0].level_averages, run.level_averages, strict=True):
            assert a.tobytes() == b.tobytes()


def test_seed_decides_the_start(noise: Images) -> None:
    first, again, other = (
        cl2d.classify(noise, n_classes=3, seed=seed, threads=1) for seed in (1, 1, 2)
    )
    assert same_classes(first, again)
    assert not same_classes(first, other)


@pytest.mark.parametrize(
    ("n", "options", "sizes"),
    [
        (30, {"n_classes": 11}, [4, 8, 11]),
        (30, {"n_classes": 1}, [1]),
        (30, {"n_classes": 4, "initial_classes": 4}, [4]),
        (30, {"n_classes": 5, "initial_classes": 1}, [1, 2, 4, 5]),
        (17, {"n_classes": 17}, [4, 8, 16, 17]),
        (1, {"n_classes": 1}, [1]),
        (2, {"n_classes": 2}, [2]),
        (5, {"n_classes": 9, "allow_fewer": True}, [4, 5]),
    ],
)
def test_classes_asked_are_classes_obtained(
    noise: Images, n: int, options: dict[str, Any], sizes: list[int]
) -> None:
    result = cl2d.classify(noise[:n], threads=1, **options)
    assert [level.n_classes for level in result.levels] == sizes
    for level, averages in zip(result.levels, result.level_averages, strict=True):
        counts = level.class_sizes()
        assert counts.sum() == n
        assert counts.min() >= 1
        assert (np.diff(counts) <= 0).all()
        assert averages.shape == (level.n_classes, 20, 20)
        assert np.isfinite(averages).all()
    for above, below in zip(result.levels, result.levels[1:], strict=False):
        assert set(below.parents.tolist()) <= set(range(above.n_classes))


@pytest.mark.parametrize(
    ("n", "options", "message"),
    [
        (3, {"n_classes": 4}, r"number of classes \(4\).*number of images \(3\) in array"),
        (9, {"n_classes": 4, "initial_classes": 5}, r"initial_classes \(5\).*n_classes \(4\)"),
        (9, {"n_classes": 0}, "n_classes must be a whole number >= 1"),
        (9, {"n_classes": 2, "max_shift_px": 11.0}, "at most half the box of 20 px"),
        (9, {"n_classes": 2, "max_shift_angstrom": 5.0}, "needs a pixel size"),
        (9, {"n_classes": 2, "mask_diameter_px": 21.0}, "mask_diameter_px must be between"),
        (9, {"n_classes": 2, "resolution_angstrom": 5.0}, "needs a pixel size"),
        (9, {"n_classes": 2, "pixel_size_angstrom": 0.0}, "must be positive"),
        (9, {"n_classes": 2, "clases": 3}, "unknown option clases"),
    ],
)
def test_what_cannot_work_is_refused_and_writes_nothing(
    noise: Images, tmp_path: Path, n: int, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        cl2d.classify(noise[:n], output=tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_pixel_size_of_a_file_is_its_own(noise: Images, tmp_path: Path) -> None:
    write_stack(tmp_path / "a.mrcs", noise, 2.5)
    assert cl2d.classify(tmp_path / "a.mrcs", n_classes=1).plan.pixel_size_angstrom == 2.5
    with pytest.raises(InputError, match="must be left out for a file"):
        cl2d.classify(tmp_path / "a.mrcs", n_classes=1, pixel_size_angstrom=2.5)


class Lazy:
    """Images that are made when they are asked for."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self.shape, self.dtype = images.shape, images.dtype
        self.longest_slice = 0

    def __getitem__(self, rows: slice) -> Images:
        self.longest_slice = max(self.longest_slice, len(range(*rows.indices(len(self._images)))))
        return self._images[rows]


def test_all_kinds_of_particles_give_the_same_classes(
    easy: Simulation, found: Classification, tmp_path: Path
) -> None:
    stack = tmp_path / "particles.mrcs"
    write_stack(stack, easy.images)
    names = [f"{k:06d}@{stack}" for k in range(1, N_IMAGES + 1)]
    star, xmd = tmp_path / "a.star", tmp_path / "a.xmd"
    star.write_text("data_particles\nloop_\n_rlnImageName\n" + "\n".join(names) + "\n")
    xmd.write_text("# XMIPP_STAR_1 * \n# \ndata_noname\nloop_\n _image\n" + "\n".join(names) + "\n")
    memmap = np.memmap(stack, np.float32, "r", 1024, easy.images.shape)
    lazy = Lazy(easy.images)
    double = easy.images.astype(np.float64)
    kinds = [memmap, lazy, double, stack, str(stack), star, xmd, open_particles(star)]
    for particles in kinds:
        assert same_classes(cl2d.classify(particles, n_classes=2, threads=1), found)
    assert lazy.longest_slice <= N_IMAGES


@pytest.mark.parametrize("particles", [[[1.0]], 3, None])
def test_what_is_no_array_is_a_type_error(particles: object) -> None:
    with pytest.raises(TypeError, match="images must be an array"):
        cl2d.classify(particles, n_classes=1)  # type: ignore[arg-type]


def test_bad_images_are_flagged_and_the_others_classified(easy: Simulation) -> None:
    images = easy.images.copy()
    images[3, 5, 5] = np.nan
    images[40] = np.inf
    images[7] = 2.5
    events: list[object] = []
    result = cl2d.classify(images, n_classes=2, on_event=events.append)
    assert np.flatnonzero(result.flags).tolist() == [3, 7, 40]
    assert result.flags[[3, 7, 40]].tolist() == [1, 2, 1]
    for level in result.levels:
        assert np.flatnonzero(level.labels < 0).tolist() == [3, 7, 40]
        assert level.class_sizes().sum() == N_IMAGES - 3
    assert np.isfinite(result.averages).all()
    good = result.flags == 0
    assert adjusted_rand_index(easy.truth.view[good], result.labels[good]) == 1
    told = [event.message for event in events if isinstance(event, RunWarned)]
    assert told == [
        "2 of 100 images hold values that are not finite or beyond 1e24, so they are in no class: "
        "image 4, image 41",
        "1 of 100 images is constant, so it is in no class: image 8",
        "the stable core is the whole core: a tolerance of 1 needs at least 3 levels, "
        "and there are 1",
    ]
    assert result.warnings[-3:] == tuple(told)


@pytest.mark.parametrize("value", [np.nan, np.inf, 7.0])
def test_nothing_but_bad_images_is_one_clear_error(value: float, tmp_path: Path) -> None:
    images = np.full((12, 20, 20), value, dtype=np.float32)
    with pytest.raises(InputError, match="must hold usable images; of 12 looked at, "):
        cl2d.classify(images, n_classes=2, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_classes_than_usable_images_are_refused_after_reading(
    noise: Images, tmp_path: Path
) -> None:
    noise[:25] = 0
    with pytest.raises(InputError, match=r"classes \(6\).*usable images \(5\) in array"):
        cl2d.classify(noise, n_classes=6, output=tmp_path / "a" / "out")
    assert list(tmp_path.iterdir()) == []
    fewer = cl2d.classify(noise, n_classes=6, allow_fewer=True)
    assert fewer.n_classes <= 5


def test_disabled_rows_take_part_in_nothing(easy: Simulation, tmp_path: Path) -> None:
    images = easy.images.copy()
    disabled = np.arange(N_IMAGES) % 3 == 1
    images[disabled] = np.random.default_rng(0).normal(scale=1e6, size=(32, 32))
    images[1] = np.nan
    write_stack(tmp_path / "a.mrcs", images)
    rows = [f" {k + 1}@{tmp_path}/a.mrcs {-1 if disabled[k] else 1}" for k in range(N_IMAGES)]
    table = tmp_path / "a.xmd"
    head = "# XMIPP_STAR_1 * \n# \ndata_noname\nloop_\n _image\n _enabled\n"
    table.write_text(head + "\n".join(rows) + "\n")
    result = cl2d.classify(table, n_classes=2, threads=1)
    assert (result.flags[disabled] == 3).all()
    assert (result.labels[disabled] == -1).all()
    assert not result.flags[~disabled].any()
    alone = cl2d.classify(images[~disabled], n_classes=2, threads=1)
    np.testing.assert_array_equal(result.labels[~disabled], alone.labels)
    np.testing.assert_array_equal(result.scores[~disabled], alone.scores)
    np.testing.assert_array_equal(result.averages, alone.averages)
    assert any("33 of 100 images are disabled" in warning for warning in result.warnings)
    with pytest.raises(InputError, match=r"classes \(68\).*usable images \(67\)"):
        cl2d.classify(table, n_classes=68)
    table.write_text(head + "\n".join(row.rpartition(" ")[0] + " -1" for row in rows) + "\n")
    with pytest.raises(InputError, match="must have an enabled image, but all 100 are not"):
        cl2d.classify(table, n_classes=2)


def test_no_mirrors_finds_none(easy: Simulation, found: Classification) -> None:
    assert found.poses.mirror.any()
    result = cl2d.classify(easy.images, n_classes=2, mirrors=False, threads=1)
    assert not result.poses.mirror.any()


@pytest.mark.parametrize("radius", [0.0, 0.4, 2.0, 10.0])
def test_shifts_stay_in_the_disc_before_classes_are_centred(noise: Images, radius: float) -> None:
    result = cl2d.classify(noise, n_classes=1, max_shift_px=radius, threads=1)
    lengths = np.hypot(*result.poses.shift_px.T)
    # Centring moves the frame by the mean of the members' shifts, which is in the disc too.
    assert lengths.max() <= 2 * radius + 1e-6


def test_events_tell_the_course(easy: Simulation) -> None:
    events: list[Any] = []
    result = cl2d.classify(easy.images, n_classes=5, on_event=events.append)
    kinds = [type(event) for event in events]
    assert kinds.index(RunPlanned) < kinds.index(LevelStarted)
    assert kinds[-1] is RunFinished
    assert kinds.count(RunPlanned) == kinds.count(RunFinished) == 1
    assert kinds.count(LevelStarted) == kinds.count(LevelFinished) == 2
    started = [event.name for event in events if isinstance(event, PhaseStarted)]
    finished = [event.name for event in events if isinstance(event, PhaseFinished)]
    told = ["planning", "reading", "cores", "half-sets", "averages", "evaluation"]
    assert started == finished == told
    assert set(result.timings) == {*told, "levels"}
    assert all(seconds >= 0 for seconds in result.timings.values())
    [plan] = [event for event in events if isinstance(event, RunPlanned)]
    assert (plan.n_images, plan.box_px, plan.n_classes) == (N_IMAGES, 32, 5)
    assert plan.memory_bytes > easy.images.nbytes


def test_failing_listener_ends_the_run(noise: Images, tmp_path: Path) -> None:
    def refuse(event: object) -> None:
        if isinstance(event, RunPlanned):
            message = "does not fit"
            raise InputError(message)

    with pytest.raises(InputError, match="does not fit"):
        cl2d.classify(noise, n_classes=2, output=tmp_path / "out", on_event=refuse)
    assert list(tmp_path.iterdir()) == []
