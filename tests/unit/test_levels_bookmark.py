"""Levels that another process goes on with, from any point at which the place was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cl2d.events import ClassesAdjusted, ClassesExchanged, ExchangeEnded, LevelFinished
from cl2d.io.record_file import read_records, write_records
from cl2d.levels import run_levels
from cl2d.levels.bookmark import RECORDS, Bookmark, Place
from cl2d.options import LevelOptions
from cl2d.results import IterationReport
from tests.vector_engine import VectorEngine, groups_of_vectors

if TYPE_CHECKING:
    from pathlib import Path

    from cl2d.results import LevelResult

N_GROUPS, N_EACH = 6, 30


def engine() -> VectorEngine:
    """Return groups of unlike sizes: classes are exchanged, adjusted and settled."""
    vectors, _ = groups_of_vectors(N_GROUPS, N_EACH, 0.3, dimensions=16, seed=4)
    rows = np.concatenate([np.arange(N_EACH * N_GROUPS), np.arange(0, N_EACH * 2)])
    missed = np.random.default_rng(0).random(len(rows)) < 0.05
    return VectorEngine(vectors[rows], np.arange(len(rows)) % 11 != 3, missed)


COURSES: dict[str, dict[str, Any]] = {
    "scheduled": {"classes": 6},
    "few iterations": {"classes": 8, "iterations": 2},
    "no settling": {"classes": 6, "settle": False},
    "no exchange": {"classes": 6, "exchange": False},
    "robust": {"classes": 6, "clustering": "robust"},
    "sampled": {"classes": 4, "initial_classes": 2, "images_per_class": 22},
    "fewer": {"classes": 12, "allow_fewer": True},
    "automatic": {"classes": "auto", "initial_classes": 2},
    "automatic, sampled": {"classes": "auto", "initial_classes": 2, "images_per_class": 20},
    "one class": {"classes": 1},
}


def views() -> np.ndarray:
    """Return averages of a user's: three, one of them twice."""
    vectors = engine().vectors
    means = [vectors[k * N_EACH : (k + 1) * N_EACH].mean(axis=0) for k in (0, 1, 1)]
    return np.array(means)[:, None].astype(np.complex64)


def told(event: object) -> Any:
    """Return what an event says, without how long it took."""
    if isinstance(event, IterationReport):
        return report(event)
    wanted = (ClassesAdjusted, ClassesExchanged, ExchangeEnded, LevelFinished)
    return event if isinstance(event, wanted) else None


def report(iteration: IterationReport) -> dict[str, Any]:
    return {**vars(iteration), "seconds": 0}


def assert_same(levels: list[LevelResult], expected: list[LevelResult]) -> None:
    assert len(levels) == len(expected)
    for one, other in zip(levels, expected, strict=True):
        for name, value in vars(other).items():
            found = getattr(one, name)
            if name == "iterations":
                assert [report(r) for r in found] == [report(r) for r in value]
            elif name in ("poses", "homogeneity"):
                for part in vars(value) if value is not None else ():
                    np.testing.assert_array_equal(getattr(found, part), getattr(value, part))
            else:
                np.testing.assert_array_equal(found, value, err_msg=name)


def under_way(place: Place) -> object:
    """Return what tells kinds of places apart: level, what is under way, the first iterations."""
    names = [name for name, value in vars(place).items() if value is not None]
    reports = () if place.iterating is None else place.iterating.reports
    number = min(reports[-1].iteration, 3) if reports else 0
    exchange = reports[-1].exchange if reports else 0
    return len(place.levels), *names, number, exchange


@pytest.mark.parametrize(
    ("course", "fast", "given"),
    [
        *((course, False, False) for course in COURSES),
        *((course, True, False) for course in ("scheduled", "sampled", "automatic, sampled")),
        *((course, True, True) for course in ("scheduled", "fewer", "automatic")),
    ],
)
def test_a_run_goes_on_from_every_place_to_the_same_bits(
    course: str, fast: bool, given: bool, tmp_path: Path
) -> None:
    references = views() if given else None
    options = LevelOptions(**COURSES[course])
    places: list[tuple[int, Path]] = []
    events: list[object] = []

    def keep(place: Place) -> None:
        path = tmp_path / f"{len(places)}.npz"
        write_records(path, {}, place)
        places.append((len(events), path))

    mark = Bookmark(on_save=keep)
    expected = run_levels(
        engine(), options, events.append, references=references, fast=fast, mark=mark
    )
    assert len(places) > len([e for e in events if isinstance(e, IterationReport)])
    seen: set[object] = set()
    for n_before, path in places:
        after: list[object] = []
        resumed = Bookmark(read_records(path, RECORDS)[1])
        place = resumed.place
        if (kind := under_way(place)) in seen:
            continue
        seen.add(kind)
        again = run_levels(
            engine(), options, after.append, references=references, fast=fast, mark=resumed
        )
        assert_same(again, expected)
        # An iteration is told once it is saved, by the process that made it.
        n_told = n_before + (place.iterating is not None)
        assert [told(e) for e in after if told(e)] == [told(e) for e in events[n_told:] if told(e)]


def test_no_iteration_is_made_twice() -> None:
    options = LevelOptions(classes=6)
    places: list[tuple[int, Place]] = []
    whole = engine()
    run_levels(
        whole,
        options,
        mark=Bookmark(on_save=lambda place: places.append((whole.n_assignments, place))),
    )
    for behind, place in places:
        rest = engine()
        run_levels(rest, options, mark=Bookmark(place))
        # What judges classes between iterations is found again, but no iteration is.
        assert rest.n_assignments <= whole.n_assignments - behind + 12


def test_a_finished_place_needs_nothing_more() -> None:
    saved: list[Place] = []
    run_levels(engine(), LevelOptions(classes=6), mark=Bookmark(on_save=saved.append))
    done = engine()
    assert len(run_levels(done, LevelOptions(classes=6), mark=Bookmark(saved[-1]))) == 2
    assert done.n_assignments == 0
