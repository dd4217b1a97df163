"""Jobs of SLURM: what users' words become, and what is submitted and cancelled."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import cl2d
from cl2d.cluster import check_workers, job_script, open_client, slurm
from cl2d.cluster.slurm import JobWords, job_words
from cl2d.errors import InputError
from cl2d.io import write_stack
from cl2d.options import ClusterOptions
from tests.unit.cluster.conftest import runs, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.programs

WORDS = "--partition gpu --time 4:00:00 --cpus-per-task 8 --mem=16G -A lab --gres gpu:1 --exclusive"


def directives(words: str) -> list[str]:
    return re.findall("^#SBATCH (.*)$", job_script(ClusterOptions(slurm=words)), re.MULTILINE)


def test_words_are_told_apart() -> None:
    assert job_words(WORDS) == JobWords(
        partition="gpu",
        time="4:00:00",
        account="lab",
        cpus_per_task="8",
        memory="16G",
        others=("--gres gpu:1", "--exclusive"),
    )


@pytest.mark.parametrize("words", ["-p gpu -c 4", "-pgpu -c4", "--partition=gpu --cpus-per-task=4"])
def test_every_way_to_write_an_option_is_the_same(words: str) -> None:
    assert job_words(words) == JobWords(partition="gpu", cpus_per_task="4")


def test_a_value_with_spaces_stays_one() -> None:
    assert job_words("--comment 'a b'").others == ("--comment 'a b'",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("gpu", "--slurm must be options of sbatch, which 'gpu' is none of"),
        ("-p gpu cpu", "which 'cpu' is none of"),
        ("--partition", "--slurm must give --partition a value"),
        ("-c all", "at least 1 processor a task, not 'all'"),
        ("-c 0", "at least 1 processor a task, not '0'"),
        ("--array 1-5", "--slurm must be without --array: a job is one worker; --workers says"),
        ("-n 4", "--slurm must be without -n"),
        ("--arr=1-3", "--slurm must be without --arr"),
        ("--comment 'a", "--slurm must be words for sbatch"),
    ],
)
def test_words_that_make_no_job_are_refused(words: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        job_words(words)


def test_the_script_asks_for_what_the_words_say() -> None:
    pytest.importorskip("dask_jobqueue")
    assert sorted(directives(WORDS)) == sorted(
        [
            *("-J cl2d-worker", "-n 1", "-p gpu", "-A lab", "-t 4:00:00"),
            *("--cpus-per-task=8", "--mem=16G", "--gres gpu:1", "--exclusive"),
        ]
    )


def test_what_no_word_says_is_left_to_the_partition() -> None:
    pytest.importorskip("dask_jobqueue")
    assert directives("-J mine") == ["-J mine", "-n 1", "--cpus-per-task=1"]


def test_a_job_is_one_worker_whose_engine_has_all_its_processors() -> None:
    pytest.importorskip("dask_jobqueue")
    script = job_script(ClusterOptions(slurm=WORDS))
    assert "export CL2D_WORKER_THREADS=${SLURM_CPUS_PER_TASK:-1}" in script
    command = script.splitlines()[-1]
    assert " --nthreads 1 " in command
    assert " --memory-limit 0.0B " in command
    assert "--nworkers" not in command
    assert "--preload cl2d.cluster.end_of_job" in command


def test_what_a_site_has_set_for_its_jobs_stays() -> None:
    pytest.importorskip("dask_jobqueue")
    import dask  # noqa: PLC0415 - may be missing

    of_site = {
        "jobqueue.slurm.job-script-prologue": ["module load python"],
        "jobqueue.slurm.job-extra-directives": ["--constraint=fast"],
        "jobqueue.slurm.queue": "night",
    }
    with dask.config.set(of_site):
        script = job_script(ClusterOptions(slurm="--qos low"))
    assert "\nmodule load python\nexport CL2D" in script
    assert {"#SBATCH --constraint=fast", "#SBATCH --qos low", "#SBATCH -p night"} <= {
        *script.splitlines()
    }


def test_there_is_no_script_without_words() -> None:
    with pytest.raises(InputError, match="slurm must be given for there to be a script"):
        job_script(ClusterOptions(workers=2))


def test_jobs_are_submitted_compute_and_are_cancelled(queue: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    choice = ClusterOptions(slurm="-p any --cpus-per-task 3", workers=2)
    with open_client(choice) as client:
        client.wait_for_workers(2, timeout=60)
        facts = check_workers(client)
        assert (facts.n_workers, facts.threads) == (2, 6)
        pids = list(client.run(os.getpid).values())
    assert len(list(queue.glob("job*"))) == 2
    assert len((queue / "cancelled").read_text().split()) == 2
    wait_until(lambda: not any(runs(pid) for pid in pids))


def test_jobs_are_cancelled_after_an_error(queue: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    pids: list[int] = []

    def compute() -> None:
        with open_client(ClusterOptions(slurm="-p any")) as client:
            pids.extend(client.run(os.getpid).values())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute()
    assert pids
    assert (queue / "cancelled").read_text().split()
    wait_until(lambda: not any(runs(pid) for pid in pids))


def test_what_sbatch_refuses_is_told_in_its_words(queue: Path) -> None:  # noqa: ARG001
    pytest.importorskip("dask_jobqueue")
    message = "--slurm must be what sbatch takes, but it says: invalid partition specified"
    with pytest.raises(InputError, match=message), open_client(ClusterOptions(slurm="-p none")):
        pass


def test_an_answer_of_sbatch_without_a_job_is_a_refusal(queue: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    (queue / "sbatch").write_text("#!/bin/bash\necho Job would start tomorrow\n")
    with (
        pytest.raises(InputError, match="--slurm must be what sbatch takes, but it says: "),
        open_client(ClusterOptions(slurm="-p any --test-only")),
    ):
        pass


def test_nothing_is_submitted_for_a_folder_that_cannot_be_used(queue: Path, tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    write_stack(tmp_path / "noise.mrcs", np.zeros((4, 16, 16), dtype=np.float32), 2.0)
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="out"):
        cl2d.classify(tmp_path / "noise.mrcs", output=tmp_path / "out", slurm="-p any")
    assert list(queue.glob("job*")) == []


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_signals_stay_what_they_are_for_the_program() -> None:
    pytest.importorskip("dask_jobqueue")
    code = (
        "import signal, threading\n"
        "from cl2d.cluster import job_script\n"
        "from cl2d.options import ClusterOptions\n"
        "choice = ClusterOptions(slurm='-p any')\n"
        "other = threading.Thread(target=job_script, args=(choice,))\n"
        "other.start(); other.join()\n"
        "print('SBATCH' in job_script(choice))\n"
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    )
    done = python(code)
    assert (done.stdout, done.stderr) == ("True\nTrue\n", "")


def test_the_process_of_a_job_ends_though_its_worker_hangs_while_it_closes() -> None:
    code = (
        "import time\n"
        "from types import SimpleNamespace as Some\n"
        "from cl2d.cluster import end_of_job\n"
        "end_of_job._SECONDS_TO_CLOSE = 0\n"
        "worker = Some(status=Some(name='running'))\n"
        "end_of_job.dask_setup(worker)\n"
        "time.sleep(0.1); print('at work', flush=True)\n"
        "worker.status.name = 'closing'; time.sleep(1000)"
    )
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "at work\n", "")


def test_without_sbatch_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", "/nowhere")
    with (
        pytest.raises(InputError, match="there is no sbatch here"),
        open_client(ClusterOptions(slurm="-p any")),
    ):
        pass


def test_a_job_that_does_not_start_is_waited_for_as_long_as_told(queue: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    (queue / "sbatch").write_text("#!/bin/bash\necho Submitted batch job 999999999\n")
    (queue / "squeue").write_text("#!/bin/bash\necho PartitionConfig\n")
    choice = ClusterOptions(slurm="-p any", worker_timeout_seconds=0.5)
    message = r"a job of SLURM must start within 0.5 s, but none did \(PartitionConfig\)"
    with pytest.raises(RuntimeError, match=message), open_client(choice):
        pass
    assert (queue / "cancelled").read_text().split() == ["999999999"]


def test_jobs_that_all_end_before_a_worker_begins_end_the_wait(
    queue: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setattr(slurm, "_SECONDS_BETWEEN_QUEUES", 0.5)
    choice = ClusterOptions(slurm="--partition broken")
    with pytest.raises(RuntimeError, match="all ended before"), open_client(choice):
        pass
