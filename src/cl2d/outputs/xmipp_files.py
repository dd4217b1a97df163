"""The folder ``xmipp`` of a run: the files that Xmipp's CL2D leaves, for Xmipp and Scipion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.io import StarBlock, read_star, relion_table, write_spider_stack, write_xmd
from cl2d.outputs.own_folders import level_name, own_folder
from cl2d.outputs.program_folders import (
    XMIPP,
    XMIPP_CLASSES,
    XMIPP_CORE,
    XMIPP_IMAGES,
    XMIPP_STABLE_CORE,
)
from cl2d.outputs.xmipp_tables import (
    CLASSES,
    INFO,
    REJECTED,
    XmippImages,
    class_block,
    info_block,
    input_columns,
    level_images,
    with_evaluation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.evaluate import LevelEvaluation
    from cl2d.io import ParticleTable
    from cl2d.outputs.classification import FinishedRun
    from cl2d.results import LevelResult

    Averages = npt.NDArray[np.float32]

_ONLY_BLOCK = "noname"  # what Xmipp calls the block of a file that has one


def write_xmipp(out: Path, result: FinishedRun) -> None:
    """Write a run as Xmipp's CL2D would: levels, cores and all images, with Xmipp's poses.

    Parameters
    ----------
    out : Path
        The output folder; files go to its folder ``xmipp``.
    result : FinishedRun
    """
    columns = input_columns(relion_table(result.source))
    evaluations: Sequence[LevelEvaluation | None] = result.evaluations
    cores: Sequence[LevelCores | None] = result.cores
    nothing = [None] * len(result.levels)
    parts = zip(
        result.levels,
        result.level_averages,
        evaluations or nothing,
        cores or nothing,
        strict=True,
    )
    for level, averages, evaluation, core in parts:
        images = level_images(columns, level, core)
        blocks = _level_blocks(out, images, level)
        folder = _level_folder(out, level.level)
        write_spider_stack(folder / f"{XMIPP_CLASSES}.stk", averages)
        write_xmd(folder / f"{XMIPP_CLASSES}.xmd", with_evaluation(blocks, evaluation))
    last = result.cores[-1] if result.cores else None
    images = level_images(columns, result.levels[-1], last)
    write_xmd(own_folder(out, XMIPP) / XMIPP_IMAGES, {_ONLY_BLOCK: images.block()})
    if last is not None:
        of_cores = (result.core_averages, result.stable_core_averages)
        _write_cores(out, images, (result.levels[-1], last), of_cores)


def renew_xmipp_cores(
    out: Path,
    table: ParticleTable,
    level: LevelResult,
    core: LevelCores,
    averages: tuple[Averages | None, Averages | None],
) -> None:
    """Write the cores of a finished run anew.

    Parameters
    ----------
    out : Path
    table : ParticleTable, the particles.star of the run
    level : LevelResult, the last one
    core : LevelCores, of that level
    averages : of the cores and of the stable cores; None: there are none
        The classes then keep the averages of all their members.
    """
    images = level_images(input_columns(table), level, core)
    _write_cores(out, images, (level, core), averages)


def renew_xmipp_evaluation(out: Path, evaluations: Sequence[LevelEvaluation]) -> None:
    """Put another evaluation into the classes of every level of a finished run."""
    for evaluation in evaluations:
        path = _level_folder(out, evaluation.level) / f"{XMIPP_CLASSES}.xmd"
        if path.is_file():
            write_xmd(path, with_evaluation(read_star(path), evaluation))


def _level_folder(out: Path, level: int) -> Path:
    return own_folder(out, XMIPP, level_name(level))


def _level_blocks(out: Path, images: XmippImages, level: LevelResult) -> dict[str, StarBlock]:
    stack = _level_folder(out, level.level) / f"{XMIPP_CLASSES}.stk"
    blocks = {INFO: info_block(level), CLASSES: class_block(stack, level.class_sizes())}
    return blocks | images.class_blocks()


def _write_cores(
    out: Path,
    images: XmippImages,
    found: tuple[LevelResult, LevelCores],
    averages: tuple[Averages | None, Averages | None],
) -> None:
    level, core = found
    kinds = {XMIPP_CORE: core.is_core, XMIPP_STABLE_CORE: core.is_stable_core}
    folder = _level_folder(out, level.level)
    for (name, chosen), stack in zip(kinds.items(), averages, strict=True):
        path = folder / f"{name}.stk"
        if stack is None:
            path.unlink(missing_ok=True)
            path = folder / f"{XMIPP_CLASSES}.stk"
        else:
            write_spider_stack(path, stack)
        if chosen is None:
            (folder / f"{name}.xmd").unlink(missing_ok=True)
        else:
            write_xmd(folder / f"{name}.xmd", _core_blocks(path, images, level, chosen))


def _core_blocks(
    stack: Path, images: XmippImages, level: LevelResult, chosen: npt.NDArray[np.bool_]
) -> dict[str, StarBlock]:
    """Return classes with the share of their members that was chosen, those, and the rest."""
    is_member = level.labels >= 0
    sizes = level.class_sizes()
    members = np.bincount(level.labels[is_member & chosen], minlength=level.n_classes)
    columns = class_block(stack, members).columns
    classes = StarBlock({**columns, "modelFraction": members / np.maximum(sizes, 1)})
    rejected = {REJECTED: images.block(is_member & ~chosen)}
    return {CLASSES: classes, **images.class_blocks(chosen), **rejected}
