"""The packages that only runs on several processes need, and what is said without them."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cl2d.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl2d.options import ClusterOptions

_EXTRA_OF = {"distributed": "dask", "dask_jobqueue": "dask", "mpi4py": "mpi", "dask_mpi": "mpi"}


def require_package(name: str, asked_by: str) -> None:
    """Refuse what needs a package that is not installed.

    Parameters
    ----------
    name : name under which it is imported
    asked_by : what the user gave, such as "--workers"

    Raises
    ------
    InputError
        The message says what to install.
    """
    if find_spec(name) is None:
        extra = _EXTRA_OF[name]
        message = f"{asked_by} needs the extra: pip install 'cl2d[{extra}]' ({name} is missing)"
        raise InputError(message)


def require_cluster_packages(choice: ClusterOptions) -> None:
    """Refuse a cluster if what it takes is not installed.

    Raises
    ------
    InputError
    """
    given = ("slurm", "scheduler", "scheduler_file", "workers")
    first = next((name for name in given if getattr(choice, name) is not None), "workers")
    asked_by = f"--{first.replace('_', '-')}"
    require_package("distributed", asked_by)
    if choice.slurm is not None:
        require_package("dask_jobqueue", asked_by)
        # As it is imported it has Ctrl-C end the process with 0, and fails but in the main thread.
        with _signals_left_alone():
            import_module("dask_jobqueue")


@contextmanager
def _signals_left_alone() -> Iterator[None]:
    """Have nothing that the body imports say what happens on a signal."""
    own = signal.signal
    signal.signal = lambda *_: None
    try:
        yield
    finally:
        signal.signal = own


def has_dashboard() -> bool:
    """Whether the page that shows a cluster at work can be served."""
    return find_spec("bokeh") is not None
