"""Everything a run leaves behind: averages, tables, levels, run record and gallery.

Files are written from plain records, without the engine; only ``cl2d.outputs.averages``, which
makes the averages, uses it, and is therefore imported by its own name.
"""

from __future__ import annotations

from cl2d.outputs.classification import FinishedRun, RunState, UnfinishedRun
from cl2d.outputs.folder import check_output_folder, prepare_output_folder
from cl2d.outputs.level_files import write_level_particles
from cl2d.outputs.run_record import mark_interrupted, write_run_record
from cl2d.outputs.write import write_run

__all__ = [
    "FinishedRun",
    "RunState",
    "UnfinishedRun",
    "check_output_folder",
    "mark_interrupted",
    "prepare_output_folder",
    "write_level_particles",
    "write_run",
    "write_run_record",
]
