"""Workers as jobs of SLURM: the words that a user gives sbatch, and the script of a job."""

from __future__ import annotations

import math
import shlex
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cl2d.cluster.packages import has_dashboard, require_cluster_packages
from cl2d.cluster.scheduler_folder import scheduler_folder
from cl2d.cluster.worker_threads import thread_variables
from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dask_jobqueue import SLURMCluster
    from distributed import Client

    from cl2d.options import ClusterOptions

_KNOWN = {
    **dict.fromkeys(("-p", "--partition"), "partition"),
    **dict.fromkeys(("-t", "--time"), "time"),
    **dict.fromkeys(("-A", "--account"), "account"),
    **dict.fromkeys(("-c", "--cpus-per-task"), "cpus_per_task"),
    "--mem": "memory",
    **dict.fromkeys(("-J", "--job-name"), "job_name"),
}
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_QUEUES = 15.0
"""A queue is looked at seldom: all users of a site ask the same program."""
_NOT_OURS = ("-a", "--array", "-n", "--ntasks", "--ntasks-per-node", "-W", "--wait", "--wrap")
# How dask-jobqueue's own lines begin, for what is left to the partition's defaults.
_OWN_LINES = {"time": "#SBATCH -t ", "memory": "#SBATCH --mem="}


@dataclass(frozen=True)
class JobWords:
    """What each job asks SLURM for; None leaves it to the partition.

    Attributes
    ----------
    others : directives that are passed on as they are, such as "--gres=gpu:1"
    """

    partition: str | None = None
    time: str | None = None
    account: str | None = None
    cpus_per_task: str | None = None
    memory: str | None = None
    job_name: str | None = None
    others: tuple[str, ...] = ()


def job_words(text: str) -> JobWords:
    """Return what words for sbatch ask for.

    Raises
    ------
    InputError
        If a word is no option, an option lacks its value, or each job must decide it itself.

    Examples
    --------
    >>> job_words("-p gpu --time=4:00:00 --gres gpu:1").others
    ('--gres gpu:1',)
    """
    known: dict[str, str] = {}
    others = []
    for name, value in _pairs(text):
        if any(ours.startswith(name) for ours in _NOT_OURS):  # sbatch takes shortened names
            message = (
                f"--slurm must be without {name}: a job is one worker; --workers says how many"
            )
            raise InputError(message)
        if name not in _KNOWN:
            others.append(_directive(name, value))
        elif value is None:
            message = f"--slurm must give {name} a value"
            raise InputError(message)
        else:
            known[_KNOWN[name]] = value
    cores = known.get("cpus_per_task", "1")
    if not cores.isdecimal() or int(cores) < 1:
        message = f"--slurm must ask for at least 1 processor a task, not {cores!r}"
        raise InputError(message)
    return JobWords(**known, others=tuple(others))


def _pairs(text: str) -> list[tuple[str, str | None]]:
    """Return the options in words for sbatch, each with its value if it has one."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        message = f"--slurm must be words for sbatch, not {text!r} ({error})"
        raise InputError(message) from None
    found: list[tuple[str, str | None]] = []
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            found.append((name, value if equals else None))
        elif word.startswith("-"):
            found.append((word[:2], word[2:] or None))
        elif found and found[-1][1] is None:
            found[-1] = (found[-1][0], word)
        else:
            message = f"--slurm must be options of sbatch, which {word!r} is none of"
            raise InputError(message)
    return found


def _directive(name: str, value: str | None) -> str:
    if value is None:
        return name
    return f"{name} {shlex.quote(value)}"


def job_script(choice: ClusterOptions) -> str:
    """Return the script of a job as it will be submitted, but for the address of the scheduler.

    Raises
    ------
    InputError
        If there are no words for SLURM, they cannot be used, or a package is missing.
    """
    if choice.slurm is None:
        message = "slurm must be given for there to be a script"
        raise InputError(message)
    require_cluster_packages(choice)
    from dask_jobqueue.slurm import SLURMJob  # noqa: PLC0415 - not everyone has it

    address = "tcp://ADDRESS-OF-THE-SCHEDULER"
    script = SLURMJob(address, name="NAME", **_job_arguments(job_words(choice.slurm))).job_script()
    return str(script)


@contextmanager
def slurm_cluster(choice: ClusterOptions) -> Iterator[tuple[SLURMCluster, list[str]]]:
    """Submit the jobs, and cancel them when the body is left.

    Gives the cluster, and a list to which is added what sbatch says where it refuses a job.

    Raises
    ------
    InputError
        If the words cannot be used, or there is no sbatch.
    """
    if shutil.which("sbatch") is None:
        message = "--slurm must be given where jobs can be submitted, but there is no sbatch here"
        raise InputError(message)
    import dask  # noqa: PLC0415 - not everyone has it
    from dask_jobqueue import SLURMCluster  # noqa: PLC0415
    from dask_jobqueue.slurm import SLURMJob  # noqa: PLC0415
    from distributed.core import Status  # noqa: PLC0415

    refusals: list[str] = []

    class _Job(SLURMJob):  # type: ignore[misc] # dask-jobqueue is not checked
        """A job whose refusal is heard of; else it stays in the log of Dask's loop."""

        async def start(self) -> None:
            try:
                await super().start()
            except (RuntimeError, ValueError) as error:  # refused; an answer without a number
                self.status = Status.failed  # the cluster closes none that is about to start
                refusals.append(str(error).partition("stderr:")[2].strip() or str(error))
                raise

    options = dict(dask.config.get("jobqueue.slurm.scheduler-options", {}))
    options.setdefault("dashboard", has_dashboard())
    options.setdefault("dashboard_address", ":0")
    arguments = _job_arguments(job_words(str(choice.slurm)))
    with (
        scheduler_folder(),
        SLURMCluster(job_cls=_Job, scheduler_options=options, **arguments) as cluster,
    ):
        cluster.scale(choice.workers or 1)
        yield cluster, refusals


