"""What a watch shows of its present state: the table of all particles, the page, the run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cl2d.io import StarBlock, atomic_path, read_particle_table, read_stack, write_star
from cl2d.io.joined_tables import joined_tables
from cl2d.outputs.folder import CLASS_AVERAGES, PARTICLE_TABLE
from cl2d.outputs.watch_page import RunLine, WatchPage, write_watch_page

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io import ParticleTable
    from cl2d.pipeline.watch_state import WatchState

CURRENT = "current"
CLASS = "rlnClassNumber"


def write_present_state(state: WatchState) -> None:
    """Write particles.star, current and the page, each whole or not at all."""
    if not state.portions:
        return
    current = state.current
    members = assigned = np.zeros(0, dtype=np.int64)
    if current is None:
        tables = [read_particle_table(state.table_of_portion(p.number)) for p in state.portions]
    else:
        of_run = read_particle_table(state.run_folder(current.number) / PARTICLE_TABLE)
        paths = [state.batch_folder(portion.number) for portion in state.since]
        batches = [read_particle_table(path / PARTICLE_TABLE) for path in paths]
        tables = with_common_columns([of_run, *batches])
        n_classes = len(read_stack(state.run_folder(current.number) / CLASS_AVERAGES))
        members = _class_counts([of_run], n_classes)
        assigned = _class_counts(batches, n_classes)
    joined = joined_tables(tables)
    assert joined.optics is not None
    blocks = {"optics": joined.optics, "particles": joined.block}
    write_star(state.folder / PARTICLE_TABLE, blocks)
    if current is not None:
        with atomic_path(state.folder / CURRENT) as temporary:
            temporary.write_text(f"runs/{current.number:04d}\n", encoding="utf-8")
    write_watch_page(state.folder, _page(state, members, assigned))


def with_common_columns(tables: list[ParticleTable]) -> list[ParticleTable]:
    """Return tables with the columns that all have: what tells of cores is known for runs alone."""
    common = [name for name in tables[0].column_names if all(name in table for table in tables)]
    return [
        replace(table, block=StarBlock({name: table.block.columns[name] for name in common}))
        for table in tables
    ]


def _class_counts(tables: list[ParticleTable], n_classes: int) -> npt.NDArray[np.int64]:
    """Return how many particles of some tables are in each class, (n_classes,)."""
    counts = np.zeros(n_classes + 1, dtype=np.int64)
    for table in tables:
        counts += np.bincount(table.numbers(CLASS).astype(np.int64), minlength=n_classes + 1)
    return counts[1:]


def _page(
    state: WatchState, members: npt.NDArray[np.int64], assigned: npt.NDArray[np.int64]
) -> WatchPage:
    since = state.since if state.current is not None else []
    return WatchPage(
        watched=state.watched,
        n_images=state.n_images,
        run=None if state.current is None else f"runs/{state.current.number:04d}",
        members=tuple(members.tolist()),
        assigned=tuple(assigned.tolist()),
        n_usable=sum(portion.n_usable for portion in since),
        n_poor=sum(portion.n_poor for portion in since),
        runs=tuple(RunLine(run.number, run.n_images, run.reason, run.status) for run in state.runs),
        left=tuple(state.left.values()),
    )
