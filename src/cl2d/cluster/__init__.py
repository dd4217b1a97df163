"""Several processes or machines that share the work of a run, joined by Dask.

Nothing here is imported by a run in one process, and the packages that it takes (the extra
``cl2d[dask]``) are imported only where a cluster is asked for.
"""

from __future__ import annotations

from cl2d.cluster.clients import open_client
from cl2d.cluster.current import current_client, given_client
from cl2d.cluster.fitness import ClusterFacts, check_workers
from cl2d.cluster.packages import require_cluster_packages, require_package
from cl2d.cluster.slurm import job_script
from cl2d.cluster.worker_threads import THREADS_VARIABLE, threads_here

__all__ = [
    "THREADS_VARIABLE",
    "ClusterFacts",
    "check_workers",
    "current_client",
    "given_client",
    "job_script",
    "open_client",
    "require_cluster_packages",
    "require_package",
    "threads_here",
]
