"""Two classes of one view become one, and one class of two views becomes two."""

from __future__ import annotations

import numpy as np
import pytest

from cl2d.agreement import adjusted_rand_index
from cl2d.engine import Assignment, normalised_references
from cl2d.events import ClassesExchanged, ExchangeEnded
from cl2d.levels import run_levels
from cl2d.levels.cuts import CutRule, find_cuts
from cl2d.levels.endpoints import LevelStart
from cl2d.levels.exchange import Exchange, exchange_classes
from cl2d.levels.halves import TotalGain, total_gain
from cl2d.levels.level_loop import LevelLoop
from cl2d.options import LevelOptions
from cl2d.results import identity_poses
from tests.vector_engine import VectorEngine, groups_of_vectors

RULE = CutRule("component", 20.0)


def fitted(labels: np.ndarray) -> Assignment:
    n = len(labels)
    scores = np.ones(n, dtype=np.float32)
    return Assignment(labels.astype(np.int32), identity_poses(n), scores, scores, scores)


def exchanged(engine: VectorEngine, labels: np.ndarray, references: np.ndarray) -> Exchange:
    assignment = fitted(labels)
    cuts = find_cuts(engine, assignment, len(references), RULE)
    return exchange_classes(engine, assignment, references, cuts)


def references_of(engine: VectorEngine, labels: np.ndarray, n_classes: int) -> np.ndarray:
    sums = engine.update(labels.astype(np.int32), identity_poses(len(labels)), n_classes).sums
    return normalised_references(sums)


@pytest.fixture
def at_rest():
    """Return an engine of four groups, and labels: 0 and 1 share a group, 2 holds two."""
    vectors, truth = groups_of_vectors(4, 100, noise=0.2)
    labels = truth.copy()
    halves = np.flatnonzero(truth == 0)
    labels[halves[::2]] = 1
    labels[truth == 1] = 2
    return VectorEngine(vectors), truth, labels


def test_the_pair_of_one_view_is_joined_and_the_mixed_class_is_cut(at_rest):
    engine, truth, labels = at_rest
    found = exchanged(engine, labels, references_of(engine, labels, 4))
    assert found.n_pairs == 1
    sorted_anew = (engine.vectors @ found.references[:, 0].real.T).argmax(axis=1)
    assert adjusted_rand_index(truth, sorted_anew) == 1.0
    assert found.origin.tolist() in ([0, 2, 2, 3], [2, 1, 2, 3])


def two_views_in_two_classes(n_bystanders=1):
    """Return an engine of groups and labels: 0 and 1 both hold views 0 and 1, in unlike shares."""
    vectors, truth = groups_of_vectors(2 + n_bystanders, 100, noise=0.2)
    labels = truth.copy()
    for view, share in ((0, 3), (1, 2)):
        rows = np.flatnonzero(truth == view)
        labels[rows] = (np.arange(len(rows)) % share == 0).astype(int)
    return VectorEngine(vectors), truth, labels


def test_two_classes_of_the_same_two_views_get_one_each():
    engine, truth, labels = two_views_in_two_classes()
    found = exchanged(engine, labels, references_of(engine, labels, 3))
    assert found.n_pairs == 1
    assert not found.of_one_view  # kept only if the images fit better
    sorted_anew = (engine.vectors @ found.references[:, 0].real.T).argmax(axis=1)
    assert adjusted_rand_index(truth, sorted_anew) == 1.0
    assert found.origin.tolist() == [0, 1, 2]


def test_two_classes_alone_are_regrouped_too():
    engine, truth, labels = two_views_in_two_classes(n_bystanders=0)
    found = exchanged(engine, labels, references_of(engine, labels, 2))
    sorted_anew = (engine.vectors @ found.references[:, 0].real.T).argmax(axis=1)
    assert adjusted_rand_index(truth, sorted_anew) == 1.0


def test_a_class_is_in_one_regrouping_at_most():
    vectors, _truth = groups_of_vectors(2, 300, noise=0.2)
    labels = np.arange(600) % 3
    engine = VectorEngine(vectors)
    found = exchanged(engine, labels, references_of(engine, labels, 3))
    assert found.n_pairs == 1


def test_pure_classes_are_left_alone():
    vectors, truth = groups_of_vectors(4, 100, noise=0.2)
    engine = VectorEngine(vectors)
    references = references_of(engine, truth, 4)
    found = exchanged(engine, truth, references)
    assert found.n_pairs == 0
    np.testing.assert_array_equal(found.references, references)
    assert found.origin.tolist() == [0, 1, 2, 3]


