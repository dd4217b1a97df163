"""How a job tells RELION's pipeline that it has ended, how, and what it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cl2d.io import StarBlock, write_star
from cl2d.outputs.program_folders import RELION
from cl2d.outputs.relion_job import CLASS_AVERAGES, DATA, MODEL, OPTIMISER, project_path

if TYPE_CHECKING:
    from pathlib import Path

Ending = Literal["SUCCESS", "FAILURE", "ABORTED"]

ENDINGS: tuple[Ending, ...] = ("SUCCESS", "FAILURE", "ABORTED")
ABORT_NOW = "RELION_JOB_ABORT_NOW"
OUTPUT_NODES = "RELION_OUTPUT_NODES.star"
LOG = "logfile.pdf"
CLASS2D = "Class2D"
"""Another name of the folder ``relion``: RELION's window saves the averages of selected classes
only if the path of what they are selected from has this in it."""


@dataclass(frozen=True)
class OutputNode:
    """A file that later jobs may take.

    Attributes
    ----------
    path : Path
    label : str, its type in RELION 4 and 5
    number : int, its type in RELION 3
    """

    path: Path
    label: str
    number: int


def forget_earlier_end(job: Path) -> None:
    """Remove what an earlier run of a job told the pipeline."""
    for name in (*(_mark(ending) for ending in ENDINGS), ABORT_NOW, OUTPUT_NODES, LOG):
        (job / name).unlink(missing_ok=True)
    if (job / CLASS2D).is_symlink():
        (job / CLASS2D).unlink()


def is_told_to_stop(job: Path) -> bool:
    """Tell whether RELION's user has asked for the end of a job."""
    return (job / ABORT_NOW).exists()


def tell_end(job: Path, ending: Ending) -> None:
    """Tell the pipeline how a job has ended; only the first end counts."""
    if not any((job / _mark(earlier)).exists() for earlier in ENDINGS):
        (job / _mark(ending)).touch()


def write_output_nodes(job: Path) -> None:
    """Write the list of what a finished job made: classes, particles, averages and log.

    RELION 4 and 5 select classes from the optimiser, 3.1 from the model.
    """
    folder = _folder_for_selection(job)
    nodes = (
        OutputNode(folder / DATA, "ParticleGroupMetadata.star.relion.class2d", 3),
        OutputNode(folder / OPTIMISER, "OptimiserData.star.relion.class2d", 9),
        OutputNode(folder / MODEL, "ProcessData.star.relion.class2d.model", 8),
        OutputNode(folder / CLASS_AVERAGES, "Image2DGroupMetadata.star.relion.classaverages", 5),
        OutputNode(job / LOG, "LogFile.pdf.relion.class2d", 13),
    )
    columns: dict[str, Any] = {
        "rlnPipeLineNodeName": [project_path(node.path) for node in nodes],
        "rlnPipeLineNodeTypeLabel": [node.label for node in nodes],
        "rlnPipeLineNodeType": np.array([node.number for node in nodes]),
    }
    write_star(job / OUTPUT_NODES, {"output_nodes": StarBlock(columns)})


def _folder_for_selection(job: Path) -> Path:
    """Return the folder of RELION's files under the name that its window expects, if it can be."""
    link = job / CLASS2D
    try:
        link.symlink_to(RELION, target_is_directory=True)
    except OSError:  # a disk without links, or the user has something of that name
        return job / RELION
    return link


def _mark(ending: Ending) -> str:
    return f"RELION_JOB_EXIT_{ending}"
