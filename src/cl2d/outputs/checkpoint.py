"""The folder ``checkpoint``: what an interrupted run needs to go on to the same bits."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cl2d.io.record_file import DamagedFileError, read_records, write_records
from cl2d.levels.bookmark import RECORDS, Place
from cl2d.outputs.own_folders import own_folder, refuse_unless_folder
from cl2d.preprocess import PreprocessPlan

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT = "checkpoint"
KEPT = 2
"""Checkpoints that are kept: the newest, and the one before in case that is damaged."""

_NAME = re.compile(r"\d{6,}\.npz")


@dataclass(frozen=True)
class RunFacts:
    """What a run must have in common with the one that it goes on with.

    Attributes
    ----------
    version : str, of cl2d
    fingerprint : str, of the particles
    options : the options, by stage
    storage : "single", "half" or "scratch"
    simd_level : str
    images_sha256 : str, of the statistics of all images as read
    """

    version: str
    fingerprint: str
    options: dict[str, Any]
    storage: str
    simd_level: str
    images_sha256: str


@dataclass(frozen=True)
class State:
    """What is known of a run: what was decided from the images, and where the levels are."""

    plan: PreprocessPlan
    place: Place


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint as read.

    Attributes
    ----------
    path : Path
    facts : RunFacts
    state : State
    written_at : str, date and time
    """

    path: Path
    facts: RunFacts
    state: State
    written_at: str


class CheckpointFolder:
    """The checkpoints of one run.

    Parameters
    ----------
    out : Path
        The output folder of the run.
    """

    def __init__(self, out: Path) -> None:
        self._out = out

    def files(self) -> list[Path]:
        """Return the checkpoints that are there, the newest first.

        Raises
        ------
        InputError
            If their folder is a link or a file.
        """
        folder = self._out / CHECKPOINT
        refuse_unless_folder(folder)
        if not folder.is_dir():
            return []
        found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=_number, reverse=True)

    def write(self, facts: RunFacts, state: State) -> Path:
        """Add a checkpoint, and remove those before the last one.

        Raises
        ------
        OSError
            If it cannot be written; those that are there stay.
        """
        before = self.files()
        number = _number(before[0]) + 1 if before else 1
        path = own_folder(self._out, CHECKPOINT) / f"{number:06d}.npz"
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        write_records(path, {**asdict(facts), "written_at": now}, state)
        for old in before[KEPT - 1 :]:
            old.unlink(missing_ok=True)
        return path

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """Return the newest checkpoint that is whole, and what is wrong with newer ones."""
        complaints: list[str] = []
        for path in self.files():
            try:
                return _read(path), complaints
            except DamagedFileError as error:
                complaints.append(str(error))
        return None, complaints

    def remove(self) -> None:
        """Remove all checkpoints, and their folder if nothing else is in it."""
        for path in self.files():
            path.unlink(missing_ok=True)
        with suppress(OSError):
            (self._out / CHECKPOINT).rmdir()


def _number(path: Path) -> int:
    return int(path.stem)


def _read(path: Path) -> Checkpoint:
    header, state = read_records(path, (State, PreprocessPlan, *RECORDS))
    try:
        written_at = str(header.pop("written_at"))
        facts = RunFacts(**header)
    except (AttributeError, KeyError, TypeError) as error:
        message = f"{path}: must be a checkpoint as this version writes it ({error})"
        raise DamagedFileError(message) from error
    if not isinstance(state, State):
        message = f"{path}: must be a checkpoint of a run, not of {type(state).__name__}"
        raise DamagedFileError(message)
    return Checkpoint(path, facts, state, written_at)
