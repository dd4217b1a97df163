"""The engine on worker processes, held against the engine in this process, bit by bit."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

import cl2d
from cl2d.engine import (
    ClassicalRule,
    OwnShare,
    SearchSettings,
    near_search,
    normalised_references,
    sum_lengths,
)
from cl2d.engine.storage import IN_MEMORY
from cl2d.errors import InputError
from cl2d.io import open_particles
from cl2d.levels.centring import centred_poses
from cl2d.results import identity_poses
from tests.engine_inputs import engine_of, noise_images, random_poses, white_plan

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.programs

from cl2d.cluster import begun, held, passes, roster  # noqa: E402 - Dask is an extra
from cl2d.cluster.roster import FRESH_SECONDS  # noqa: E402
from tests.cluster_engines import (  # noqa: E402
    assert_same,
    cluster_of,
    engine_on_workers,
    two_workers,
    written_stack,
)
from tests.unit.cluster.conftest import wait_until  # noqa: E402

N = 9000  # three blocks, the last of them short
BOX = 16
PLAN = white_plan(BOX)
SEARCH = SearchSettings(max_shift_px=1.0)
K = 3


@pytest.fixture(scope="module")
def images():
    return noise_images(N, BOX, seed=4)


@pytest.fixture(scope="module")
def stack(images, tmp_path_factory):
    return written_stack(tmp_path_factory.mktemp("particles") / "noise.mrcs", images)


@pytest.fixture(scope="module")
def local(images):
    return engine_of(images, PLAN, SEARCH)


@pytest.fixture
def client():
    with two_workers() as cluster, distributed.Client(cluster) as client:
        yield client


def cluster_engine(client, stack, **of_job):
    return engine_on_workers(client, stack, PLAN, SEARCH, storage=IN_MEMORY, **of_job)


def references_of(engine, seed=0):
    labels = np.random.default_rng(seed).integers(0, K, N).astype(np.int32)
    return labels, engine.update(labels, identity_poses(N), K)


def mean_coefficient(members, item):
    """Return something that depends on every image of a group and on its order."""
    poses, factor = item
    aligned = members.aligned_members(np.arange(members.n_images), poses)
    return factor * aligned[:3], aligned.sum(axis=0)


def blocks_held(job):
    return len(held._held[job.name]._blocks) if job.name in held._held else 0


def runs_held():
    return len(held._held)


@pytest.mark.parametrize("many", [1, 8])  # workers that get one task for all of their parts
def test_every_operation_gives_the_bits_of_the_engine_in_this_process(
    client, stack, local, many, monkeypatch
):
    monkeypatch.setattr(passes, "MANY_WORKERS", many)
    engine = cluster_engine(client, stack)
    assert engine.n_images == N
    assert engine.n_independent == local.n_independent
    labels, sums = references_of(local)
    _, found = references_of(engine)
    np.testing.assert_array_equal(found.sums, sums.sums)
    np.testing.assert_array_equal(found.counts, sums.counts)
    references = normalised_references(sums.sums)
    own = OwnShare(labels, sum_lengths(sums.sums), sums.counts)
    sample = np.array([0, 1, 4095, 4096, 8999])
    expected = local.assign(references, ClassicalRule(), sample=sample, own=own)
    seen = []
    again = engine.assign(references, ClassicalRule(), seen.append, sample=sample, own=own)
    assert_same(again, expected)
    np.testing.assert_array_equal(again.sampled_scores, expected.sampled_scores)
    assert seen == sorted(seen)
    assert seen[-1] == N
    last = near_search(expected.poses)
    near = engine.assign(references, ClassicalRule(), last=last)
    assert_same(near, local.assign(references, ClassicalRule(), last=last))
    moved = random_poses(N, 1.0, seed=2)
    np.testing.assert_array_equal(
        engine.update(expected.labels, moved, K).sums, local.update(expected.labels, moved, K).sums
    )


def test_groups_of_images_from_several_workers_come_in_their_order(client, stack, local):
    engine = cluster_engine(client, stack)
    groups = []
    for seed in range(7):
        rows = np.random.default_rng(seed).choice(N, 40, replace=False)
        groups.append((rows, (random_poses(40, 1.0, seed), seed)))
    found = list(engine.each(mean_coefficient, groups))
    expected = list(local.each(mean_coefficient, groups))
    for (first, total), (wanted_first, wanted_total) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(first, wanted_first)
        np.testing.assert_array_equal(total, wanted_total)
    rows = groups[0][0]
    poses = random_poses(40, 1.0, 9)
    np.testing.assert_array_equal(
        engine.subset(rows).aligned_members(np.arange(40), poses),
        local.subset(rows).aligned_members(np.arange(40), poses),
    )


def test_a_worker_that_is_killed_costs_no_bit(client, stack, local, monkeypatch):
    engine = cluster_engine(client, stack)
    _, sums = references_of(local)
    references = normalised_references(sums.sums)
    expected = local.assign(references, ClassicalRule())
    groups = []
    for seed in range(4):
        rows = np.random.default_rng(seed).choice(N, 40, replace=False)
        groups.append((rows, (random_poses(40, 1.0, seed), seed)))
    wanted = [total for _, total in local.each(mean_coefficient, groups)]
    for delay_seconds, many in ((0.0, 8), (0.05, 8), (0.02, 1)):
        monkeypatch.setattr(passes, "MANY_WORKERS", many)
        victim = next(iter(client.run(os.getpid).values()))
        timer = threading.Timer(delay_seconds, os.kill, (victim, signal.SIGKILL))
        timer.start()
        assert_same(engine.assign(references, ClassicalRule()), expected)
        timer.join()
        np.testing.assert_array_equal(references_of(engine)[1].sums, sums.sums)
    for victim in client.run(os.getpid).values():
        os.kill(victim, signal.SIGKILL)  # for a moment there is no worker at all
    for (_, total), expected_total in zip(
        engine.each(mean_coefficient, groups), wanted, strict=True
    ):
        np.testing.assert_array_equal(total, expected_total)


def test_a_slow_worker_hands_parts_on_and_lets_go_of_them(client, stack, local):
    engine = cluster_engine(client, stack)
    crew, job = engine._crew, engine._job
    _, sums = references_of(local)
    slow = crew.owners[crew.parts[0]]
    for part, worker in crew.owners.items():
        crew.note(part, worker, part.n_images * (100.0 if worker == slow else 1.0))
    engine._rebalance()
    assert slow in crew.owners.values()  # once may be an accident
    engine._rebalance()
    assert slow not in crew.owners.values()
    held = client.run(blocks_held, job)
    assert held[slow] == 0
    np.testing.assert_array_equal(references_of(engine)[1].sums, sums.sums)
    assert sum(client.run(blocks_held, job).values()) == 3


def test_classify_lets_go_of_what_workers_hold(client, stack):
    alone = cl2d.classify(stack, n_classes=2, initial_classes=1, iterations=2, core=False)
    shared = cl2d.classify(
        stack, n_classes=2, initial_classes=1, iterations=2, core=False, client=client
    )
    np.testing.assert_array_equal(shared.labels, alone.labels)
    np.testing.assert_array_equal(shared.averages, alone.averages)
    assert set(client.run(runs_held).values()) == {0}


def test_a_worker_that_sees_other_particles_refuses(client, stack, tmp_path, images):
    other = written_stack(tmp_path / "noise.mrcs", images[::-1].copy())
    with pytest.raises(InputError, match="must be the same on all machines"):
        cluster_engine(client, stack, open_source=partial(open_particles, other))


def forget_what_was_found(job):
    held._held[job.name]._found.clear()


def test_both_ends_know_the_last_classes_and_poses(client, stack, local):
    engine = cluster_engine(client, stack)
    account = engine._crew.account
    engine._rebalance = lambda: None  # who gets a part of another's knows nothing of it
    references = normalised_references(references_of(local)[1].sums)
    found = engine.assign(references, ClassicalRule())
    centred = centred_poses(found.poses, found.labels, K)
    expected = local.update(found.labels, centred, K)
    own = OwnShare(found.labels, sum_lengths(expected.sums), expected.counts)
    last = near_search(centred)
    for forgotten in (False, True):
        if forgotten:
            client.run(forget_what_was_found, engine._job)
        sent = account.sent_bytes
        np.testing.assert_array_equal(engine.update(found.labels, centred, K).sums, expected.sums)
        again = engine.assign(references, ClassicalRule(), own=own, last=last)
        assert_same(again, local.assign(references, ClassicalRule(), own=own, last=last))
        sent = account.sent_bytes - sent - len(engine._crew.parts) * references.nbytes
        assert (sent < N) is not forgotten  # less than a byte an image
        engine.assign(references, ClassicalRule())  # what is known is of this one now


def test_the_account_tells_of_bytes_and_of_every_worker(client, stack, local):
    engine = cluster_engine(client, stack)
    references = normalised_references(references_of(local)[1].sums)
    for _ in range(2):
        found = engine.assign(references, ClassicalRule())
        sums = engine.update(found.labels, found.poses, K).sums
    use = engine._crew.account.use()
    assert [cost.n_classes for cost in use.iterations] == [K]  # the other one is going on
    (cost,) = use.iterations
    assert references.nbytes < cost.sent_bytes < 4 * references.nbytes + 2 * N
    assert 24 * N < cost.received_bytes < 28 * N + 2 * sums.nbytes
    assert use.received_bytes > 2 * cost.received_bytes
    assert [worker.address for worker in use.workers] == sorted(client.run(os.getpid))
    for worker in use.workers:
        assert 0 < worker.busy_seconds < 1000
        assert worker.comparisons_per_second > 0
    assert 0 <= cost.waiting_share <= 1


def test_a_worker_that_comes_late_takes_parts_over(stack, local):
    references = normalised_references(references_of(local)[1].sums)
    expected = local.assign(references, ClassicalRule())
    with cluster_of(1) as cluster, distributed.Client(cluster) as client:
        engine = cluster_engine(client, stack)
        assert_same(engine.assign(references, ClassicalRule()), expected)
        cluster.scale(2)
        client.wait_for_workers(2)
        crew = engine._crew
        wait_until(lambda: len(crew.workers()) == 2)
        (first,) = set(crew.owners.values())
        assert_same(engine.assign(references, ClassicalRule()), expected)  # now it is given some
        for seconds in (100.0, 1.0):  # slow once may be an accident
            for part, worker in crew.owners.items():
                crew.note(part, worker, part.n_images * (1.0 if worker == first else seconds))
            engine._rebalance()
            assert set(crew.owners.values()) > {first}
        assert_same(engine.assign(references, ClassicalRule()), expected)
        assert sorted(client.run(blocks_held, engine._job).values()) == [1, 2]
        np.testing.assert_array_equal(references_of(engine)[1].sums, references_of(local)[1].sums)


@contextmanager
def engine_and_late_worker(stack):
    """Give an engine on one worker, the client, that worker and one that came late."""
    with cluster_of(1) as cluster, distributed.Client(cluster) as client:
        engine = cluster_engine(client, stack)
        (first,) = client.run(os.getpid)
        cluster.scale(2)
        client.wait_for_workers(2)
        (late,) = client.run(os.getpid).keys() - {first}
        yield engine, client, first, late


def hide_particles():
    from cl2d.cluster.held import HeldImages  # noqa: PLC0415 - in another process

    def source(_):
        raise InputError("noise.mrcs: does not exist")

    HeldImages.source = source


def test_a_late_worker_that_does_not_see_the_particles_takes_no_part(stack, local, caplog):
    references = normalised_references(references_of(local)[1].sums)
    with engine_and_late_worker(stack) as (engine, client, first, late):
        client.run(hide_particles, workers=[late])
        wait_until(lambda: engine._crew.workers() and "takes no part" in caplog.text)
        for _ in range(2):
            engine.assign(references, ClassicalRule())
        assert set(engine._crew.owners.values()) == {first}
    assert f"{late}: noise.mrcs: does not exist" in caplog.text


def hang_over_parts():
    import threading  # noqa: PLC0415 - in another process

    from cl2d.cluster.held import HeldImages  # noqa: PLC0415

    HeldImages.waits_for = threading.Event()
    HeldImages.engine_at_once = HeldImages.engine

    def engine(self, part):
        self.waits_for.wait()
        return self.engine_at_once(part)

    HeldImages.engine = engine


def hang_no_more():
    held.HeldImages.waits_for.set()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(begun, "LEAST_LATE_SECONDS", 0.5)
    monkeypatch.setattr(roster, "ASIDE_AFTER_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("first", ["assign", "update"])
def test_a_worker_that_hangs_over_a_task_is_left_out_until_that_ends(
    client, stack, local, first, caplog
):
    engine = cluster_engine(client, stack)
    crew = engine._crew
    _, sums = references_of(local)
    references = normalised_references(sums.sums)
    expected = local.assign(references, ClassicalRule())
    hanging = crew.owners[crew.parts[0]]
    client.run(hang_over_parts, workers=[hanging])
    if first == "assign":
        assert_same(engine.assign(references, ClassicalRule()), expected)
    np.testing.assert_array_equal(references_of(engine)[1].sums, sums.sums)
    wait_until(lambda: hanging not in crew.workers())
    assert_same(engine.assign(references, ClassicalRule()), expected)
    assert hanging not in crew.owners.values()
    assert caplog.text.count(f"the worker {hanging} is left out") == 1
    client.run(hang_no_more, workers=[hanging])
    wait_until(lambda: hanging in crew.workers())
    for _ in range(3):  # as slow as it may be, it has done nothing by which to tell
        assert_same(engine.assign(references, ClassicalRule()), expected)
    assert hanging in crew.owners.values()


def another_version():
    from cl2d.cluster import fitness  # noqa: PLC0415 - in another process

    fitness.versions_here = lambda: {"cl2d": "0.0.1", "numpy": "0"}


def test_a_late_worker_with_another_version_takes_no_part(stack, local, caplog):
    references = normalised_references(references_of(local)[1].sums)
    with engine_and_late_worker(stack) as (engine, client, first, late):
        client.run(another_version, workers=[late])
        time.sleep(FRESH_SECONDS)
        for _ in range(2):
            engine.assign(references, ClassicalRule())
        assert set(engine._crew.owners.values()) == {first}
    assert "must have cl2d" in caplog.text
