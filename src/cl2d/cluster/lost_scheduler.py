"""Telling of a scheduler that is gone: Dask has many words for what follows, none of them that."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cl2d.errors import InputError, TimeIsUpError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

_CONNECTED = "running"
_LOST = "the Dask scheduler must stay until the run has ended, but the connection was lost"


class SchedulerLostError(RuntimeError):
    """The scheduler of a cluster is gone, and with it all that this process has asked for."""


def is_connected(client: Client) -> bool:
    """Tell whether a client has the connection to its scheduler that it began with.

    Dask makes another where it can, but whatever was asked for by the first is gone by then.
    """
    return bool(client.status == _CONNECTED)


def check_connected(client: Client) -> None:
    """Raise if the scheduler is gone, before anybody waits for its answer.

    Raises
    ------
    SchedulerLostError
    """
    if not is_connected(client):
        raise SchedulerLostError(_LOST)


@contextmanager
def naming_a_lost_scheduler(client: Client) -> Iterator[None]:
    """Have errors in the body say that the scheduler is gone where that led to them."""
    try:
        yield
    except (InputError, TimeIsUpError, SchedulerLostError):
        raise
    except Exception as error:
        if is_connected(client):
            raise
        raise SchedulerLostError(_LOST) from error
