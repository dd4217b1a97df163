"""Classes chosen by correntropy on workers, held against those in this process, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

import cl2d
from cl2d import array_source
from cl2d.engine import (
    IN_MEMORY,
    ClassicalRule,
    LocalEngine,
    SearchSettings,
    near_search,
    normalised_references,
)
from cl2d.engine.ingest import ingest, working_images
from cl2d.simulate import SimulationOptions, simulate_particles
from tests.engine_inputs import random_poses, white_plan

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.programs

from cl2d.cluster import held  # noqa: E402 - Dask is an extra
from cl2d.cluster.engine import ClusterEngine  # noqa: E402
from tests.cluster_engines import (  # noqa: E402
    WHOLE,
    assert_same,
    engine_on_workers,
    two_workers,
    written_stack,
)

N = 12_400  # four blocks
BOX = 24
PLAN = white_plan(BOX, 20)
SEARCH = SearchSettings(max_shift_px=1.2)
K = 3
ROWS = np.flatnonzero(np.random.default_rng(5).uniform(size=N) < 0.5)


@pytest.fixture(scope="module")
def images():
    options = SimulationOptions(n_particles=N, box_px=BOX, n_views=K, snr=0.3, shift_sd_px=0.5)
    return simulate_particles(options).images


@pytest.fixture(scope="module")
def stack(images, tmp_path_factory):
    return written_stack(tmp_path_factory.mktemp("particles") / "views.mrcs", images)


@pytest.fixture(scope="module")
def local(images):
    found = ingest(array_source(images), PLAN, 1, keep_images=True)
    kept = working_images(found, PLAN, 1)
    scale = PLAN.box_px / PLAN.working_box_px
    return LocalEngine(found.blocks, found.flags == 0, SEARCH, scale, 1, working_images=kept)


@pytest.fixture(scope="module")
def cluster():
    with two_workers() as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client
        client.run(held.forget, WHOLE)


def compare(engine, local):
    """Compare averages, and classes by them, of two engines of the same images."""
    n = local.n_images
    labels = np.random.default_rng(0).integers(-1, K, n).astype(np.int32)
    poses = random_poses(n, 1.0)
    found, expected = engine.averages(labels, poses, K), local.averages(labels, poses, K)
    np.testing.assert_array_equal(found.images, expected.images)
    assert found.residual_sigma == expected.residual_sigma
    references = normalised_references(local.update(labels, poses, K).sums)
    by_score = local.assign(references, ClassicalRule())
    chosen = local.assign(references, ClassicalRule(), averages=expected)
    assert (chosen.labels != by_score.labels).any()
    assert_same(engine.assign(references, ClassicalRule(), averages=found), chosen)
    last = near_search(by_score.poses)
    again = engine.assign(references, ClassicalRule(), averages=found, last=last)
    assert_same(again, chosen)
    assert not again.fast


def of_members(members, item):
    """Return the averages of a group in real space."""
    labels, poses = item
    return members.averages(labels, poses, 2).images


def test_averages_and_classes_have_the_bits_of_those_in_this_process(client, stack, local):
    engine = engine_on_workers(client, stack, PLAN, SEARCH, storage=IN_MEMORY, keeps_images=True)
    compare(engine, local)
    some, few = engine.subset(ROWS), engine.subset(ROWS[::3])
    assert isinstance(some, ClusterEngine)
    assert isinstance(few, LocalEngine)
    compare(some, local.subset(ROWS))
    compare(few, local.subset(ROWS[::3]))
    client.run(held.forget, WHOLE)  # all must be read again
    compare(some, local.subset(ROWS))
    rows, labels = ROWS[7::200], np.arange(len(ROWS[7::200]), dtype=np.int32) % 2
    groups = [(rows, (labels, random_poses(len(rows), 1.0, 4)))]
    found, expected = (next(iter(e.each(of_members, groups))) for e in (engine, local))
    np.testing.assert_array_equal(found, expected)


def test_a_run_by_correntropy_is_that_in_one_process(client, stack):
    options = {
        "n_classes": 4,
        "initial_classes": 2,
        "iterations": 2,
        "images_per_class": 1400,  # the sample of four classes stays on the workers
        "similarity": "correntropy",
        "core": False,
        "evaluate": False,
    }
    alone = cl2d.classify(stack, **options)
    shared = cl2d.classify(stack, **options, client=client)
    np.testing.assert_array_equal(shared.labels, alone.labels)
    np.testing.assert_array_equal(shared.averages, alone.averages)
