"""Workers that hang are taken out, schedulers that are gone are told of."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from cl2d.errors import InputError

distributed = pytest.importorskip("distributed")

from cl2d.cluster.clients import check_client  # noqa: E402
from cl2d.cluster.lost_scheduler import SchedulerLostError, naming_a_lost_scheduler  # noqa: E402
from cl2d.cluster.roster import Roster  # noqa: E402
from cl2d.cluster.silent import SILENT_LOOKS, Silence, without_silent_workers  # noqa: E402
from tests.cluster_engines import ANY_PORT, cluster_of  # noqa: E402

SECONDS_BETWEEN_LOOKS = 0.5
MOST_SECONDS = 60.0


def test_a_worker_is_silent_after_looks_in_a_row() -> None:
    silence = Silence()
    for look in range(SILENT_LOOKS):
        assert not silence.looked({"a": 1.0, "b": float(look)})
    assert silence.looked({"a": 1.0, "b": 99.0}) == ["a"]
    assert not silence.looked({"a": 2.0, "b": 100.0})
    assert not silence.looked({"b": 100.0})


def test_a_worker_that_hangs_is_replaced_and_nobody_waits_for_it() -> None:
    with (
        cluster_of(2) as cluster,
        distributed.Client(cluster) as client,
        without_silent_workers(client, SECONDS_BETWEEN_LOOKS),
    ):
        hanging, *_ = client.run(os.getpid).values()
        os.kill(hanging, signal.SIGSTOP)
        started = time.monotonic()
        client.run(os.getpid, on_error="ignore")
        client.wait_for_workers(2, timeout=MOST_SECONDS)
        assert hanging not in client.run(os.getpid).values()
        assert time.monotonic() - started < MOST_SECONDS


def test_what_follows_the_loss_of_the_scheduler_is_told_as_that() -> None:
    with cluster_of(1) as cluster, distributed.Client(cluster) as client:
        roster = Roster(client)
        with pytest.raises(ZeroDivisionError), naming_a_lost_scheduler(client):
            raise ZeroDivisionError
    with pytest.raises(SchedulerLostError, match="connection was lost"):
        roster.threads()
    with pytest.raises(SchedulerLostError), naming_a_lost_scheduler(client):
        raise OSError
    with pytest.raises(InputError), naming_a_lost_scheduler(client):
        raise InputError


def test_clients_are_refused_that_a_run_cannot_use() -> None:
    with pytest.raises(InputError, match=r"client must be a distributed\.Client, not str"):
        check_client("tcp://127.0.0.1:8786", 1.0)  # type: ignore[arg-type]
    with (
        cluster_of(0) as cluster,
        distributed.Client(cluster) as client,
        pytest.raises(InputError, match=r"must have workers, but .* none within 0\.1 s"),
    ):
        check_client(client, 0.1)
    with pytest.raises(InputError, match="client must be connected to its scheduler, not closed"):
        check_client(client, 1.0)


async def _in_its_loop() -> str:
    async with (
        distributed.LocalCluster(
            n_workers=1, processes=False, asynchronous=True, dashboard_address=ANY_PORT
        ) as cluster,
        distributed.Client(cluster, asynchronous=True) as client,
    ):
        with pytest.raises(InputError) as refusal:
            check_client(client, 1.0)
        return str(refusal.value)


def test_a_client_is_refused_in_its_event_loop() -> None:
    assert "asyncio.to_thread(cl2d.classify" in asyncio.run(_in_its_loop())
