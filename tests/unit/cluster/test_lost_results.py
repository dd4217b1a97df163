"""Results of several tasks that do not all come: nothing but what is asked for is told."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

distributed = pytest.importorskip("distributed")

from cl2d.cluster import crew as crew_module  # noqa: E402 - Dask is an extra
from cl2d.cluster.crew import Crew  # noqa: E402
from tests.cluster_engines import two_workers  # noqa: E402


def test_tasks_that_fail_late_are_told_of_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(crew_module, "TOGETHER_SECONDS", 0.1)
    with two_workers() as cluster, distributed.Client(cluster) as client:
        client.loop.asyncio_loop.set_exception_handler(lambda _, context: told.append(context))
        crew = Crew(client, 10)
        worker = crew.workers()[0]
        good = [crew.call(divmod, (7, divisor)) for divisor in (2, 3)]
        slow = crew.call_for_workers(time.sleep, (1.0,), (), worker)
        bad = [crew.call(divmod, (7,), [slow]) for _ in range(2)]  # of what a sleep returns
        with pytest.raises(TypeError):
            crew.received_together([(future, crew.workers()) for future in (*good, *bad)])
        found = crew.received_together([(future, crew.workers()) for future in good])
        assert [outcome.value for outcome in found if outcome is not None] == [(3, 1), (2, 1)]
        del slow, bad
        gc.collect()
        time.sleep(0.2)  # the loop is told of what nobody asked for when that is thrown away
    assert told == []
