"""Put other cores into the folder of a finished run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cl2d.io import StarBlock, read_star, write_star
from cl2d.io.npz import read_npz
from cl2d.outputs.core_files import (
    STABLE_CORE_COLUMN,
    core_arrays,
    core_columns,
    write_arrays,
    write_core_averages,
    write_particle_subsets,
)
from cl2d.outputs.cryosparc_files import renew_cryosparc_cores
from cl2d.outputs.folder import (
    CLASS_TABLE,
    LEVEL_PARTICLES,
    PARTICLE_TABLE,
    level_folder,
)
from cl2d.outputs.hierarchy import write_hierarchy
from cl2d.outputs.program_folders import XMIPP
from cl2d.outputs.relion_job import renew_relion_particles
from cl2d.outputs.run_record import save_record
from cl2d.outputs.saved_run import read_run_particles, read_run_record
from cl2d.outputs.tables import CLASS_BLOCK, core_member_columns
from cl2d.outputs.xmipp_files import renew_xmipp_cores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.options import CoreOptions
    from cl2d.outputs.saved_run import SavedRun
    from cl2d.results import LevelResult

    Averages = npt.NDArray[np.float32]

_STABLE_CORE_MEMBERS = "cl2dStableCoreMembers"


def update_cores(
    saved: SavedRun, cores: Sequence[LevelCores], averages: tuple[Averages | None, Averages | None]
) -> None:
    """Write everything that depends on the cores anew; nothing else changes.

    Parameters
    ----------
    saved : SavedRun
    cores : LevelCores of each level
    averages : of the cores and of the stable cores of the last level
        None removes the file: averages of other cores must not stay.
    """
    out = saved.folder
    for level, core in zip(saved.levels, cores, strict=True):
        folder = level_folder(out, level.level)
        _update_arrays(folder / LEVEL_PARTICLES, core)
        _update_classes(folder / CLASS_TABLE, level, core)
    _update_classes(out / CLASS_TABLE, saved.levels[-1], cores[-1])
    write_hierarchy(out, saved.levels, cores)
    table = read_run_particles(out)
    columns = dict(table.block.columns)
    if cores[-1].is_stable_core is None:
        columns.pop(STABLE_CORE_COLUMN, None)
    table = replace(table, block=StarBlock({**columns, **core_columns(cores[-1])}))
    optics = {} if table.optics is None else {"optics": table.optics}
    write_star(out / PARTICLE_TABLE, optics | {"particles": table.block})
    write_particle_subsets(out, table, cores[-1])
    renew_relion_particles(saved, table)
    write_core_averages(out, averages, saved.plan.pixel_size_angstrom)
    if XMIPP in saved.options.output.formats:
        renew_xmipp_cores(out, table, saved.levels[-1], cores[-1], averages)
    renew_cryosparc_cores(out, saved.levels[-1], cores[-1])


def update_record(saved: SavedRun, options: CoreOptions, warnings: Sequence[str]) -> None:
    """Write the options of the cores, and what there is to say of them, into run.json."""
    record: dict[str, Any] = read_run_record(saved.folder)  # with the status of the moment
    record["options"] = {**record["options"], "cores": options.model_dump()}
    record["core_warnings"] = list(warnings)
    save_record(saved.folder, record)


def _update_arrays(path: Path, core: LevelCores) -> None:
    arrays = read_npz(path)
    arrays.pop("is_stable_core", None)
    write_arrays(path, arrays | core_arrays(core))


def _update_classes(path: Path, level: LevelResult, core: LevelCores) -> None:
    blocks = read_star(path)
    columns = dict(blocks[CLASS_BLOCK].columns)
    if core.is_stable_core is None:
        columns.pop(_STABLE_CORE_MEMBERS, None)
    columns |= core_member_columns(level, core)
    write_star(path, {**blocks, CLASS_BLOCK: StarBlock(columns)})
