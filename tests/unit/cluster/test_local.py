"""Processes on this machine: they come, compute, are replaced, and always end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cl2d.cluster import check_workers, open_client
from cl2d.errors import InputError
from cl2d.options import ClusterOptions
from tests.unit.cluster.conftest import runs, wait_until

pytest.importorskip("distributed")

pytestmark = pytest.mark.programs

TWO = ClusterOptions(workers=2)
SCRIPT = """
import os, sys, time
from cl2d.cluster import open_client
from cl2d.options import ClusterOptions
print("once", flush=True)
with open_client(ClusterOptions(workers=2)) as client:
    print(*client.run(os.getpid).values(), flush=True)
    folders = client.run(lambda dask_worker: dask_worker.local_directory)
    print(os.path.dirname(os.path.dirname(min(folders.values()))), flush=True)
    {body}
print("done", flush=True)
"""


def started(tmp_path: Path, body: str) -> tuple[subprocess.Popen[str], list[int], Path]:
    """Run a script without a guard of its main module; return it, its workers and their folder."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(body=body))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "once\n"
    pids = [int(pid) for pid in process.stdout.readline().split()]
    folder = Path(process.stdout.readline().rstrip())
    assert folder.name.startswith("cl2d-workers-")
    return process, pids, folder


def test_each_worker_computes_in_its_own_process_and_none_is_left() -> None:
    with open_client(TWO) as client:
        pids = list(client.run(os.getpid).values())
        assert len({*pids, os.getpid()}) == 3
        assert client.gather(client.map(abs, [-1, 2, -3])) == [1, 2, 3]
    assert not any(runs(pid) for pid in pids)


@pytest.mark.parametrize(("n_threads", "each"), [(1, 1), (2, 1), (7, 3)])
def test_threads_are_shared_among_the_workers(n_threads: int, each: int) -> None:
    with open_client(TWO, n_threads) as client:
        facts = check_workers(client)
        assert (facts.n_workers, facts.threads) == (2, 2 * each)
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            assert set(client.run(os.getenv, variable).values()) == {str(each)}
        # Each worker takes one task at a time, and no more memory than we say.
        workers = client.scheduler_info()["workers"].values()
        assert [(w["nthreads"], w["memory_limit"]) for w in workers] == [(1, 0), (1, 0)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_workers_end_with_the_body_however_it_ends(error: type[BaseException]) -> None:
    pids: list[int] = []

    def compute() -> None:
        with open_client(TWO) as client:
            pids.extend(client.run(os.getpid).values())
            raise error

    with pytest.raises(error):
        compute()
    assert len(pids) == 2
    assert not any(runs(pid) for pid in pids)


def test_a_worker_that_is_killed_is_replaced() -> None:
    with open_client(TWO) as client:
        before = set(client.run(os.getpid).values())
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: not runs(min(before)))
        wait_until(lambda: len(set(client.run(os.getpid, on_error="ignore").values())) == 2)
        assert len(before & set(client.run(os.getpid).values())) == 1


def test_a_script_runs_once_though_it_guards_nothing(tmp_path: Path) -> None:
    process, pids, folder = started(tmp_path, "print(client.submit(sum, [1, 2]).result())")
    out, err = process.communicate()
    assert (out, err, process.returncode) == ("3\ndone\n", "", 0)
    assert not any(runs(pid) for pid in pids)
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_the_process_that_started_it(tmp_path: Path, number: int) -> None:
    process, pids, folder = started(tmp_path, "time.sleep(1000)")
    assert all(runs(pid) for pid in pids)
    process.send_signal(number)
    process.communicate()
    wait_until(lambda: not any(runs(pid) for pid in pids))
    assert not folder.exists()


def test_no_worker_outlives_a_process_that_ends_while_it_computes(tmp_path: Path) -> None:
    busy = "client.map(time.sleep, [1000, 1001], pure=False); time.sleep(1); os._exit(3)"
    process, pids, folder = started(tmp_path, busy)
    process.communicate()
    wait_until(lambda: not any(runs(pid) for pid in pids))
    assert not folder.exists()


def test_without_the_package_the_message_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr("cl2d.cluster.packages.find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"--workers needs the extra: pip install 'cl2d\[dask\]'"):
        open_client(TWO)
    with pytest.raises(InputError, match=r"--scheduler-file needs the extra"):
        open_client(ClusterOptions(scheduler_file="s.json"))


def test_no_cluster_is_opened_where_none_is_asked_for() -> None:
    with pytest.raises(InputError, match="must be given for a cluster"):
        open_client(ClusterOptions())
