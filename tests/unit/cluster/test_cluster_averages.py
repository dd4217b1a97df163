"""Sums of the images as read on worker processes, bit by bit against those of this process."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial

import numpy as np
import pytest

import cl2d
from cl2d.engine import SearchSettings
from cl2d.engine.member_sums import Members, SummedHere
from cl2d.engine.storage import IN_MEMORY
from cl2d.engine.stretches import SumShape
from cl2d.errors import InputError, TimeIsUpError
from cl2d.io import open_particles
from cl2d.preprocess.ctf_source import subset_of
from cl2d.preprocess.ctf_weighted import CtfWeightedSource
from tests.engine_inputs import noise_images, random_poses, white_plan
from tests.level_of_labels import level_of
from tests.unit.test_outputs_delivered import parameters

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.programs

from cl2d.cluster.averages import SummedOnWorkers  # noqa: E402 - Dask is an extra
from cl2d.cluster.crew import Crew  # noqa: E402
from cl2d.cluster.job import Job  # noqa: E402
from tests.cluster_engines import cluster_of, written_stack  # noqa: E402

N = 611
BOX = 16
SMALL = SumShape(block_images=16, least_blocks=2, most_stretches=12, group_stretches=3)
"""Twelve stretches of three or four blocks, the last cut short, in four groups."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    # Sums of a few floats of one scale would be exact in any order.
    scales = 2.0 ** np.random.default_rng(6).integers(-20, 20, (N, 1, 1))
    images = (noise_images(N, BOX, seed=4) * scales).astype(np.float32)
    return written_stack(tmp_path_factory.mktemp("particles") / "noise.mrcs", images)


@pytest.fixture
def client(request):
    n_workers = getattr(request, "param", 2)
    with cluster_of(n_workers) as cluster, distributed.Client(cluster) as client:
        yield client


def weighted_particles(stack):
    source = open_particles(stack)
    ctf = parameters(np.linspace(9000.0, 26000.0, N))
    return CtfWeightedSource(source, ctf)


def some_particles(stack):
    return subset_of(weighted_particles(stack), np.arange(0, N, 2))


def slow_particles(stack):
    """Return particles that take a while to read, so that something can happen meanwhile."""
    source = open_particles(stack)

    class Slow(type(source)):
        def read(self, start, stop):
            time.sleep(0.1 if stop - start > 1 else 0)
            return super().read(start, stop)

    source.__class__ = Slow
    return source


def levels_of(n_images):
    """Return a level, its core, its half-sets and a level of other poses."""
    rng = np.random.default_rng(7)
    level = level_of(rng.integers(-1, 5, n_images), 5, random_poses(n_images, 2.0, 1))
    core = level_of(np.where(rng.random(n_images) < 0.5, level.labels, -1), 5, level.poses)
    return [level, core, level.halved(), level_of([0] * n_images, 2)]


def on_workers(client, open_source, shape=SMALL):
    source = open_source()
    job = Job(
        name=f"test-{time.monotonic_ns()}",
        open_source=open_source,
        fingerprint=source.fingerprint(),
        n_images=source.n_images,
        plan=white_plan(BOX),
        search=SearchSettings(max_shift_px=1.0),
        storage=IN_MEMORY,
        simd_level=cl2d.build_info()["simd_level"],
    )
    return SummedOnWorkers(Crew(client, source.n_images), job, shape)


def assert_same(found, expected):
    assert found.images.dtype == np.float64
    np.testing.assert_array_equal(found.images, expected.images)
    np.testing.assert_array_equal(found.transfer, expected.transfer)


def ignored(_n_done):
    """Tell nobody of progress."""


def sums_here(source, members, weighted=False):
    return SummedHere(source, 1, SMALL)(members, weighted=weighted, on_progress=ignored)


@pytest.mark.parametrize("client", [1, 2], indirect=True)
def test_sums_of_any_number_of_workers_have_the_bits_of_one_process(client, stack, monkeypatch):
    monkeypatch.setattr("cl2d.cluster.averages.PIECE_BYTES", 3 * 8 * BOX**2)
    for particles, weighted in (
        (open_particles, False),
        (weighted_particles, True),
        (some_particles, True),
        (some_particles, False),
    ):
        open_source = partial(particles, stack)
        source = open_source()
        members = Members.of(levels_of(source.n_images))
        done = []
        found = on_workers(client, open_source)(members, weighted=weighted, on_progress=done.append)
        expected = sums_here(source, members, weighted)
        assert_same(found, expected)
        in_one_row = SummedHere(source, 1)(members, weighted=weighted, on_progress=ignored)
        assert not np.array_equal(in_one_row.images, expected.images)
        assert found.transfer.any() == weighted
        assert done == sorted(done)
        assert done[-1] == source.n_images


def test_workers_that_are_killed_cost_no_bit(client, stack):
    members = Members.of(levels_of(N))
    expected = sums_here(open_particles(stack), members)
    summed_by = on_workers(client, partial(slow_particles, stack))
    done = []

    def kill(_n_done):
        done.append(_n_done)
        if len(done) in (2, 5):
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    assert_same(summed_by(members, weighted=False, on_progress=kill), expected)
    timer = threading.Timer(0.3, kill_all, (client,))
    timer.start()
    found = summed_by(members, weighted=False, on_progress=ignored)
    timer.join()
    assert_same(found, expected)


def kill_all(client):
    for victim in client.run(os.getpid).values():
        os.kill(victim, signal.SIGKILL)


def test_an_error_or_interrupt_here_ends_what_workers_do(client, stack):
    summed_by = on_workers(client, partial(slow_particles, stack))
    members = Members.of(levels_of(N))
    for interrupt in (KeyboardInterrupt, TimeIsUpError):

        def stop(_n_done, error=interrupt):
            raise error

        with pytest.raises(interrupt):
            summed_by(members, weighted=False, on_progress=stop)
        wait_for_idle(client)
    assert_same(
        summed_by(members, weighted=False, on_progress=ignored),
        sums_here(open_particles(stack), members),
    )


def wait_for_idle(client):
    end = time.monotonic() + 20
    while any(client.processing().values()) or any(client.has_what().values()):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_time_limit_is_kept_while_a_stretch_lasts(client, stack, monkeypatch):
    monkeypatch.setattr("cl2d.cluster.averages.SECONDS_BETWEEN_SIGNS", 0.0)
    monkeypatch.setattr("cl2d.cluster.averages.LOOK_SECONDS", 0.01)
    told = []
    summed_by = on_workers(client, partial(slow_particles, stack))
    summed_by(Members.of(levels_of(N)), weighted=False, on_progress=told.append)
    assert told[0] == 0
    assert told == sorted(told)
    assert len(told) > 12


def test_few_sums_are_anywhere_at_a_time(client, stack):
    """However many stretches there are, workers are not given all of them at once."""
    shape = SumShape(block_images=4, least_blocks=1, most_stretches=60, group_stretches=10)
    most = []

    def count(_n_done):
        most.append(sum(len(keys) for keys in client.has_what().values()))

    on_workers(client, partial(open_particles, stack), shape)(
        Members.of(levels_of(N)), weighted=False, on_progress=count
    )
    assert max(most) <= 14


def test_a_worker_that_sees_other_particles_refuses(client, stack):
    summed_by = on_workers(client, partial(open_particles, stack))
    other = partial(some_particles, stack)
    object.__setattr__(summed_by._job, "open_source", other)
    with pytest.raises(InputError, match="must be the same on all machines"):
        summed_by(Members.of(levels_of(N)), weighted=False, on_progress=ignored)
