"""Which image of which stack file each row of a table names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.particle_table import IMAGE_COLUMN
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS

if TYPE_CHECKING:
    import numpy.typing as npt

    from cl2d.io.particle_table import ParticleTable


@dataclass(frozen=True)
class ImageLocations:
    """Where the image of each row is.

    Attributes
    ----------
    stack_names : list of str, each file once, as written in the table, in order of appearance
    stack_of_row : (n,) int32, index into ``stack_names``
    index_in_stack : (n,) int64, 0-based
    """

    stack_names: list[str]
    stack_of_row: npt.NDArray[np.int32]
    index_in_stack: npt.NDArray[np.int64]

    def first_row_of(self, stack: int) -> int:
        """Return the first row (0-based) that names a stack."""
        return int(np.argmax(self.stack_of_row == stack))


_LARGEST_NUMBER = 1 << 40
_MOST_DIGITS = 40
_SHOWN_BYTES = 200


def _refuse(table: ParticleTable, row: int, name: bytes) -> NoReturn:
    column = IMAGE_COLUMN[table.flavour]
    shown = name[:_SHOWN_BYTES].decode(TEXT_ENCODING, "replace")
    msg = (
        f"{table.path}: row {row} of data_{table.block_name}: {column} must be "
        f"number@stack, with the number counted from 1, not '{shown}'"
    )
    raise InputFileError(msg)


def locate_images(table: ParticleTable) -> ImageLocations:
    """Take the image names of a table apart: ``000012@stack.mrcs``, or a file of one image.

    Raises
    ------
    InputFileError
        Naming the first row whose image name is not of this form.
    """
    codes: dict[bytes, int] = {}
    stack_of_row = np.empty(table.n_rows, np.int32)
    index_in_stack = np.empty(table.n_rows, np.int64)
    for row, name in enumerate(table.image_names()):
        number, at, stack = name.partition(b"@")
        if not at:
            number, stack = b"1", name
        # Python reads digits by the thousand only if it is asked to.
        if not number.isdigit() or not stack or len(number) > _MOST_DIGITS:
            _refuse(table, row + 1, name)
        index = int(number) - 1
        if not 0 <= index < _LARGEST_NUMBER:
            _refuse(table, row + 1, name)
        stack_of_row[row] = codes.setdefault(stack, len(codes))
        index_in_stack[row] = index
    names = [name.decode(TEXT_ENCODING, TEXT_ERRORS) for name in codes]
    return ImageLocations(names, stack_of_row, index_in_stack)


def marked_as_stacks(names: npt.NDArray[np.bytes_]) -> npt.NDArray[np.bytes_]:
    """Return image names with stacks named .mrc marked as such, ``stack.mrc:mrcs``.

    RELION and Xmipp take a file named .mrc for a volume unless the name is continued so.
    """
    unmarked = np.strings.endswith(names, b".mrc")
    if not unmarked.any():
        return names
    marked: npt.NDArray[np.bytes_] = np.where(unmarked, np.strings.add(names, b":mrcs"), names)
    return marked
