"""Whether workers compute as this process does: the same cl2d, the same numpy."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cluster.worker_threads import threads_here
from cl2d.engine import build_info, simd_level
from cl2d.errors import InputError

if TYPE_CHECKING:
    from typing import Any

    from distributed import Client


@dataclass(frozen=True)
class ClusterFacts:
    """The workers of a cluster.

    Attributes
    ----------
    n_workers : int
    threads : int, of the engine on all workers together
    dashboard : str, address of the page that shows them at work; empty without one
    remarks : what the user should know, in sentences
    """

    n_workers: int
    threads: int
    dashboard: str = ""
    remarks: tuple[str, ...] = ()


def versions_here() -> dict[str, str]:
    """Return the versions that must be the same everywhere."""
    return {"cl2d": str(build_info()["version"]), "numpy": np.__version__}


def worker_facts(dask_worker: Any = None) -> dict[str, Any]:
    """Return what this process computes with; a cluster runs it on each worker."""
    dask_threads = 1 if dask_worker is None else dask_worker.state.nthreads
    return {
        "versions": versions_here(),
        "threads": threads_here(dask_threads),
        "simd_level": simd_level(),
        "host": platform.node(),
    }


def check_workers(client: Client, own_dashboard: bool = True) -> ClusterFacts:
    """Return the facts of all workers that are there; refuse any that would compute otherwise.

    Parameters
    ----------
    client
    own_dashboard
        Whether the address of the page is worth telling.

    Raises
    ------
    InputError
        If a worker lacks cl2d, or has another version of it or of numpy.
    """
    answers = client.run(worker_facts, on_error="return")
    for address, answer in sorted(answers.items()):
        _check_answer(address, answer)
    dashboard = str(client.dashboard_link or "") if own_dashboard else ""
    return ClusterFacts(
        n_workers=len(answers),
        threads=sum(answer["threads"] for answer in answers.values()),
        dashboard=dashboard,
        remarks=_remarks({answer["simd_level"] for answer in answers.values()}),
    )


def _check_answer(address: str, answer: object) -> None:
    # Where a message cannot be opened, Dask gives the words of the error in place of itself.
    if isinstance(answer, ImportError) or str(answer).startswith("ModuleNotFoundError("):
        message = f"the worker {address} must have cl2d installed, but there: {answer}"
        raise InputError(message)
    if isinstance(answer, Exception):
        raise answer
    assert isinstance(answer, Mapping)
    for package, version in versions_here().items():
        there = answer["versions"].get(package)
        if there != version:
            message = (
                f"the worker {address} on {answer['host']} must have {package} {version} as this "
                f"process, not {there}"
            )
            raise InputError(message)


def _remarks(levels: set[str]) -> tuple[str, ...]:
    """Return a sentence if some kernels round otherwise; those with wide vectors agree."""
    kinds = {level == "baseline" for level in {*levels, simd_level()}}
    if len(kinds) == 1:
        return ()
    return (
        "some processors of the cluster lack AVX2: results may differ in their last bits from "
        "those of another cluster",
    )
