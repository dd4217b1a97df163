"""What a watch has done so far, as its folder tells it: the one file that says what counts."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cl2d.errors import InputError, InputFileError
from cl2d.io import atomic_path
from cl2d.outputs.own_folders import own_folder, refuse_unless_folder
from cl2d.pipeline.resuming import option_differences

if TYPE_CHECKING:
    import os

    from cl2d.options import ClassifyOptions

STATE = "watch.json"
FORMAT = 1
RunStatus = Literal["begun", "complete", "failed"]


@dataclass
class Portion:
    """New particles of one look.

    Attributes
    ----------
    number : int, from 1
    n_images : int
    run : int or None
        The run whose classes they were assigned to; None if they were there when it clustered.
    n_usable, n_poor : int
        Images that could be assigned, and those of them that their class explains poorly.
    """

    number: int
    n_images: int
    run: int | None = None
    n_usable: int = 0
    n_poor: int = 0


@dataclass
class WatchedRun:
    """A clustering of all particles of the first ``n_portions`` portions."""

    number: int
    n_portions: int
    n_images: int
    reason: str
    status: RunStatus = "begun"


@dataclass
class WatchState:
    """What was taken and what was done with it.

    Attributes
    ----------
    folder : Path, of the watch
    watched : str, what is watched, as given
    directory : str, the working directory, which image names may be relative to
    options : dict, of the clusterings
    kind : what is looked for in a folder: "tables" or "stacks"; None before anything was found
    files : size in bytes and time of change in ns of each file that was taken whole
    left : why each file that was not taken is left for the next look
    box_px, pixel_size_angstrom : of the particles; None before there are any
    portions, runs : in the order of time
    """

    folder: Path
    watched: str
    directory: str
    options: dict[str, Any]
    kind: str | None = None
    files: dict[str, list[int]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    box_px: int | None = None
    pixel_size_angstrom: float | None = None
    portions: list[Portion] = field(default_factory=list)
    runs: list[WatchedRun] = field(default_factory=list)

    @property
    def n_images(self) -> int:
        """Number of particles taken so far."""
        return sum(portion.n_images for portion in self.portions)

    @property
    def current(self) -> WatchedRun | None:
        """The newest complete run."""
        return next((run for run in reversed(self.runs) if run.status == "complete"), None)

    @property
    def pending(self) -> WatchedRun | None:
        """The run that was begun and has not ended."""
        return self.runs[-1] if self.runs and self.runs[-1].status == "begun" else None

    @property
    def since(self) -> list[Portion]:
        """The portions that came after the newest complete run was begun."""
        return self.portions[self.current.n_portions if self.current else 0 :]

    def table_of_portion(self, number: int) -> Path:
        """Return where the particles of a portion are."""
        return self.folder / "tables" / f"portion_{number:04d}.star"

    def table_of_run(self, number: int) -> Path:
        """Return where the particles of a run are."""
        return self.folder / "tables" / f"run_{number:04d}.star"

    def references_of_run(self, number: int) -> Path:
        """Return where the averages that a run starts from are."""
        return self.folder / "tables" / f"references_{number:04d}.mrcs"

    def run_folder(self, number: int) -> Path:
        """Return the folder of a run."""
        return self.folder / "runs" / f"{number:04d}"

    def batch_folder(self, number: int) -> Path:
        """Return the folder of an assigned portion."""
        return self.folder / "batches" / f"{number:04d}"

    def make_folders(self) -> None:
        """Make the folders inside the folder of the watch."""
        for name in ("tables", "runs", "batches"):
            own_folder(self.folder, name)

    def save(self) -> None:
        """Write the state; whoever is killed has the one before or this one."""
        record = dataclasses.asdict(self)
        del record["folder"]
        text = json.dumps({"format": FORMAT, **record}, indent=1)
        with atomic_path(self.folder / STATE) as temporary:
            temporary.write_text(text, encoding="utf-8")


def open_state(out: Path, watched: str, options: ClassifyOptions) -> WatchState:
    """Return the state of the watch in a folder, or of one that begins there.

    Raises
    ------
    InputError
        If the folder is of something else, or of a watch of other things or with other options.
    """
    state = read_state(out)
    if state is None:
        _refuse_other_contents(out)
        return WatchState(out, watched, str(Path.cwd()), options.model_dump(mode="json"))
    for what, before, now in (
        ("input", state.watched, watched),
        ("working directory", state.directory, str(Path.cwd())),
    ):
        if before != now:
            message = f"the {what} must be that of the watch in '{out}', {before}, not {now}"
            raise InputError(message)
    differences = option_differences(state.options, options)
    if differences:
        message = (
            f"the options must be those of the watch in '{out}', but {'; '.join(differences)}: "
            "another folder begins another watch"
        )
        raise InputError(message)
    return state


def read_state(out: str | os.PathLike[str]) -> WatchState | None:
    """Return the state of the watch in a folder; None if there is none.

    Raises
    ------
    InputFileError
        If the file of the state is not one.
    """
    path = Path(out) / STATE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        message = f"{path}: must be the state of a watch as cl2d wrote it ({error})"
        raise InputFileError(message) from error
    try:
        if record.pop("format") != FORMAT:
            message = f"{path}: must be of format {FORMAT}"
            raise InputFileError(message)
        portions = [Portion(**portion) for portion in record.pop("portions")]
        runs = [WatchedRun(**run) for run in record.pop("runs")]
        return WatchState(folder=Path(out), portions=portions, runs=runs, **record)
    except (LookupError, AttributeError, TypeError) as error:
        message = f"{path}: must be the state of a watch as cl2d wrote it ({error})"
        raise InputFileError(message) from error


def _refuse_other_contents(out: Path) -> None:
    refuse_unless_folder(out)
    if not out.is_dir():
        return
    others = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    if others:
        message = (
            f"the output folder must be empty or that of a watch, but '{out}' has "
            f"{', '.join(others[:5])} and no {STATE}"
        )
        raise InputError(message)
