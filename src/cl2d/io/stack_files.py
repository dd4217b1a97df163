"""Find the stack files of a table and check all of them before any pixel is read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.regular_files import is_file
from cl2d.io.sampling import SAME_PIXEL_SIZE
from cl2d.io.stacks import read_stack_header
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS
from cl2d.io.working_directory import path_from_here

if TYPE_CHECKING:
    from cl2d.io.image_names import ImageLocations
    from cl2d.io.particle_table import ParticleTable
    from cl2d.io.stack_header import StackHeader

_SHOWN = 5
_STACK_HINT = ":mrcs"
_FORMAT_HINTS = (_STACK_HINT, ":mrc")


def _find(name: str, folders: tuple[Path, ...]) -> Path | None:
    """Return the file a table means, the first folder that has it winning.

    RELION and Xmipp may append the format to a name (``stack.mrc:mrcs``).
    """
    names = [name] + [name.removesuffix(hint) for hint in _FORMAT_HINTS if name.endswith(hint)]
    for folder in folders:
        for candidate in names:
            if is_file(folder / candidate):
                return folder / candidate
    return None


def _refuse_missing(table: ParticleTable, locations: ImageLocations, missing: list[int]) -> None:
    examples = ", ".join(
        f"'{locations.stack_names[stack]}' (row {locations.first_row_of(stack) + 1})"
        for stack in missing[:_SHOWN]
    )
    more = ", ..." if len(missing) > _SHOWN else ""
    folder = table.path.absolute().parent
    msg = (
        f"{table.path}: {len(missing)} of {len(locations.stack_names)} stack files cannot be "
        f"found: {examples}{more}; looked in the working directory {Path.cwd()} and in {folder}"
    )
    project = next(
        (up for up in folder.parents if _find(locations.stack_names[missing[0]], (up,))), None
    )
    if project is not None:
        msg += f"; {project} has it: run from there"
    raise InputFileError(msg)


def _refuse_mixed_boxes(path: Path, headers: list[StackHeader]) -> None:
    counts = Counter((header.width_px, header.height_px) for header in headers)
    examples = {(header.width_px, header.height_px): header.path for header in reversed(headers)}
    if len(counts) > 1:
        groups = "; ".join(
            f"{width} x {height} px in {n} file{'s' if n > 1 else ''} "
            f"(e.g. {examples[width, height]})"
            for (width, height), n in counts.most_common(_SHOWN)
        )
        msg = f"{path}: all images must have one box size, not {len(counts)}: {groups}"
        raise InputFileError(msg)


def stacks_pixel_size(table: ParticleTable, headers: list[StackHeader]) -> float | None:
    """Return the pixel size that the stacks of a table state, None if the first does not.

    Raises
    ------
    InputFileError
        If one is not positive, or they state several.
    """
    stated = [(header.checked_pixel_size(), header.path) for header in headers]
    first, path = stated[0]
    if first is None:
        return None
    for size, other in stated[1:]:
        if size is not None and abs(size - first) > SAME_PIXEL_SIZE * first:
            msg = (
                f"{table.path}: all stacks must have one pixel size, as the table states none, "
                f"not {first:g} A/px ({path}) and {size:g} A/px ({other})"
            )
            raise InputFileError(msg)
    return first


def check_square(header: StackHeader) -> None:
    """Raise InputFileError unless the images of a stack are square."""
    if header.width_px != header.height_px:
        msg = f"{header.path}: images must be square, not {header.width_px} x {header.height_px} px"
        raise InputFileError(msg)


def _check_indices(
    table: ParticleTable, locations: ImageLocations, headers: list[StackHeader]
) -> None:
    n_images = np.array([header.n_images for header in headers], np.int64)
    bad = locations.index_in_stack >= n_images[locations.stack_of_row]
    if bad.any():
        row = int(np.argmax(bad))
        header = headers[locations.stack_of_row[row]]
        msg = (
            f"{table.path}: row {row + 1} of data_{table.block_name} names image "
            f"{locations.index_in_stack[row] + 1} of {header.path}, which has only "
            f"{header.n_images} ({int(bad.sum())} such rows)"
        )
        raise InputFileError(msg)


def reachable_table(
    table: ParticleTable, locations: ImageLocations, headers: list[StackHeader]
) -> ParticleTable:
    """Return the table with image names that hold wherever it is written to.

    Programs look a stack up in the working directory, not beside the table. A stack that was
    found only beside its table is therefore named from the working directory if it lies below
    it, else by its whole path. All other names stay as they are, and so does a table that needs
    none changed.
    """
    here = Path.cwd()
    moved: dict[int, bytes] = {}
    for stack, (name, header) in enumerate(zip(locations.stack_names, headers, strict=True)):
        if _find(name, (here,)) is None:
            name_from_here = str(path_from_here(header.path))
            moved[stack] = name_from_here.encode(TEXT_ENCODING, TEXT_ERRORS)
    if not moved:
        return table
    names = table.image_names()
    for row, stack in enumerate(locations.stack_of_row.tolist()):
        if stack in moved:
            number, at, _ = names[row].partition(b"@")
            names[row] = (number + at if at else b"") + moved[stack]
    return table.with_image_names(names)


def open_stack_files(table: ParticleTable, locations: ImageLocations) -> list[StackHeader]:
    """Return the header of every stack a table names, in the order of ``stack_names``.

    Names are looked up in the working directory first (RELION's rule), then in the folder of the
    table.

    Raises
    ------
    InputFileError
        If files are missing, truncated, not square, of several box sizes, or hold fewer images
        than a row asks for.
    """
    # Absolute, so that a later change of the working directory does no harm.
    folders = (Path.cwd(), table.path.absolute().parent)
    paths = [_find(name, folders) for name in locations.stack_names]
    missing = [stack for stack, path in enumerate(paths) if path is None]
    if missing:
        _refuse_missing(table, locations, missing)
    headers = [
        read_stack_header(path, is_stack=name.endswith(_STACK_HINT))
        for path, name in zip(paths, locations.stack_names, strict=True)
        if path is not None
    ]
    _refuse_mixed_boxes(table.path, headers)
    check_square(headers[0])
    _check_indices(table, locations, headers)
    return headers
