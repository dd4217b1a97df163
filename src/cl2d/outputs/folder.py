"""The output folder: which files a run writes there, and what may be replaced."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cl2d.errors import InputError
from cl2d.io.atomic import final_name
from cl2d.outputs.checkpoint import CHECKPOINT, CheckpointFolder
from cl2d.outputs.own_folders import LEVEL_NAME, level_name, own_folder, refuse_unless_folder
from cl2d.outputs.program_folders import (
    files_for_programs,
    folders_for_programs,
    leftovers_for_programs,
    programs_in,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

RUN_RECORD = "run.json"
PARTICLE_TABLE = "particles.star"
CLASS_AVERAGES = "classes.mrcs"
CLASS_TABLE = "classes.star"
HIERARCHY = "hierarchy.json"
HIERARCHY_TEXT = "hierarchy.txt"
CORE_AVERAGES = "classes_core.mrcs"
STABLE_CORE_AVERAGES = "classes_stable_core.mrcs"
CORE_PARTICLES = "particles_core.star"
STABLE_CORE_PARTICLES = "particles_stable_core.star"
REJECTED_PARTICLES = "particles_rejected.star"
REJECTED = "rejected"
GALLERY = "gallery.png"
REPORT = "report.html"
METRICS = "metrics.json"
LEVELS = "levels"
LEVEL_PARTICLES = "particles.npz"
LEVEL_CURVES = "frc.npz"

# The run record comes first: a folder whose clearing was cut off must not look complete.
RUN_FILES = (
    RUN_RECORD,
    PARTICLE_TABLE,
    CLASS_AVERAGES,
    CLASS_TABLE,
    HIERARCHY,
    HIERARCHY_TEXT,
    CORE_AVERAGES,
    STABLE_CORE_AVERAGES,
    CORE_PARTICLES,
    STABLE_CORE_PARTICLES,
    REJECTED_PARTICLES,
    GALLERY,
    REPORT,
    METRICS,
)
LEVEL_FILES = (CLASS_AVERAGES, CLASS_TABLE, LEVEL_PARTICLES, LEVEL_CURVES)


def check_output_folder(
    out: str | os.PathLike[str],
    overwrite: bool,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> None:
    """Refuse now what ``prepare_output_folder`` would refuse later, and change nothing.

    For a run that works a while before it has something to write: a folder that cannot be used
    is told at once, and a run that ends early leaves no trace.

    Parameters, errors: as :func:`prepare_output_folder`.
    """
    folder = _named_folder(out)
    with _os_errors_as_input_errors(folder):
        earlier = _accepted_earlier_run(folder, overwrite)
        for part in reversed(_create_writable(folder)):
            part.rmdir()
        if earlier:
            _removable_files(folder, inputs)


def prepare_output_folder(
    out: str | os.PathLike[str],
    overwrite: bool,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """Make sure that a run can be written to a folder, and clear an earlier run on request.

    Call this after the input and the options have been checked: with ``overwrite`` it removes
    the files of the earlier run. Files that no run writes are never touched, links are never
    followed out of the folder, and a refusal leaves everything as it was.

    Parameters
    ----------
    out
        The output folder; it and its missing parents are created.
    overwrite
        Whether the files of an earlier run may be removed.
    inputs
        Files that this run reads (tables, stacks, references); they must not be among the
        files to be removed.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the folder holds files of a run and ``overwrite`` is false, is a file, cannot be
        created or written in, or holds an input that would be removed.
    """
    folder = _named_folder(out)
    with _os_errors_as_input_errors(folder):
        earlier = _accepted_earlier_run(folder, overwrite)
        _create_writable(folder)
        if earlier:
            _remove_run(folder, inputs)
    return folder


def prepare_to_go_on(
    out: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]] = ()
) -> Path:
    """Make the folder of an interrupted run ready to be gone on with.

    What it has written so far is removed, save its record and its checkpoints: the run writes all
    that again, and perhaps in other formats.

    Parameters, errors: as :func:`prepare_output_folder`.
    """
    folder = _named_folder(out)
    with _os_errors_as_input_errors(folder):
        kept = {folder / RUN_RECORD, *CheckpointFolder(folder).files()}
        _remove_run(folder, inputs, kept)
    return folder


def remove_leftovers(out: Path) -> None:
    """Remove the temporary files of a process that was killed while it wrote files of a run.

    Only whoever has the folder locked may call this: another process might be writing them.
    """
    for run in _run_folders(out):
        found = leftovers_for_programs(run)
        found += _leftovers(run, RUN_FILES)
        for level in _level_folders(run / LEVELS):
            found += _leftovers(level, LEVEL_FILES)
        found += _leftovers(run / CHECKPOINT, None)
        for path in found:
            path.unlink(missing_ok=True)


def _leftovers(folder: Path, names: Collection[str] | None) -> list[Path]:
    """Return the temporary files in a folder that were to get one of some names, or any name."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    finals = [(path, final_name(path.name)) for path in folder.iterdir()]
    return [path for path, name in finals if name and (names is None or name in names)]


