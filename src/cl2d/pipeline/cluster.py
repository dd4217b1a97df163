"""The cluster of a run: whose it is, what is told of it, and when it ends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cl2d.cluster import check_workers, current_client, job_script, open_client
from cl2d.cluster.clients import check_client, patience
from cl2d.cluster.lost_scheduler import naming_a_lost_scheduler
from cl2d.cluster.packages import has_dashboard
from cl2d.cluster.silent import without_silent_workers
from cl2d.errors import InputError
from cl2d.events import ClusterJoined, JobsSubmitted, RunWarned, ignore_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client

    from cl2d.options import ClassifyOptions


@contextmanager
def run_client(
    options: ClassifyOptions,
    client: Client | None = None,
    tell: Callable[[object], None] = ignore_event,
) -> Iterator[Client | None]:
    """Give the client of the cluster that a run computes on; None if it computes alone.

    What is started for the run ends with the body; a client that was there before stays open.

    Parameters
    ----------
    options : ClassifyOptions
    client : distributed.Client, optional
        A client that the caller has; the run then asks for no cluster of its own.
    tell : callable
        Gets the events: jobs submitted, cluster joined, warnings.

    Raises
    ------
    InputError
        If there are two clusters to choose from, a package is missing, or the cluster cannot be
        used.
    """
    choice = options.cluster
    present = client or current_client()
    if present is not None and choice.asked_for:
        whose = "client" if client is not None else "the workers of mpirun"
        message = f"workers, scheduler, scheduler_file and slurm must be left out with {whose}"
        raise InputError(message)
    if present is not None:
        check_client(present, patience(choice))
        with _in_use(present, tell):
            yield present
    elif choice.asked_for:
        if choice.slurm is not None:
            tell(JobsSubmitted(choice.workers or 1, job_script(choice)))
        started_here = choice.scheduler is None and choice.scheduler_file is None
        page = has_dashboard() or not started_here
        with (
            open_client(choice, options.run.n_threads()) as opened,
            _in_use(opened, tell, page=page),
        ):
            yield opened
    else:
        yield None


@contextmanager
def _in_use(client: Client, tell: Callable[[object], None], *, page: bool = True) -> Iterator[None]:
    """Tell of a cluster, and look after it while the body computes on it."""
    with naming_a_lost_scheduler(client), without_silent_workers(client):
        facts = check_workers(client, own_dashboard=page)
        tell(ClusterJoined(facts.dashboard, facts.n_workers, facts.threads))
        for remark in facts.remarks:
            tell(RunWarned(remark))
        yield
