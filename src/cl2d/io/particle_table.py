"""The table of particles a run starts from, kept as it was read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.star_block import TEXT_ENCODING, TEXT_ERRORS, StarBlock
from cl2d.io.star_reader import read_star

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

Flavour = Literal["relion", "xmipp"]
IMAGE_COLUMN: dict[Flavour, str] = {"relion": "rlnImageName", "xmipp": "image"}
_ENABLED = "enabled"
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class ParticleTable:
    """Rows and columns of a particle STAR or Xmipp metadata file, text as it stood there.

    Attributes
    ----------
    path : Path, the file, for messages and for finding stacks beside it
    block_name : str, without ``data_``
    block : StarBlock
    flavour : "relion" or "xmipp"
    optics : StarBlock or None, RELION's data_optics as read
    field_names : mapping from column to what the file itself calls it, where that is another name
    """

    path: Path
    block_name: str
    block: StarBlock
    flavour: Flavour
    optics: StarBlock | None = None
    field_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Number of particles."""
        return self.block.n_rows

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, without leading underscore, in file order."""
        return list(self.block.columns)

    def __contains__(self, name: str) -> bool:
        """Tell whether there is a column of this name."""
        return name in self.block

    def _require(self, name: str) -> None:
        if name not in self.block:
            msg = (
                f"{self.path}: data_{self.block_name} must have a column _{name}; it has "
                f"{', '.join(self.column_names)}"
            )
            raise InputFileError(msg)

    def text(self, name: str) -> list[str]:
        """Return a column as text; InputFileError if there is no such column."""
        self._require(name)
        return self.block.text(name)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column as float64; InputFileError naming the first row that is no number."""
        self._require(name)
        try:
            return self.block.numbers(name)
        except ValueError as error:
            row = self.block.first_without_number(name)
            msg = (
                f"{self.path}: row {row + 1} of data_{self.block_name}: {name} must be a number, "
                f"not '{self.block.text(name)[row][:_SHOWN_CHARACTERS]}'"
            )
            raise InputFileError(msg) from error

    def image_names(self) -> list[bytes]:
        """Return the image names, still encoded (a million str would cost 100 MB)."""
        name = IMAGE_COLUMN[self.flavour]
        self._require(name)
        column = self.block.columns[name]
        if isinstance(column, np.ndarray) and column.dtype.kind == "S":
            names: list[bytes] = column.tolist()
            return names
        return [value.encode(TEXT_ENCODING, TEXT_ERRORS) for value in self.block.text(name)]

    def enabled(self) -> npt.NDArray[np.bool_]:
        """Return which rows take part, (n,): Xmipp marks rows as left out by enabled = -1.

        As in Xmipp, every value that is not positive disables a row. The column counts in RELION
        tables too, which got it from such a table; without it every row is enabled.
        """
        if _ENABLED not in self:
            return np.ones(self.n_rows, dtype=np.bool_)
        values = self.numbers(_ENABLED)
        if np.isnan(values).any():
            row = int(np.argmax(np.isnan(values)))
            msg = (
                f"{self.path}: row {row + 1} of data_{self.block_name}: {_ENABLED} must be a "
                "number, not nan"
            )
            raise InputFileError(msg)
        return values > 0

    def with_image_names(self, names: list[bytes]) -> ParticleTable:
        """Return the table with other image names, one for each row, all columns in place."""
        columns = dict(self.block.columns)
        columns[IMAGE_COLUMN[self.flavour]] = np.array(names, dtype="S")
        return replace(self, block=StarBlock(columns, self.block.is_loop))

    def take(self, rows: npt.NDArray[np.intp]) -> ParticleTable:
        """Return the table of some of the rows, in the order asked for."""
        return replace(self, block=self.block.take(rows))


def _flavour_of(block: StarBlock) -> Flavour | None:
    for flavour, column in IMAGE_COLUMN.items():
        if block.is_loop and column in block:
            return flavour
    return None


def _choose_block(path: Path, blocks: dict[str, StarBlock], wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in blocks:
            msg = f"{path}: must have a block data_{wanted}; it has {_list_blocks(blocks)}"
            raise InputFileError(msg)
        return wanted
    candidates = [name for name, block in blocks.items() if _flavour_of(block)]
    if not candidates:
        msg = (
            f"{path}: must have a table with a column _rlnImageName (RELION) or _image (Xmipp); "
            f"it has {_list_blocks(blocks)}"
        )
        raise InputFileError(msg)
    if len(candidates) > 1 and "particles" in candidates:
        return "particles"
    if len(candidates) > 1:
        names = ", ".join(f"data_{name}" for name in candidates[:5])
        msg = (
            f"{path}: must have one table of images, not {len(candidates)} ({names}); "
            f"choose one, e.g. {candidates[0]}@{path}"
        )
        raise InputFileError(msg)
    return candidates[0]


def _list_blocks(blocks: dict[str, StarBlock]) -> str:
    return "; ".join(
        f"data_{name} ({', '.join(list(block.columns)[:12])})" for name, block in blocks.items()
    )


def _refuse_tomograms(path: Path, blocks: dict[str, StarBlock]) -> None:
    """Refuse particles of tomograms: each of their files is a volume, or a series of tilts."""
    for block_name, name, flat in (
        ("general", "rlnTomoSubTomosAre2DStacks", "0"),
        ("optics", "rlnImageDimensionality", "2"),
    ):
        block = blocks.get(block_name)
        if block is not None and name in block and set(block.text(name)) - {flat}:
            msg = (
                f"{path}: the particles must be single images, not subtomograms or tilt series "
                f"({name} of data_{block_name} must be {flat})"
            )
            raise InputFileError(msg)


def read_particle_table(path: str | Path, block_name: str | None = None) -> ParticleTable:
    """Read the particles of a RELION STAR or Xmipp metadata file.

    Parameters
    ----------
    path : str or Path
    block_name : str, optional
        Which block to take. None takes data_particles, or else the only table of images.

    Raises
    ------
    InputFileError
        If the file is malformed, has no table of images, several, or one without rows.
    """
    path = Path(path)
    blocks = read_star(path)
    name = _choose_block(path, blocks, block_name)
    block = blocks[name]
    flavour = _flavour_of(block)
    if flavour is None:
        msg = (
            f"{path}: data_{name} must be a table with a column _rlnImageName or _image; "
            f"it has {_list_blocks({name: block})}"
        )
        raise InputFileError(msg)
    if block.n_rows == 0:
        msg = f"{path}: data_{name} must have at least one row"
        raise InputFileError(msg)
    optics = blocks.get("optics") if flavour == "relion" else None
    _refuse_tomograms(path, blocks)
    return ParticleTable(path, name, block, flavour, optics)
