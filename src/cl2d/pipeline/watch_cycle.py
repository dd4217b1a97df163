"""One cycle of a watch: take what is new, assign it, cluster if that is due.

Each step writes its files first and then says so in the state. A step that was cut off is done
again from the same files, and its files are written over: so nothing is lost or counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputError
from cl2d.events import ClusteringDue, PortionAssigned, PortionTaken
from cl2d.io import StarBlock, read_particle_table, write_stack, write_star
from cl2d.io.joined_tables import joined_tables
from cl2d.outputs.folder import RUN_RECORD
from cl2d.outputs.saved_run import load_run, read_run_record
from cl2d.pipeline.assign import assign
from cl2d.pipeline.classify import classify
from cl2d.pipeline.watch_files import write_present_state
from cl2d.pipeline.watch_state import Portion, WatchedRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io import ParticleTable
    from cl2d.options import ClassifyOptions
    from cl2d.outputs.saved_run import SavedRun
    from cl2d.pipeline.watch_input import NewParticles
    from cl2d.pipeline.watch_state import WatchState

POOR_PERCENTILE = 5.0
"""Members of a class below this percentile of its scores mark what it explains poorly."""
FEWEST_MEMBERS = 20
"""Classes with fewer members take the percentile of all: theirs would be mere chance."""
FEWEST_JUDGED = 100
"""New particles below which their share is mere chance (at 5 %, +-2 % with so many)."""
GROWTH = 2.0
"""Times as many particles as at the last clustering make another one due."""


@dataclass(frozen=True)
class WatchSettings:
    """When to cluster.

    Attributes
    ----------
    first_after : int, particles before the first clustering
    poor_share : float, share of poorly explained new particles beyond which to cluster again
    """

    first_after: int
    poor_share: float


class Cycle:
    """Carries a watch on, step by step.

    Parameters
    ----------
    state : WatchState
    options : ClassifyOptions, of the clusterings
    settings : WatchSettings
    tell : callable, gets events
    """

    def __init__(
        self,
        state: WatchState,
        options: ClassifyOptions,
        settings: WatchSettings,
        tell: Callable[[object], None],
    ) -> None:
        self.state = state
        self._options = options
        self._settings = settings
        self._tell = tell

    def take(self, new: NewParticles, left: dict[str, str]) -> None:
        """Keep the new particles of a look, and which files they come from."""
        state = self.state
        before = (state.files, state.left, state.kind)
        state.files, state.left, state.kind = new.files, left, new.kind
        if new.table is not None:
            state.box_px, state.pixel_size_angstrom = new.box_px, new.pixel_size_angstrom
            portion = Portion(len(state.portions) + 1, new.table.n_rows)
            _write_table(state.table_of_portion(portion.number), new.table)
            state.portions.append(portion)
            self._tell(PortionTaken(portion.number, portion.n_images, state.n_images))
        if new.table is not None or before != (state.files, state.left, state.kind):
            state.save()

    def carry_on(self, *, finish: bool = False) -> None:
        """Go on with a run that was begun, assign what is not assigned, cluster if it is due.

        Parameters
        ----------
        finish : bool
            Cluster if any particle came after the last clustering.

        Raises
        ------
        InputError
            If the run cannot be made; the next one then begins anew.
        """
        if self.state.pending is not None:
            self._cluster(self.state.pending)
        if self.state.current is not None and any(p.run is None for p in self.state.since):
            self._assign_portions()
        reason = reason_to_cluster(self.state, self._settings, finish=finish)
        if reason is not None:
            self._cluster(self._begin_run(reason))
        write_present_state(self.state)

    def _assign_portions(self) -> None:
        state, current = self.state, self.state.current
        assert current is not None
        folder = state.run_folder(current.number)
        limits = poor_limits(load_run(folder))
        for portion in state.since:
            if portion.run is not None:
                continue
            found = assign(
                folder,
                state.table_of_portion(portion.number),
                output=state.batch_folder(portion.number),
                overwrite=True,
                threads=self._options.run.threads,
                on_event=self._tell,
            )
            level = found.levels[-1]
            used = level.labels >= 0
            portion.run, portion.n_usable = current.number, int(used.sum())
            portion.n_poor = int((level.scores[used] < limits[level.labels[used]]).sum())
            state.save()
            self._tell(
                PortionAssigned(portion.number, current.number, portion.n_usable, portion.n_poor)
            )

    def _begin_run(self, reason: str) -> WatchedRun:
        state = self.state
        run = WatchedRun(len(state.runs) + 1, len(state.portions), state.n_images, reason)
        tables = [read_particle_table(state.table_of_portion(p.number)) for p in state.portions]
        _write_table(state.table_of_run(run.number), joined_tables(tables))
        if state.current is not None:
            saved = load_run(state.run_folder(state.current.number))
            averages = starting_averages(saved)
            write_stack(state.references_of_run(run.number), averages, state.pixel_size_angstrom)
        state.runs.append(run)
        state.save()
        return run

    def _cluster(self, run: WatchedRun) -> None:
        """Cluster all particles of a run from the averages of the one before; or go on with it."""
        state = self.state
        self._tell(ClusteringDue(run.number, run.n_images, run.reason))
        folder = state.run_folder(run.number)
        if not _is_complete(folder):
            options: dict[str, Any] = self._options.to_flat()
            options.pop("references")
            if state.references_of_run(run.number).exists():
                options["references"] = state.references_of_run(run.number)
            table = state.table_of_run(run.number)
            try:
                classify(table, output=folder, resume=True, on_event=self._tell, **options)
            except InputError:
                run.status = "failed"
                state.save()
                raise
        run.status = "complete"
        state.save()


def reason_to_cluster(
    state: WatchState, settings: WatchSettings, *, finish: bool = False
) -> str | None:
    """Return, in words, why all particles should be clustered now; None if they should not."""
    current, since = state.current, state.since
    if not since:
        return None
    if current is None:
        if state.n_images >= settings.first_after:
            return "the first"
        return "the first and last" if finish else None
    n_usable, n_poor = newest_judged(since)
    if n_usable >= FEWEST_JUDGED and n_poor > settings.poor_share * n_usable:
        return f"{100 * n_poor / n_usable:.0f} % of the newest particles are explained poorly"
    if state.n_images >= GROWTH * current.n_images:
        return f"{state.n_images / current.n_images:.1f} times as many particles"
    return "the last" if finish else None


def newest_judged(portions: Sequence[Portion]) -> tuple[int, int]:
    """Return how many images the newest portions have, and how many are explained poorly.

    As few portions as make up enough images to judge by: what came before would thin out a view
    that has just begun to come.
    """
    n_usable = n_poor = 0
    for portion in reversed(portions):
        n_usable, n_poor = n_usable + portion.n_usable, n_poor + portion.n_poor
        if n_usable >= FEWEST_JUDGED:
            break
    return n_usable, n_poor


def starting_averages(run: SavedRun) -> npt.NDArray[np.float32]:
    """Return the averages of the larger half of the classes of a run, (n, box, box).

    The next run splits them until it has as many classes as are wanted. From all of them it would
    find no class for a view that only came later: every class would be taken already.
    """
    n_members = run.levels[-1].class_sizes()
    half = (run.levels[-1].n_classes + 1) // 2
    largest = np.sort(np.argsort(-n_members, kind="stable")[:half])
    return run.averages[largest[n_members[largest] > 0]]


def poor_limits(run: SavedRun) -> npt.NDArray[np.float64]:
    """Return the score of each class below which it explains a particle poorly, (n_classes,)."""
    level = run.levels[-1]
    used = level.labels >= 0
    limits = np.empty(level.n_classes, dtype=np.float64)
    limits[:] = np.percentile(level.scores[used], POOR_PERCENTILE)
    for k in np.flatnonzero(level.class_sizes() >= FEWEST_MEMBERS):
        limits[k] = np.percentile(level.scores[level.labels == k], POOR_PERCENTILE)
    return limits


def _is_complete(folder: Path) -> bool:
    if not (folder / RUN_RECORD).exists():
        return False
    return read_run_record(folder)["status"] in ("complete", "renewing")


def _write_table(path: Path, table: ParticleTable) -> None:
    assert table.optics is not None
    optics = StarBlock(table.optics.columns)  # a list of single values, as of old, is a table here
    write_star(path, {"optics": optics, "particles": table.block})
