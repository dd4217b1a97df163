"""A folder for the files of a scheduler in this process, which goes when the scheduler does."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def scheduler_folder() -> Iterator[None]:
    """Have a scheduler that is made in the body keep its files where nothing else is.

    By itself it makes a folder that stays, under a name that all users of the machine share, and
    looks for modules there before all other places.
    """
    import dask  # noqa: PLC0415 - not everyone has it

    with (
        tempfile.TemporaryDirectory(prefix="cl2d-scheduler-", ignore_cleanup_errors=True) as folder,
        dask.config.set({"temporary-directory": folder}),
    ):
        yield
