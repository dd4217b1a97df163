"""What the scheduler of a cluster tells of its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Client


def workers_told(client: Client) -> Mapping[str, Mapping[str, Any]]:
    """Return the facts of every worker there is, by its address; Dask tells of five by default."""
    told: Mapping[str, Mapping[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
    return told
