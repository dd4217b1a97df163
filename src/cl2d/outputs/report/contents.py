"""Everything the page shows, put together from the files of a run and its particles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl2d.errors import InputError
from cl2d.outputs.folder import CORE_AVERAGES, REJECTED, REPORT, STABLE_CORE_AVERAGES
from cl2d.outputs.report.class_facts import class_facts, curves
from cl2d.outputs.report.distributions import distributions
from cl2d.outputs.report.hierarchy_tree import hierarchy_tree
from cl2d.outputs.report.junk import junk_by_micrograph, junk_particles, junk_threshold
from cl2d.outputs.report.members import (
    choose_members,
    member_facts,
    member_strips,
    shown_resolution,
)
from cl2d.outputs.report.pictures import average_pictures, average_side_px, core_side_px
from cl2d.outputs.report.provenance import course, provenance
from cl2d.outputs.report.verdict import verdict
from cl2d.outputs.saved_run import read_run_particles, run_id

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cl2d.io import ParticleSource, ParticleTable
    from cl2d.outputs.report.run_files import RunFiles

FORMAT = 1
_MICROGRAPH_COLUMNS = ("rlnMicrographName", "micrograph")


def contents(files: RunFiles, source: ParticleSource | None, missing: str) -> dict[str, Any]:
    """Return all data of the page, plain but for numpy arrays.

    Parameters
    ----------
    files : RunFiles
    source : ParticleSource or None
        The particles of the run; None leaves out pictures of them.
    missing : str
        Why there are no particles, if so.
    """
    junk = junk_particles(files)
    threshold = junk_threshold(files)
    return {
        "format": FORMAT,
        "run": {
            "id": run_id(files.record),
            "folder": str(files.folder.resolve()),
            "name": files.folder.resolve().name,
            "rejected": f"{REJECTED}/{REPORT}" if (files.folder / REJECTED).is_dir() else None,
            "similarity": files.record["options"]["alignment"]["similarity"],
        },
        "verdict": verdict(files, junk),
        "warnings": [*files.record["warnings"], *files.record.get("core_warnings", [])],
        "unit": "px" if files.pixel_size_angstrom is None else "Å",
        "box_px": files.box_px,
        "pixel_size_angstrom": files.pixel_size_angstrom,
        "classes": class_facts(files),
        "pictures": _pictures(files),
        "curves": curves(files),
        "distributions": distributions(files, threshold),
        "members": _members(files, source, missing),
        "tree": hierarchy_tree(files),
        "course": course(files),
        "junk_threshold": threshold,
        "micrographs": None if junk is None else _micrographs(files, source, junk),
        "provenance": provenance(files),
    }


def _pictures(files: RunFiles) -> dict[str, Any]:
    """Return the averages of all members, of cores and of stable cores, as far as there are any."""
    n, n_cores = files.n_classes, 2 * files.n_classes
    stacks = {
        "all": (files.averages(), average_side_px(n)),
        "core": (files.averages(CORE_AVERAGES), core_side_px(n_cores)),
        "stable_core": (files.averages(STABLE_CORE_AVERAGES), core_side_px(n_cores)),
    }
    return {
        name: average_pictures(stack, files.mask_radius_px, side_px)
        for name, (stack, side_px) in stacks.items()
        if stack is not None
    }


def _members(files: RunFiles, source: ParticleSource | None, missing: str) -> dict[str, Any]:
    """Return pictures and figures of the best and worst members, or why there are none."""
    if source is None:
        return {"missing": missing}
    shown = choose_members(files.labels, files.particles["score"], files.n_classes)
    try:
        strips = member_strips(source, files, shown)
    except (InputError, OSError) as error:
        return {"missing": f"the particles could not be read ({error})"}
    if not any(strips):
        return {"missing": "there are too many classes for pictures of their members"}
    return {
        "strips": strips,
        "best": [member_facts(files, rows) for rows in shown.best],
        "worst": [member_facts(files, rows) for rows in shown.worst],
        "low_pass": shown_resolution(files.box_px, files.pixel_size_angstrom),
    }


def _micrographs(
    files: RunFiles, source: ParticleSource | None, junk: npt.NDArray[np.bool_]
) -> dict[str, Any] | None:
    table = _table(files, source)
    column = next((name for name in _MICROGRAPH_COLUMNS if table and name in table), None)
    if table is None or column is None:
        return None
    return junk_by_micrograph(table.text(column), junk, files.labels >= 0)


def _table(files: RunFiles, source: ParticleSource | None) -> ParticleTable | None:
    """Return the particles of the run: those at hand, or else those it has written."""
    if source is not None:
        return source.table
    return read_run_particles(files.folder)
