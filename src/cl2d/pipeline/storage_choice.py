"""How a run stores its coefficients so that it keeps within its memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cl2d.engine import Storage, bytes_per_image
from cl2d.errors import InputError
from cl2d.options import size
from cl2d.results import RunMemory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cl2d.options import RunOptions
    from cl2d.pipeline.fitted_classes import FittedClasses
    from cl2d.pipeline.memory import MemoryNeeds
    from cl2d.results import StorageKind

    Folder = str | os.PathLike[str]

MOUNTS = Path("/proc/self/mountinfo")
IN_MEMORY_FILE_SYSTEMS = {"tmpfs", "ramfs"}


def chosen_memory(
    needs: MemoryNeeds,
    options: RunOptions,
    available_bytes: int | None,
    among: Sequence[StorageKind] | None = None,
) -> RunMemory:
    """Return the storage that was asked for, or the first that fits where it is automatic.

    Parameters
    ----------
    needs : MemoryNeeds
    options : RunOptions
    available_bytes : int or None
        What the machine has left, or the machines; None where that is not known.
    among : sequence of storages, optional
        Those with the precision of the run that is gone on with.

    Raises
    ------
    InputError
        If that needs more memory than the run may take.
    """
    limit = options.max_memory_bytes()
    limit = available_bytes if limit is None else limit
    kinds: tuple[StorageKind, ...] = ("single", "half", "scratch")
    if options.storage != "auto":
        kinds = (options.storage,)
    if among is not None:
        kinds = _of_one_precision(kinds, among)
    fitting = [k for k in kinds if limit is None or needs.memory_bytes(k) <= limit]
    if not fitting:
        raise _too_large(needs.memory_bytes(kinds[-1]), limit or 0, options.storage)
    return memory_of(needs, fitting[0], limit)


def _of_one_precision(
    kinds: Sequence[StorageKind], among: Sequence[StorageKind]
) -> tuple[StorageKind, ...]:
    found = tuple(kind for kind in kinds if kind in among)
    if not found:
        message = (
            f"storage must be {' or '.join(among)} to go on with this run, which began with that "
            f"precision, not {kinds[0]}"
        )
        raise InputError(message)
    return found


def memory_of(needs: MemoryNeeds, storage: StorageKind, limit_bytes: int | None) -> RunMemory:
    """Return what a run takes with a storage that is settled."""
    estimated = needs.memory_bytes(storage)
    return RunMemory(storage, needs.bytes_per_image(storage), estimated, limit_bytes)


def memory_warnings(memory: RunMemory) -> list[str]:
    """Return a sentence if the run took more than it might."""
    peak, limit = memory.peak_bytes, memory.limit_bytes
    if peak is None or limit is None or peak <= limit:
        return []
    return [
        f"the run took {size(peak)} of memory, more than the {size(limit)} that it might: "
        f"{size(memory.estimated_bytes)} were expected"
    ]


def storage_of_run(classes: FittedClasses, n_images: int) -> Storage:
    """Return the storage of a finished run, for as many images: the same machine has to do.

    Raises
    ------
    InputError
        As :func:`storage_of`.
    """
    plan = classes.plan
    single = bytes_per_image(plan.working_box_px, plan.k_min, plan.k_max, plan.mask_radius_px)
    # All images in half precision, and half of them again as a half-set.
    room = n_images * single * 3 // 4
    return storage_of(classes.storage, room, classes.options.run.scratch_dir, classes.folder)


def storage_of(
    kind: StorageKind, needed_bytes: int, folder: Folder | None, output: Folder | None
) -> Storage:
    """Return the storage of a kind, its scratch folder checked.

    Parameters
    ----------
    kind : "single", "half" or "scratch"
    needed_bytes : int
        What the scratch folder must have room for.
    folder : path, optional
        The scratch folder; without it that of ``output``, which need not exist yet, else that of
        the system for temporary files.
    output : path, optional

    Raises
    ------
    InputError
        If the scratch folder is none, lies in memory or has too little room.
    """
    if kind != "scratch":
        return Storage(half=kind == "half")
    chosen = _existing(folder, output)
    if not chosen.is_dir() or not os.access(chosen, os.W_OK):
        message = f"scratch_dir must be a folder that can be written in, not {chosen}"
        raise InputError(message)
    if _lies_in_memory(chosen):
        message = f"the scratch folder must lie on a disk, but {chosen} is kept in memory"
        raise InputError(message)
    free = shutil.disk_usage(chosen).free
    if free < needed_bytes:
        message = (
            f"the scratch folder {chosen} must have {size(needed_bytes)} free for coefficients, "
            f"not {size(free)}: give another scratch_dir"
        )
        raise InputError(message)
    return Storage(half=True, scratch_folder=chosen)


def _existing(folder: Folder | None, output: Folder | None) -> Path:
    """Return the scratch folder; for an output folder to be, the nearest one that is there."""
    if folder is not None:
        return Path(folder)
    if output is None:
        return Path(tempfile.gettempdir())
    wanted = Path(output).absolute()
    return next(path for path in (wanted, *wanted.parents) if path.is_dir())


def _lies_in_memory(folder: Path) -> bool:
    """Tell whether files of a folder take memory, as far as the system tells."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = [line.split() for line in MOUNTS.read_text().splitlines()]
    except OSError:
        return False
    # The type of the file system follows a lone dash.
    kinds = [words[words.index("-") + 1] for words in mounts if words[2] == number]
    return any(kind in IN_MEMORY_FILE_SYSTEMS for kind in kinds)


def _too_large(needed: int, limit: int, storage: str) -> InputError:
    tightest = " even with its coefficients in a scratch file" if storage == "auto" else ""
    other = "" if storage == "auto" else ", another storage"
    message = (
        f"the run needs about {size(needed)} of memory{tightest} and {size(limit)} are available: "
        f"ask for a coarser resolution_angstrom, fewer classes or fewer particles{other}, raise "
        "max_memory, or use a machine with more memory"
    )
    return InputError(message)
