"""Pixel and box size of the particles of a table: one for all, or a refusal that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputFileError

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io.particle_table import ParticleTable

# Programs round pixel sizes to between 3 and 6 decimals.
SAME_PIXEL_SIZE = 1e-3
_SHOWN = 8
_GROUP = "rlnOpticsGroup"


def _one_value(table: ParticleTable, values: npt.NDArray[np.float64], what: str) -> float:
    """Return the pixel size all rows share."""
    if not (np.isfinite(values) & (values > 0)).all():
        row = int(np.argmin(np.isfinite(values) & (values > 0)))
        msg = (
            f"{table.path}: row {row + 1} of data_{table.block_name}: the pixel size from {what} "
            f"must be positive, not {values[row]:g}"
        )
        raise InputFileError(msg)
    low, high = float(values.min()), float(values.max())
    if high - low > SAME_PIXEL_SIZE * low:
        sizes, counts = np.unique(values, return_counts=True)
        groups = "; ".join(
            f"{size:g} A/px in {count} rows"
            for size, count in zip(sizes[:_SHOWN], counts[:_SHOWN], strict=True)
        )
        msg = (
            f"{table.path}: all particles must have one pixel size, not {len(sizes)} "
            f"(from {what}): {groups}"
        )
        raise InputFileError(msg)
    return float(values[0])


def optics_numbers(table: ParticleTable, name: str) -> npt.NDArray[np.float64]:
    """Return a column of data_optics as float64; InputFileError naming what is no number."""
    assert table.optics is not None
    try:
        return table.optics.numbers(name)
    except ValueError as error:
        row = table.optics.first_without_number(name)
        msg = (
            f"{table.path}: row {row + 1} of data_optics: {name} must be a number, "
            f"not '{table.optics.text(name)[row]}'"
        )
        raise InputFileError(msg) from error


def used_optics_groups(table: ParticleTable) -> list[tuple[int, int]]:
    """Return (row of data_optics, number of particles) of each group that particles use.

    Raises
    ------
    InputFileError
        If a particle belongs to a group that data_optics does not define.
    """
    if table.optics is None or table.optics.n_rows == 0:
        msg = f"{table.path}: data_optics must have at least one row"
        raise InputFileError(msg)
    if _GROUP not in table.optics or _GROUP not in table:
        if table.optics.n_rows == 1:
            return [(0, table.n_rows)]
        msg = f"{table.path}: data_optics and data_{table.block_name} must both have _{_GROUP}"
        raise InputFileError(msg)
    groups = table.numbers(_GROUP)
    row_of_group: dict[float, int] = {}
    for row, group in enumerate(optics_numbers(table, _GROUP).tolist()):
        if row_of_group.setdefault(group, row) != row:
            msg = (
                f"{table.path}: row {row + 1} of data_optics: {_GROUP} {group:g} must occur once, "
                "but is here again"
            )
            raise InputFileError(msg)
    used, first_rows, counts = np.unique(groups, return_index=True, return_counts=True)
    for group, first in zip(used.tolist(), first_rows.tolist(), strict=True):
        if group not in row_of_group:
            msg = (
                f"{table.path}: row {first + 1} of data_{table.block_name} is of optics group "
                f"{group:g}, which data_optics does not define"
            )
            raise InputFileError(msg)
    return [
        (row_of_group[group], count)
        for group, count in zip(used.tolist(), counts.tolist(), strict=True)
    ]


def _refuse_mixed_groups(table: ParticleTable, used: list[tuple[int, int]], what: str) -> None:
    assert table.optics is not None
    columns = ("rlnOpticsGroup", "rlnOpticsGroupName", "rlnImagePixelSize", "rlnImageSize")
    present = [name for name in columns if name in table.optics]
    texts = {name: table.optics.text(name) for name in present}
    lines = [
        ", ".join(f"{name} {texts[name][row]}" for name in present) + f": {count} particles"
        for row, count in used[:_SHOWN]
    ]
    msg = f"{table.path}: all particles must have one {what}; groups: {'; '.join(lines)}"
    raise InputFileError(msg)


def _from_optics(table: ParticleTable, box_px: int) -> float | None:
    used = used_optics_groups(table)
    rows = [row for row, _ in used]
    assert table.optics is not None
    if "rlnImageSize" in table.optics:
        boxes = optics_numbers(table, "rlnImageSize")[rows]
        if len(set(boxes.tolist())) > 1:
            _refuse_mixed_groups(table, used, "box size")
        if boxes[0] != box_px:
            msg = (
                f"{table.path}: rlnImageSize of data_optics must be the box of the stacks "
                f"({box_px} px), not {boxes[0]:g}"
            )
            raise InputFileError(msg)
    if "rlnImagePixelSize" not in table.optics:
        return None
    sizes = optics_numbers(table, "rlnImagePixelSize")[rows]
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        msg = f"{table.path}: rlnImagePixelSize of data_optics must be positive"
        raise InputFileError(msg)
    if sizes.max() - sizes.min() > SAME_PIXEL_SIZE * sizes.min():
        _refuse_mixed_groups(table, used, "pixel size")
    return float(sizes[0])


def table_pixel_size(table: ParticleTable, box_px: int) -> float | None:
    """Return the pixel size in Angstrom that a table gives its particles.

    RELION 3.1 and later: data_optics. Before: rlnImagePixelSize or rlnPixelSize of each row, or
    ``1e4 * rlnDetectorPixelSize / rlnMagnification`` (micrometres at the detector). Xmipp:
    samplingRate. None if the table does not tell.

    Raises
    ------
    InputFileError
        If there are several pixel or box sizes (with the list of groups), or if the box of
        data_optics is not ``box_px``.
    """
    if table.optics is not None:
        from_optics = _from_optics(table, box_px)
        if from_optics is not None:
            return from_optics
    for name in ("rlnImagePixelSize", "rlnPixelSize", "samplingRate"):
        if name in table:
            return _one_value(table, table.numbers(name), name)
    if "rlnDetectorPixelSize" in table and "rlnMagnification" in table:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = 1e4 * table.numbers("rlnDetectorPixelSize") / table.numbers("rlnMagnification")
        return _one_value(table, values, "rlnDetectorPixelSize and rlnMagnification")
    return None