def level_folder(out: Path, level: int) -> Path:
    """Return the folder of one level, created on the first call.

    Raises
    ------
    InputError
        If the folder, or the one above it, is a symbolic link: files would land elsewhere.
    """
    return own_folder(out, LEVELS, level_name(level))


def _named_folder(out: str | os.PathLike[str]) -> Path:
    """Return the path of a folder; an empty name, of an unset variable perhaps, is no place."""
    if not os.fspath(out):
        msg = "the output folder must have a name, not an empty one"
        raise InputError(msg)
    return Path(out)


@contextmanager
def _os_errors_as_input_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        msg = (
            f"the output must be a folder that can be written in, not '{folder}' "
            f"({error.strerror or error})"
        )
        raise InputError(msg) from error


def _accepted_earlier_run(folder: Path, overwrite: bool) -> list[str]:
    """Return the names of an earlier run that may be replaced; links count even if they dangle."""
    if folder.exists() and not folder.is_dir():
        msg = f"the output must be a folder, not the file '{folder}'"
        raise InputError(msg)
    refuse_unless_folder(folder / REJECTED)  # now, not when the run comes to write there
    earlier = [name for name in (*RUN_FILES, LEVELS) if _is_there(folder / name)]
    earlier += programs_in(folder)
    unfinished = bool(CheckpointFolder(folder).files())
    if unfinished:
        earlier.append(CHECKPOINT)
    if earlier and not overwrite:
        go_on = ", go on with that run by --resume (resume=True)" if unfinished else ""
        msg = (
            f"the output folder must not hold a run already, but '{folder}' has "
            f"{', '.join(sorted(earlier))}; choose another folder{go_on} or pass --overwrite"
            " (overwrite=True)"
        )
        raise InputError(msg)
    return earlier


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _create_writable(folder: Path) -> list[Path]:
    """Create a folder and try to write in it; modes say nothing to root or on network disks.

    Returns the folders that were made, outermost first.
    """
    created: list[Path] = []
    try:
        for part in reversed((folder, *folder.parents)):
            if part.is_dir():
                continue
            try:
                part.mkdir()
            except FileExistsError:
                # Another run may have made the same parent at the same moment.
                if not part.is_dir():
                    raise
            else:
                created.append(part)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".cl2d-"):
            pass
    except OSError:
        for part in reversed(created):
            part.rmdir()
        raise
    return created


def _remove_run(
    folder: Path, inputs: Iterable[str | os.PathLike[str]], kept: Collection[Path] = ()
) -> None:
    """Remove the files that a run writes, and its folders where nothing else is left."""
    for path in _removable_files(folder, inputs):
        if path not in kept:
            path.unlink()
    for run in _run_folders(folder):
        levels = (*_level_folders(run / LEVELS), run / LEVELS, run / CHECKPOINT)
        for emptied in (*levels, *folders_for_programs(run)):
            if emptied.is_dir() and not any(emptied.iterdir()):
                emptied.rmdir()
    rejected = folder / REJECTED
    if rejected in _run_folders(folder) and not any(rejected.iterdir()):
        rejected.rmdir()


def _run_folders(folder: Path) -> list[Path]:
    """Return the folder of a run and, if it is there, that of its rejected particles."""
    rejected = folder / REJECTED
    inner = [rejected] if rejected.is_dir() and not rejected.is_symlink() else []
    return [folder, *inner]


def _removable_files(folder: Path, inputs: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the files of an earlier run, the record first; refuse if one must not be removed."""
    read = {Path(name).resolve() for name in inputs}
    candidates: list[Path] = []
    for run in _run_folders(folder):
        candidates += [run / name for name in RUN_FILES]
        candidates += [
            level / name for level in _level_folders(run / LEVELS) for name in LEVEL_FILES
        ]
        candidates += files_for_programs(run)
        candidates += CheckpointFolder(run).files()
    files = [path for path in candidates if _is_there(path)]
    for path in files:
        if path.is_dir() and not path.is_symlink():
            msg = f"'{path}' must be a file to be overwritten, not a folder"
            raise InputError(msg)
        if path.resolve() in read:
            msg = f"the input '{path}' must not lie where this run would overwrite it"
            raise InputError(msg)
    return files


def _level_folders(levels: Path) -> list[Path]:
    """Return the level folders of an earlier run."""
    refuse_unless_folder(levels)
    if not levels.is_dir():
        return []
    folders = sorted(path for path in levels.iterdir() if LEVEL_NAME.fullmatch(path.name))
    for path in folders:
        refuse_unless_folder(path)
    return folders
