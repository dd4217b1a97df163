"""The time that a run may take: it stops between two blocks of images, not in one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cl2d.errors import TimeIsUpError

if TYPE_CHECKING:
    from collections.abc import Callable


def until(
    seconds: float | None, tell: Callable[[object], None], text: str | None = None
) -> Callable[[object], None]:
    """Return a listener that stops the run by an error once its time is over.

    Something is told of each block of images, so that a run stops within seconds.

    Parameters
    ----------
    seconds : float or None
        From now; None for no limit.
    tell : callable
        Gets every event first.
    text : str, optional
        The limit as the user wrote it.
    """
    if seconds is None:
        return tell
    end = time.monotonic() + seconds

    def tell_in_time(event: object) -> None:
        tell(event)
        if time.monotonic() >= end:
            message = f"the run was stopped as its time (max_time {text}) is up"
            raise TimeIsUpError(message)

    return tell_in_time