@dataclass(frozen=True, eq=False)
class JobsBegun:
    """Jobs of a run that are submitted.

    Attributes
    ----------
    cluster : SLURMCluster
    refusals : list of str
        What sbatch has said where it refused a job.
    """

    cluster: SLURMCluster
    refusals: list[str]

    def _asked(self, what: str) -> subprocess.CompletedProcess[str] | None:
        numbers = [str(job.job_id) for job in self.cluster.workers.values() if job.job_id]
        if not numbers or shutil.which("squeue") is None:
            return None
        words = ["squeue", "--noheader", f"--format={what}", f"--jobs={','.join(numbers)}"]
        try:
            return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None

    def reason(self) -> str:
        """Return why jobs wait, as SLURM tells it, in brackets; empty if it does not."""
        answer = self._asked("%r")
        reasons = sorted(set(answer.stdout.split()) - {"None"}) if answer else []
        return f" ({', '.join(reasons)})" if reasons else ""

    def all_ended(self) -> bool:
        """Tell whether SLURM knows of jobs that were, and of none that waits or runs."""
        answer = self._asked("%i")
        if answer is None:
            return False
        # Of jobs that ended a while ago it says that there are none such.
        forgotten = "Invalid job id" in answer.stderr
        return forgotten or (answer.returncode == 0 and not answer.stdout.strip())


def wait_for_a_job(client: Client, jobs: JobsBegun, seconds: float | None) -> None:
    """Wait until a job runs, in a queue for as long as it takes unless told otherwise.

    Raises
    ------
    InputError
        If sbatch refuses a job.
    RuntimeError
        If none has started in time, or all have ended.
    """
    end = math.inf if seconds is None else time.monotonic() + seconds
    look_at_queue = time.monotonic() + _SECONDS_BETWEEN_QUEUES
    while True:
        if jobs.refusals:
            message = f"--slurm must be what sbatch takes, but it says: {jobs.refusals[0]}"
            raise InputError(message)
        if time.monotonic() > look_at_queue:
            if jobs.all_ended():
                message = (
                    "a job of SLURM must run until the run ends, but all ended before; "
                    "their files (slurm-*.out) may tell why"
                )
                raise RuntimeError(message)
            look_at_queue = time.monotonic() + _SECONDS_BETWEEN_QUEUES
        left = end - time.monotonic()
        if left <= 0:
            message = (
                f"a job of SLURM must start within {seconds:g} s, but none did{jobs.reason()}; "
                "--worker-timeout-seconds gives them longer"
            )
            raise RuntimeError(message)
        with suppress(TimeoutError):
            client.wait_for_workers(1, timeout=min(left, _SECONDS_BETWEEN_LOOKS))
            return


def _job_arguments(words: JobWords) -> dict[str, Any]:
    """Return what dask-jobqueue takes to write the script of a job.

    Its ``cores`` become Dask threads of a worker, of which we want one; the processors of the job
    are the engine's. What a site has set for all its jobs (modules to load, the network interface)
    stays.
    """
    import dask  # noqa: PLC0415 - not everyone has it
    import dask_jobqueue  # noqa: F401, PLC0415 - brings the site's settings

    threads = thread_variables("${SLURM_CPUS_PER_TASK:-1}")
    of_site = dask.config.get("jobqueue.slurm.job-script-prologue", [])
    of_workers = dask.config.get("jobqueue.slurm.worker-extra-args", [])
    directives = dask.config.get("jobqueue.slurm.job-extra-directives", [])
    return {
        "queue": words.partition,
        "account": words.account,
        "walltime": words.time,
        "job_name": words.job_name or "cl2d-worker",
        "job_cpu": int(words.cpus_per_task or 1),
        "job_mem": words.memory or "0",  # else made from the limit; the line is left out then
        "cores": 1,
        "processes": 1,
        "memory": "0B",  # no limit but our own; what the job asks for is job_mem
        "nanny": False,
        "death_timeout": "60",
        "job_extra_directives": [*directives, *words.others],
        "job_directives_skip": [
            line for name, line in _OWN_LINES.items() if getattr(words, name) is None
        ],
        "worker_extra_args": [*of_workers, "--preload", "cl2d.cluster.end_of_job"],
        "job_script_prologue": [*of_site, *(f"export {k}={v}" for k, v in threads.items())],
    }
