"""The cluster that whoever started this process has made for it, as mpirun does."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

_CURRENT: ContextVar[Client | None] = ContextVar("client of the process", default=None)


@contextmanager
def given_client(client: Client) -> Iterator[None]:
    """Let every run in the body compute on a cluster, without being told."""
    token = _CURRENT.set(client)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_client() -> Client | None:
    """Return the client that runs take unless they ask for another; None without one."""
    return _CURRENT.get()
