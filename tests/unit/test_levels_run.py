"""The course of a classification, on vectors in place of images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cl2d.agreement import adjusted_rand_index
from cl2d.errors import InputError
from cl2d.events import IterationProgress, LevelFinished, LevelStarted
from cl2d.levels import level_schedule, run_levels
from cl2d.options import LevelOptions
from cl2d.results import IterationReport, LevelResult
from tests.vector_engine import VectorEngine, groups_of_vectors

KINDS = ["noise", "groups", "identical"]


def options(classes: int, **others: Any) -> LevelOptions:
    """Return options without the last iterations, which count anew and have tests of their own."""
    return LevelOptions(classes=classes, settle=False, **others)


def make_vectors(kind: str, n: int) -> np.ndarray:
    if kind == "groups":
        return groups_of_vectors(4, -(-n // 4), 0.05)[0][:n]
    if kind == "identical":
        return np.ones((n, 24))
    return np.random.default_rng(n).normal(size=(n, 24))


def check(levels: list[LevelResult], usable: np.ndarray, schedule: list[int]) -> None:
    """Hold every level against what must be true of any classification."""
    assert [level.n_classes for level in levels] == schedule
    for number, level in enumerate(levels):
        assert level.level == number
        np.testing.assert_array_equal(level.labels >= 0, usable)
        sizes = level.class_sizes()
        assert len(sizes) == level.n_classes
        assert sizes.sum() == usable.sum()
        assert sizes.min() >= 1
        above = levels[number - 1].n_classes if number else 0
        assert len(level.parents) == level.n_classes
        assert (
            (level.parents >= 0) & (level.parents < above) if number else level.parents == -1
        ).all()
        assert [report.iteration for report in level.iterations] == list(
            range(1, len(level.iterations) + 1)
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("n", "classes", "initial"),
    [
        (40, 11, 4),
        (40, 8, 8),
        (40, 1, 1),
        (17, 17, 4),
        (1, 1, 1),
        (2, 2, 1),
        (30, 29, 3),
        (9, 5, 1),
    ],
)
def test_classes_asked_are_classes_obtained_and_no_image_is_lost(
    kind: str, n: int, classes: int, initial: int
) -> None:
    levels = run_levels(
        VectorEngine(make_vectors(kind, n)), options(classes, initial_classes=initial)
    )
    check(levels, np.ones(n, dtype=bool), level_schedule(initial, classes))


@pytest.mark.parametrize("kind", KINDS)
def test_unusable_images_are_in_no_class_at_any_level(kind: str) -> None:
    usable = np.arange(40) % 5 != 2
    levels = run_levels(VectorEngine(make_vectors(kind, 40), usable), options(11))
    check(levels, usable, [4, 8, 11])


@pytest.mark.parametrize("seed", range(5))
def test_well_separated_groups_are_found(seed: int) -> None:
    vectors, truth = groups_of_vectors(6, 20, 0.05, seed)
    levels = run_levels(VectorEngine(vectors), options(6, seed=seed))
    assert adjusted_rand_index(truth, levels[-1].labels) == 1


def test_same_seed_gives_the_same_classes_and_another_seed_others() -> None:
    vectors = make_vectors("noise", 60)
    first, again, other = (
        run_levels(VectorEngine(vectors), options(7, seed=seed))[-1] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first.labels, again.labels)
    np.testing.assert_array_equal(first.scores, again.scores)
    assert adjusted_rand_index(first.labels, other.labels) < 1


def test_each_level_is_handed_over_when_it_is_done() -> None:
    handed: list[LevelResult] = []
    log: list[object] = []
    levels = run_levels(
        VectorEngine(make_vectors("groups", 40)),
        options(11),
        log.append,
        lambda level: (handed.append(level), log.append("handed")),
    )
    assert len(handed) == 3
    assert all(a is b for a, b in zip(handed, levels, strict=True))
    told = [
        e if e == "handed" else "told" for e in log if e == "handed" or type(e) is LevelFinished
    ]
    assert told == ["handed", "told"] * 3


def test_events_tell_the_course_in_order() -> None:
    log: list[Any] = []
    levels = run_levels(
        VectorEngine(make_vectors("noise", 50)), options(9, iterations=3), log.append
    )
    for level in levels:
        own = [event for event in log if event.level == level.level]
        assert isinstance(own[0], LevelStarted)
        assert own[0].n_classes == level.n_classes
        assert isinstance(own[-1], LevelFinished)
        assert own[-1].class_sizes == tuple(level.class_sizes().tolist())
        reports = [event for event in own if isinstance(event, IterationReport)]
        assert tuple(reports) == level.iterations
        assert 1 <= len(reports) <= (6 if level is levels[-1] else 3)
        assert reports[0].n_changed == 50
        progress = [event for event in own if isinstance(event, IterationProgress)]
        assert {event.iteration for event in progress} == {r.iteration for r in reports}
        assert all(event.total == 50 for event in progress)


def test_reports_describe_the_iteration() -> None:
    usable = np.arange(50) > 4
    levels = run_levels(VectorEngine(make_vectors("noise", 50), usable), options(4))
    last = levels[-1].iterations[-1]
    assert 0 <= last.smallest_class <= 45 / 4 <= last.largest_class <= 45
    assert last.mean_score == pytest.approx(levels[-1].scores[usable].mean(dtype=np.float64))
    assert levels[-1].iterations[0].n_changed == 45
    assert all(report.seconds >= 0 for report in levels[-1].iterations)


def test_level_ends_when_few_images_move() -> None:
    vectors = make_vectors("groups", 40)
    patient = run_levels(VectorEngine(vectors), options(4, iterations=50, min_change_percent=0.5))
    assert patient[-1].iterations[-1].n_changed == 0
    assert 2 <= len(patient[-1].iterations) < 50
    hasty = run_levels(VectorEngine(vectors), options(4, min_change_percent=100))
    assert len(hasty[-1].iterations) == 2


def test_iterations_are_bounded() -> None:
    engine = VectorEngine(make_vectors("noise", 200))
    levels = run_levels(engine, options(8, iterations=1))
    # The last level may take twice as many.
    assert [len(level.iterations) for level in levels] == [1, 2]
    assert engine.n_assignments == 3


def test_more_classes_than_usable_images_are_refused() -> None:
    usable = np.arange(12) < 7
    with pytest.raises(InputError, match=r"\b8\b.*\b7\b"):
        run_levels(VectorEngine(make_vectors("noise", 12), usable), options(8))


def test_fewer_classes_can_be_allowed() -> None:
    usable = np.arange(12) < 7
    levels = run_levels(
        VectorEngine(make_vectors("noise", 12), usable), options(30, allow_fewer=True)
    )
    assert levels[-1].n_classes <= 7
    check(levels, usable, [level.n_classes for level in levels])


def test_classes_that_ran_empty_disappear_where_fewer_are_allowed() -> None:
    engine = VectorEngine(np.ones((20, 24)))
    (level,) = run_levels(engine, options(3, initial_classes=3, allow_fewer=True, iterations=1))
    assert level.n_classes < 3
    check([level], np.ones(20, dtype=bool), [level.n_classes])


def test_interrupt_leaves_the_finished_levels_handed_over() -> None:
    handed: list[LevelResult] = []

    def stop(event: object) -> None:
        if isinstance(event, LevelStarted) and event.level == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_levels(VectorEngine(make_vectors("noise", 40)), options(8), stop, handed.append)
    assert [level.level for level in handed] == [0]


def test_results_do_not_change_after_they_are_handed_over() -> None:
    copies: list[LevelResult] = []

    def copy(level: LevelResult) -> None:
        copies.append(replace(level, labels=level.labels.copy(), scores=level.scores.copy()))

    levels = run_levels(VectorEngine(make_vectors("noise", 60)), options(12), None, copy)
    for level, before in zip(levels, copies, strict=True):
        np.testing.assert_array_equal(level.labels, before.labels)
        np.testing.assert_array_equal(level.scores, before.scores)
