"""A scheduler that somebody else started, by its address or its file."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from cl2d.cluster import check_workers, fitness, open_client
from cl2d.cluster.fitness import _check_answer, _remarks
from cl2d.engine import simd_level
from cl2d.errors import InputError
from cl2d.options import ClusterOptions

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("distributed")

pytestmark = pytest.mark.programs

SHORT = 0.7
NOBODY = "tcp://127.0.0.1:9"  # the port of a service that no machine runs any more


def address_in(file: Path) -> str:
    return str(json.loads(file.read_text())["address"])


@pytest.mark.parametrize("by_file", [True, False])
def test_workers_of_others_compute_and_stay(scheduler_file: Path, by_file: bool) -> None:
    where = {"scheduler_file": str(scheduler_file)}
    choice = ClusterOptions(**where if by_file else {"scheduler": address_in(scheduler_file)})
    pids = []
    for _ in range(2):
        with open_client(choice) as client:
            assert client.submit(sum, [1, 2]).result() == 3
            facts = check_workers(client)
            pids.append(list(client.run(os.getpid).values()))
    assert pids[0] == pids[1]
    # Without a word about threads, those of the Dask worker are the engine's.
    assert (facts.n_workers, facts.threads, facts.remarks) == (1, 3, ())


def test_a_file_that_is_about_to_be_written_is_waited_for(
    scheduler_file: Path, tmp_path: Path
) -> None:
    late = tmp_path / "late.json"

    def write() -> None:
        time.sleep(0.5)
        late.write_text('{"address": ')  # as a reader may find it halfway
        time.sleep(0.3)
        late.write_text(scheduler_file.read_text())

    writer = threading.Thread(target=write)
    writer.start()
    with open_client(ClusterOptions(scheduler_file=str(late))) as client:
        assert check_workers(client).n_workers == 1
    writer.join()


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "there is no such file"), ("address", "it is not one"), ("[3]", "it is not one")],
)
def test_a_file_that_no_scheduler_wrote_is_named(
    tmp_path: Path, content: str | None, why: str
) -> None:
    path = tmp_path / "s.json"
    if content is not None:
        path.write_text(content)
    choice = ClusterOptions(scheduler_file=str(path), worker_timeout_seconds=0.1)
    message = f"--scheduler-file must be a file .* after 0.1 s {why}: {path}"
    with pytest.raises(InputError, match=message), open_client(choice):
        pass


@pytest.mark.parametrize("address", [NOBODY, "127.0.0.1:9", "gopher://127.0.0.1:9"])
def test_an_address_where_nobody_answers_is_named(address: str) -> None:
    choice = ClusterOptions(scheduler=address, worker_timeout_seconds=SHORT)
    message = f"--scheduler must lead to a running Dask scheduler, .* answered at {address} within"
    with pytest.raises(InputError, match=message), open_client(choice):
        pass


def test_the_file_of_a_scheduler_that_is_gone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"address": NOBODY}))
    choice = ClusterOptions(scheduler_file=str(path), worker_timeout_seconds=SHORT)
    with pytest.raises(InputError, match=f"--scheduler-file {path} must lead"), open_client(choice):
        pass


def test_a_scheduler_without_workers_is_not_waited_for_for_ever(scheduler_alone: Path) -> None:
    choice = ClusterOptions(scheduler=address_in(scheduler_alone), worker_timeout_seconds=SHORT)
    message = "the scheduler of --scheduler must have workers, but at .* none within 0.7 s"
    with pytest.raises(InputError, match=message), open_client(choice):
        pass


@pytest.mark.parametrize("package", ["cl2d", "numpy"])
def test_another_version_on_a_worker_is_refused(
    scheduler_file: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    ours = {**fitness.versions_here(), package: "9.8.7"}
    monkeypatch.setattr(fitness, "versions_here", lambda: ours)
    with (
        open_client(ClusterOptions(scheduler_file=str(scheduler_file))) as client,
        pytest.raises(InputError, match=f"must have {package} 9.8.7 as this process, not "),
    ):
        check_workers(client)


def test_a_worker_without_cl2d_is_named() -> None:
    error = ModuleNotFoundError("No module named 'cl2d'")
    message = "the worker tcp://n1:5 must have cl2d installed, but there: No module named 'cl2d'"
    with pytest.raises(InputError, match=message):
        _check_answer("tcp://n1:5", error)
    with pytest.raises(ZeroDivisionError):
        _check_answer("tcp://n1:5", ZeroDivisionError())


def test_only_kernels_that_round_otherwise_are_remarked_on() -> None:
    assert _remarks({simd_level()}) == ()
    wide = "avx2" if simd_level() != "baseline" else "baseline"
    assert _remarks({wide}) == ()
    assert "lack AVX2" in _remarks({"baseline", "avx512"})[0]
