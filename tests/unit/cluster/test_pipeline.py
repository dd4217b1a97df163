"""The cluster of a run: whose it is, what is told of it, and when it ends."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from cl2d.cli.progress import json_line
from cl2d.cli.wording import Wording
from cl2d.cluster import given_client, open_client
from cl2d.errors import InputError
from cl2d.events import ClusterJoined, JobsSubmitted
from cl2d.options import ClassifyOptions
from cl2d.pipeline.cluster import run_client
from tests.unit.cluster.conftest import runs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.programs

ALONE = ClassifyOptions()
TWO = ClassifyOptions.from_flat(workers=2, threads=5)


def test_a_run_that_asks_for_no_cluster_has_none() -> None:
    with run_client(ALONE) as client:
        assert client is None


def test_a_run_starts_its_workers_tells_of_them_and_ends_them() -> None:
    pytest.importorskip("distributed")
    events: list[object] = []
    with run_client(TWO, tell=events.append) as client:
        assert client is not None
        pids = list(client.run(os.getpid).values())
    (joined,) = events
    assert isinstance(joined, ClusterJoined)
    assert (joined.n_workers, joined.threads) == (2, 4)
    assert not any(runs(pid) for pid in pids)


def test_a_client_of_the_caller_stays_open(scheduler_file: Path) -> None:
    choice = ClassifyOptions.from_flat(scheduler_file=str(scheduler_file))
    events: list[object] = []
    with open_client(choice.cluster) as client:
        with run_client(ALONE, client, events.append) as found:
            assert found is client
        with given_client(client), run_client(ALONE) as found:
            assert found is client
        assert client.submit(sum, [1, 2]).result() == 3
        with run_client(ALONE) as found:
            assert found is None
        for whose in ("client", "mpirun"):
            with pytest.raises(InputError, match=f"must be left out with .*{whose}"):
                _opened(client, whose)
    assert [type(event) for event in events] == [ClusterJoined]


def _opened(client: object, whose: str) -> None:
    if whose == "client":
        with run_client(TWO, client):
            pass
    with given_client(client), run_client(TWO):
        pass


def test_the_script_of_the_jobs_is_told_before_they_run(queue: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    events: list[object] = []
    asked = ClassifyOptions.from_flat(slurm="-p any")
    with run_client(asked, tell=events.append):
        pass
    submitted, joined = events
    assert isinstance(submitted, JobsSubmitted)
    assert isinstance(joined, ClusterJoined)
    (job,) = queue.glob("job*")
    # All but the last line, which has the address of the scheduler and the name of the job.
    assert submitted.script.splitlines()[:-1] == job.read_text().splitlines()[:-1]


def test_what_a_reader_and_a_program_are_told() -> None:
    joined = ClusterJoined("http://n1:8787/status", 3, 24)
    words = Wording(10)
    assert words.lines(joined) == ["3 workers, 24 threads; at work: http://n1:8787/status"]
    assert words.lines(ClusterJoined("", 1, 1)) == ["1 worker, 1 thread"]
    jobs = words.lines(JobsSubmitted(2, "#!/bin/bash\n\n#SBATCH -p gpu\n"))
    assert jobs[0] == "2 jobs of SLURM to compute, submitted as:"
    assert jobs[1:] == ["    #!/bin/bash", "    #SBATCH -p gpu"]
    told = json.loads(json_line(joined))
    assert (told["event"], told["n_workers"], told["threads"]) == ("cluster_joined", 3, 24)
