"""The classes a run proposes to keep, as its class table tells it, and changes by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputError, InputFileError
from cl2d.io import StarBlock, read_stack, read_star, write_star
from cl2d.outputs.evaluation import REASON_COLUMN, SELECTED_COLUMN
from cl2d.outputs.folder import CLASS_AVERAGES, CLASS_TABLE
from cl2d.outputs.subset import SELECTED_COLUMN as RELION_SELECTED_COLUMN
from cl2d.outputs.tables import CLASS_BLOCK

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

    import numpy.typing as npt

KEPT_BY_HAND, DROPPED_BY_HAND = "kept_by_hand", "dropped_by_hand"


@dataclass(frozen=True, eq=False)
class ClassProposal:
    """Which classes to keep; class ``k`` has the number k + 1.

    Attributes
    ----------
    selected : (n_classes,) bool
    reasons : what speaks against each class, "good" for none
    members : (n_classes,) int64
    quality : (n_classes,) float64
    """

    selected: npt.NDArray[np.bool_]
    reasons: tuple[str, ...]
    members: npt.NDArray[np.int64]
    quality: npt.NDArray[np.float64]

    @property
    def classes(self) -> tuple[int, ...]:
        """Numbers of the classes to keep."""
        return tuple((np.flatnonzero(self.selected) + 1).tolist())

    def changed(self, keep: Collection[int] = (), drop: Collection[int] = ()) -> ClassProposal:
        """Return the proposal with some classes kept and some dropped, whatever it says.

        Raises
        ------
        InputError
            If there is no such class, or one is in both.
        """
        for number in (*keep, *drop):
            if not 1 <= number <= len(self.selected):
                message = f"classes must be 1 to {len(self.selected)}, not {number}"
                raise InputError(message)
        both = sorted(set(keep) & set(drop))
        if both:
            message = f"a class must be kept or dropped, not both: {', '.join(map(str, both))}"
            raise InputError(message)
        selected, reasons = self.selected.copy(), list(self.reasons)
        for numbers, kept, word in ((keep, True, KEPT_BY_HAND), (drop, False, DROPPED_BY_HAND)):
            for number in numbers:
                if selected[number - 1] != kept:
                    selected[number - 1], reasons[number - 1] = kept, word
        return replace(self, selected=selected, reasons=tuple(reasons))


def read_proposal(run: str | os.PathLike[str]) -> ClassProposal:
    """Return the proposal of a run, from its classes.star.

    Parameters
    ----------
    run : path
        Output folder of a run, or its particles.star.

    Raises
    ------
    InputFileError
        If there is no class table, or it was written without an evaluation.
    """
    path = _folder(run) / CLASS_TABLE
    if not path.is_file():
        message = f"{path}: does not exist; give the folder of a finished run"
        raise InputFileError(message)
    block = read_star(path).get(CLASS_BLOCK)
    if block is None or SELECTED_COLUMN not in block or REASON_COLUMN not in block:
        message = f"{path}: must have a column {SELECTED_COLUMN}; run cl2d evaluate on the run"
        raise InputFileError(message)
    return ClassProposal(
        selected=np.atleast_1d(block.numbers(SELECTED_COLUMN)) != 0,
        reasons=tuple(block.text(REASON_COLUMN)),
        members=np.atleast_1d(block.numbers("cl2dMembers")).astype(np.int64),
        quality=np.atleast_1d(block.numbers("cl2dQuality")),
    )


def write_proposal(path: Path, proposal: ClassProposal) -> None:
    """Write one row a class: a file that ``read_selection``, and RELION, take as a selection."""
    columns: dict[str, npt.NDArray[Any] | list[str]] = {
        "rlnClassNumber": np.arange(1, len(proposal.selected) + 1, dtype=np.int32),
        RELION_SELECTED_COLUMN: proposal.selected.astype(np.int32),
        REASON_COLUMN: list(proposal.reasons),
        "cl2dMembers": proposal.members,
        "cl2dQuality": proposal.quality,
    }
    write_star(path, {CLASS_BLOCK: StarBlock(columns, is_loop=True)})


def class_averages(run: str | os.PathLike[str]) -> npt.NDArray[np.float32] | None:
    """Return the averages of a run, None where its folder has none."""
    path = _folder(run) / CLASS_AVERAGES
    return read_stack(path) if path.is_file() else None


def _folder(run: str | os.PathLike[str]) -> Path:
    """Return the folder of a run, of which its particles.star may be given."""
    path = Path(run)
    return path if path.is_dir() else path.parent