def test_noise_gives_no_reason_to_exchange():
    vectors = np.random.default_rng(0).normal(size=(600, 24))
    engine = VectorEngine(vectors)
    labels = np.arange(600) % 6
    found = exchanged(engine, labels, references_of(engine, labels, 6))
    assert found.n_pairs == 0


def test_a_mixed_class_stays_where_all_other_classes_differ():
    vectors, truth = groups_of_vectors(4, 100, noise=0.2)
    labels = np.minimum(truth, 2)
    engine = VectorEngine(vectors)
    found = exchanged(engine, labels, references_of(engine, labels, 3))
    assert found.n_pairs == 0


def test_empty_and_single_member_classes_do_no_harm(at_rest):
    engine, truth, labels = at_rest
    labels = labels.copy()
    labels[0] = 5  # a class of one; class 4 has none
    references = references_of(engine, labels, 6)
    found = exchanged(engine, labels, references)
    assert found.n_pairs == 1
    np.testing.assert_array_equal(found.references[4], references[4])
    assert np.isfinite(found.references).all()
    assert truth[0] >= 0


def test_several_exchanges_are_made_at_once():
    vectors, truth = groups_of_vectors(6, 80, noise=0.15)
    labels = truth.copy()
    for one, other, mixed, hidden in ((0, 1, 2, 1), (3, 4, 5, 4)):
        rows = np.flatnonzero(truth == one)
        labels[truth == hidden] = mixed
        labels[rows[::2]] = other
    engine = VectorEngine(vectors)
    found = exchanged(engine, labels, references_of(engine, labels, 6))
    assert found.n_pairs == 2
    sorted_anew = (vectors @ found.references[:, 0].real.T).argmax(axis=1)
    assert adjusted_rand_index(truth, sorted_anew) == 1.0


def test_a_level_goes_on_until_no_exchange_is_left(at_rest):
    engine, truth, labels = at_rest
    events: list[object] = []
    loop = LevelLoop(engine, LevelOptions(classes=4), events.append, by_likelihood=True)
    start = LevelStart(0, references_of(engine, labels, 4), np.array([7, 8, 9, 10], np.int32))
    end = loop.run_with_exchanges(start)
    assert adjusted_rand_index(truth, end.assignment.labels) == 1.0
    told = [event for event in events if isinstance(event, (ClassesExchanged, ExchangeEnded))]
    assert told == [ClassesExchanged(0, 1, 1), ExchangeEnded(0, 1, kept=True)]
    assert {report.exchange for report in end.reports} == {0, 1}
    assert sorted(end.parents.tolist()) in ([7, 9, 9, 10], [8, 9, 9, 10])


def test_classes_are_exchanged_at_the_last_level_unless_switched_off(monkeypatch):
    seen: list[int] = []

    def nothing_to_exchange(engine, assignment, references, cuts):
        seen.append(len(references))
        return exchange_classes(engine, assignment, references, cuts)

    monkeypatch.setattr("cl2d.levels.level_loop.exchange_classes", nothing_to_exchange)
    engine = VectorEngine(groups_of_vectors(8, 60, noise=0.3)[0])
    run_levels(engine, LevelOptions(classes=8, initial_classes=2))
    assert seen
    assert set(seen) == {8}
    seen.clear()
    run_levels(engine, LevelOptions(classes=8, initial_classes=2, exchange=False))
    assert not seen


def test_a_total_is_as_sure_as_its_sample():
    gain = total_gain(np.array([0.1, 0.3, 0.1, 0.3]), 100)
    assert gain.total == pytest.approx(20.0)
    assert gain.error == pytest.approx(100 * np.std([0.1, 0.3] * 2, ddof=1) / 2)
    assert gain.at_least == pytest.approx(gain.total - 2 * gain.error)
    assert gain.at_most == pytest.approx(gain.total + 2 * gain.error)
    assert total_gain(np.array([0.4]), 10).at_least == -np.inf


@pytest.mark.parametrize(
    ("gain", "loss", "outweighs"),
    [
        (TotalGain(6.0, 0.5, 200), TotalGain(3.0, 0.5, 400), True),
        (TotalGain(6.0, 1.5, 200), TotalGain(3.0, 0.5, 400), False),  # not surely
        (TotalGain(6.0, 0.5, 1000), TotalGain(3.0, 0.5, 200), False),  # little for each
    ],
)
def test_a_gain_outweighs_a_loss_in_all_and_for_each_member(gain, loss, outweighs):
    assert gain.outweighs(loss) is outweighs
