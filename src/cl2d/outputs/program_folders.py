"""Folders named after other programs: which files a run writes there, for a later run to clear."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cl2d.errors import InputError
from cl2d.io.atomic import final_name
from cl2d.outputs.own_folders import LEVEL_NAME, refuse_unless_folder

if TYPE_CHECKING:
    from collections.abc import Collection

RELION = "relion"

XMIPP = "xmipp"
XMIPP_IMAGES = "images.xmd"
XMIPP_CLASSES = "level_classes"
XMIPP_CORE = "level_classes_core"
XMIPP_STABLE_CORE = "level_classes_stable_core"

CRYOSPARC = "cryosparc"
CRYOSPARC_PARTICLES = "particles.cs"
CRYOSPARC_EXCLUDED = "particles_excluded.cs"
CRYOSPARC_CLASSES = "class_averages.cs"
CRYOSPARC_AVERAGES = "class_averages.mrc"

# By folder, the paths of files below it.
_FILES = {
    RELION: re.compile(
        r"run_it025_((data|model|optimiser)\.star|classes\.mrcs)|(backup_selection|class_averages)\.star"
    ),
    XMIPP: re.compile(r"images\.xmd|level_\d{2,}/level_classes(_core|_stable_core)?\.(xmd|stk)"),
    CRYOSPARC: re.compile(r"particles(_excluded)?\.cs|class_averages\.(cs|mrc)"),
}


def check_folder_can_be_named(out: str | os.PathLike[str], formats: Collection[str]) -> None:
    """Refuse, before a run, a folder whose name the tables for other programs cannot hold.

    Raises
    ------
    InputError
        If there are such tables and the name is of several lines.
    """
    if formats and len(str(Path(out).absolute()).splitlines()) > 1:
        msg = (
            f"the name of the output folder must be on one line for files for {', '.join(formats)} "
            f"(--format none leaves them out), not {os.fspath(out)!r}"
        )
        raise InputError(msg)


def files_for_programs(run: Path) -> list[Path]:
    """Return the files for other programs in the folder of a run.

    Raises
    ------
    InputError
        If one of their folders is a link: what it points to is nobody's to clear.
    """
    return [path for program in _FILES for path in _files(run, program)]


def programs_in(run: Path) -> list[str]:
    """Return the names of the folders that hold files for other programs.

    Raises
    ------
    InputError
        If there is a link where such a folder would be: it is told before a run, not after.
    """
    return [name for name in _FILES if _files(run, name)]


def folders_for_programs(run: Path) -> list[Path]:
    """Return the folders for other programs in the folder of a run, inner ones first."""
    return [folder for program in _FILES for folder in reversed(_folders(run / program))]


def leftovers_for_programs(run: Path) -> list[Path]:
    """Return the temporary files of a process that was killed while it wrote such files."""
    return [
        path
        for program in _FILES
        for folder in _folders(run / program)
        for path in folder.iterdir()
        if (name := final_name(path.name)) and _is_ours(path.with_name(name), run / program)
    ]


def _files(run: Path, program: str) -> list[Path]:
    return [
        path
        for folder in _folders(run / program)
        for path in sorted(folder.iterdir())
        if _is_ours(path, run / program)
    ]


def _is_ours(path: Path, program: Path) -> bool:
    return bool(_FILES[program.name].fullmatch(path.relative_to(program).as_posix()))


def _folders(program: Path) -> list[Path]:
    """Return a folder and those below it, outer ones first; none if it is not there."""
    refuse_unless_folder(program)
    found = []
    for name, below, _ in os.walk(program):  # does not follow links
        found.append(Path(name))
        for part in below:
            if LEVEL_NAME.fullmatch(part):
                refuse_unless_folder(Path(name) / part)
    return found
