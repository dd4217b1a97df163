"""Renewing files of a finished run: cut off half way, it is told from a complete one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cl2d.outputs.run_lock import locked_folder
from cl2d.outputs.run_record import set_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def renewal(folder: Path) -> Iterator[None]:
    """Have the folder of a finished run to oneself, and mark it until the body has ended well.

    A run of which some files are renewed and some are not is of no use to anybody but to the same
    command, which renews them all (``load_run(..., renewable=True)``).

    Raises
    ------
    InputError
        If another process uses the folder, or it cannot be written in.
    """
    with locked_folder(folder):
        set_status(folder, "renewing")
        yield
        set_status(folder, "complete")
