"""Subsets that stay on the workers, held against those in this process, bit by bit."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import cl2d
from cl2d import array_source
from cl2d.engine import (
    ClassicalRule,
    LocalEngine,
    OwnShare,
    SearchSettings,
    Storage,
    near_search,
    normalised_references,
    sum_lengths,
)
from cl2d.engine.ingest import ingest
from cl2d.engine.protocol import GroupVectors
from tests.engine_inputs import noise_images, random_poses, white_plan

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.programs

from cl2d.cluster import held, subset  # noqa: E402 - Dask is an extra
from cl2d.cluster.engine import ClusterEngine  # noqa: E402
from tests.cluster_engines import (  # noqa: E402
    WHOLE,
    assert_same,
    engine_on_workers,
    two_workers,
    written_stack,
)

N = 25_000  # seven blocks
BOX = 16
PLAN = white_plan(BOX)
SEARCH = SearchSettings(max_shift_px=1.0)
HALF = Storage(half=True)
K = 3
ROWS = np.flatnonzero(np.random.default_rng(5).uniform(size=N) < 0.4)  # three blocks


@pytest.fixture(scope="module")
def images():
    found = noise_images(N, BOX, seed=4)
    found[7::1000] = 0  # some are not usable
    return found


@pytest.fixture(scope="module")
def stack(images, tmp_path_factory):
    return written_stack(tmp_path_factory.mktemp("particles") / "noise.mrcs", images)


@pytest.fixture(scope="module")
def local(images):
    return local_engine(images, HALF)


def local_engine(images, storage):
    ingested = ingest(array_source(images), PLAN, 1, storage=storage)
    usable = ingested.flags == 0
    return LocalEngine(ingested.blocks, usable, SEARCH, 1.0, 1, storage=storage)


@pytest.fixture(scope="module")
def cluster():
    with two_workers() as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client
        client.run(held.forget, WHOLE)


def cluster_engine(client, stack, storage=HALF):
    return engine_on_workers(client, stack, PLAN, SEARCH, storage=storage)


def sums_of(engine, seed=0):
    n = engine.n_images
    labels = np.random.default_rng(seed).integers(-1, K, n).astype(np.int32)
    labels[~engine.usable] = -1
    return labels, engine.update(labels, random_poses(n, 1.0, seed), K)


def product(members, item):
    """Return something that depends on every image of a group and on its order."""
    aligned = members.aligned_members(np.arange(members.n_images), item)
    return aligned[:3].copy(), aligned.sum(axis=0)


def assert_same_engines(engine, local):
    """Compare what two engines of the same images do."""
    assert engine.n_images == local.n_images
    np.testing.assert_array_equal(engine.usable, local.usable)
    labels, sums = sums_of(local)
    np.testing.assert_array_equal(sums_of(engine)[1].sums, sums.sums)
    references = normalised_references(sums.sums)
    own = OwnShare(labels, sum_lengths(sums.sums), sums.counts)
    sample = np.array([0, 4096, local.n_images - 1])
    expected = local.assign(references, ClassicalRule(), sample=sample, own=own)
    found = engine.assign(references, ClassicalRule(), sample=sample, own=own)
    assert_same(found, expected)
    np.testing.assert_array_equal(found.sampled_scores, expected.sampled_scores)
    last = near_search(expected.poses)
    near = local.assign(references, ClassicalRule(), last=last)
    assert_same(engine.assign(references, ClassicalRule(), last=last), near)


def held_of(name):
    return {job: sorted(images._blocks) for job, images in held._held.items() if name in job}


def readers_of(name):
    return [job for job, images in held._held.items() if name in job and images._source is not None]


def test_a_subset_gives_the_bits_of_one_in_this_process(client, stack, local):
    engine = cluster_engine(client, stack)
    some, wanted = engine.subset(ROWS), local.subset(ROWS)
    assert isinstance(some, ClusterEngine)
    np.testing.assert_array_equal(sums_of(some)[1].sums, sums_of(wanted)[1].sums)
    by_worker = client.run(held_of, some._job.name).values()
    assert sorted(block for held in by_worker for block in held[some._job.name]) == [0, 1, 2]
    assert not any(client.run(readers_of, some._job.name).values())
    assert_same_engines(some, wanted)


def test_groups_and_projections_of_a_subset_are_those_in_this_process(client, stack, local):
    some, wanted = cluster_engine(client, stack).subset(ROWS), local.subset(ROWS)
    n = len(ROWS)
    groups = []
    for seed in range(5):
        rows = np.random.default_rng(seed).choice(n, 30, replace=False)
        groups.append((rows, random_poses(30, 1.0, seed)))
    pairs = zip(some.each(product, groups), wanted.each(product, groups), strict=True)
    for found, expected in pairs:
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
    rows, poses = groups[0]
    found, expected = some.component(rows, poses), wanted.component(rows, poses)
    np.testing.assert_array_equal(found.scores, expected.scores)
    of_groups, poses = np.arange(n, dtype=np.int32) % 2, random_poses(n, 1.0, 3)
    size = wanted.aligned_members(rows, groups[0][1])[0].size * 2
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(size, 2)))[0].T
    basis = np.ascontiguousarray(basis, dtype=np.float32)
    vectors = [GroupVectors(basis, np.ones(size)), GroupVectors(basis[:1], np.ones(size))]
    one, other = (e.projections(of_groups, poses, vectors) for e in (some, wanted))
    for name in ("products", "with_sum", "squared_length"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("order", ["ascending", "any"])
def test_a_subset_of_a_subset_is_one_too(client, stack, local, order):
    engine = cluster_engine(client, stack)
    within = np.sort(np.random.default_rng(1).choice(len(ROWS), 6000, replace=False))
    if order == "any":
        within = np.random.default_rng(2).permutation(within)
    some = engine.subset(ROWS).subset(within)
    wanted = local.subset(ROWS).subset(within)
    assert_same_engines(some, wanted)
    client.run(held.forget, some._job.name)  # all must be read again
    np.testing.assert_array_equal(sums_of(some, 1)[1].sums, sums_of(wanted, 1)[1].sums)


@pytest.mark.parametrize("kept", ["single", "half", "scratch"])
def test_images_that_are_read_again_have_the_same_bits(client, stack, images, kept, tmp_path):
    storage = Storage(kept != "single", tmp_path if kept == "scratch" else None)
    engine = cluster_engine(client, stack, storage)
    some, wanted = engine.subset(ROWS), local_engine(images, storage).subset(ROWS)
    np.testing.assert_array_equal(sums_of(some)[1].sums, sums_of(wanted)[1].sums)
    client.run(held.forget, WHOLE)
    assert not any(client.run(held_of, WHOLE).values())
    np.testing.assert_array_equal(sums_of(some)[1].sums, sums_of(wanted)[1].sums)


def test_a_few_images_come_to_this_process(client, stack):
    assert isinstance(cluster_engine(client, stack).subset(ROWS[:4096]), LocalEngine)


def test_workers_let_go_of_a_subset_that_nobody_has(client, stack):
    engine = cluster_engine(client, stack)
    _, sums = sums_of(engine)
    some = engine.subset(ROWS)
    within = some.subset(np.arange(0, len(ROWS), 2))
    names = [some._job.name, within._job.name]
    assert names[1].startswith(f"{names[0]}/")
    del within, some
    engine.assign(normalised_references(sums.sums), ClassicalRule())
    for of_worker in client.run(held_of, WHOLE).values():
        assert set(of_worker) <= {WHOLE}
    kept = engine.subset(ROWS)  # goes with the run, whoever has it
    client.run(held.forget, WHOLE)
    assert not any(client.run(held_of, WHOLE).values())
    assert kept.n_images == len(ROWS)


def test_most_images_of_a_subset_stay_where_they_are(client, stack):
    engine = cluster_engine(client, stack)
    before = engine._crew.account.received_bytes
    some = engine.subset(ROWS)
    holders = subset._holders(engine._crew, some._crew.parts, ROWS)
    stay = sum(holders[part][worker] for part, worker in some._crew.owners.items())
    assert stay > 0.75 * len(ROWS)
    assert engine._crew.account.received_bytes - before < 1000  # none came to this process


def test_workers_that_are_lost_cost_a_subset_no_bit(client, stack, local):
    engine = cluster_engine(client, stack)
    some, wanted = engine.subset(ROWS), local.subset(ROWS)
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    assert_same_engines(some, wanted)
    for victim in client.run(os.getpid).values():
        os.kill(victim, signal.SIGKILL)
    again = engine.subset(ROWS)
    np.testing.assert_array_equal(sums_of(again)[1].sums, sums_of(wanted)[1].sums)


def test_a_run_on_a_sample_is_that_in_one_process(client, stack, monkeypatch):
    made = []
    monkeypatch.setattr(
        "cl2d.cluster.engine.copy_blocks",
        lambda own, sent, rows, taken: (
            made.append(len(rows)) or subset.copy_blocks(own, sent, rows, taken)
        ),
    )
    let_go = []
    as_it_is = ClusterEngine._let_go_of_unused
    monkeypatch.setattr(
        ClusterEngine,
        "_let_go_of_unused",
        lambda engine: let_go.append(engine._unused.qsize()) or as_it_is(engine),
    )
    options = {
        "n_classes": 4,
        "initial_classes": 2,
        "iterations": 2,
        "images_per_class": 2500,
        "core": False,
        "evaluate": False,
    }
    alone = cl2d.classify(stack, **options)
    shared = cl2d.classify(stack, **options, client=client)
    assert made == [5000, 10000]
    assert sum(let_go) == 2  # each by the first iteration of all images that follows
    np.testing.assert_array_equal(shared.labels, alone.labels)
    np.testing.assert_array_equal(shared.averages, alone.averages)
    assert not any(client.run(held_of, "").values())
