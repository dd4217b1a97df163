"""Averages to classify against: a stack, or any table that names images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cl2d.io.particle_table import IMAGE_COLUMN, ParticleTable, read_particle_table
from cl2d.io.regular_files import is_file
from cl2d.io.source import open_particles
from cl2d.io.stack_sources import TableSource
from cl2d.io.star_block import StarBlock
from cl2d.io.star_reader import read_star

if TYPE_CHECKING:
    from cl2d.io.source import ParticleSource

REFERENCE_COLUMN = "rlnReferenceImage"
_XMIPP_CLASSES = "classes"
_TABLE_SUFFIXES = (".star", ".xmd")


def open_references(path: str | Path) -> ParticleSource:
    """Open averages for reading.

    Parameters
    ----------
    path : str or Path
        A stack, one image of a stack as ``3@averages.mrcs``, a table with a column
        rlnReferenceImage (classes.star, RELION's model.star), the block ``classes`` of an Xmipp
        metadata file, or whatever ``open_particles`` takes.

    Raises
    ------
    InputFileError
        If the file or a stack it names is missing, malformed, truncated or inconsistent.
    """
    number, at, stack = str(path).partition("@")
    if at and number.isdigit():
        one = StarBlock({IMAGE_COLUMN["relion"]: [str(path)]})
        return TableSource(ParticleTable(Path(stack), "", one, "relion"))
    path = Path(path)
    if not is_file(path) or path.suffix.lower() not in _TABLE_SUFFIXES:
        return open_particles(path)
    blocks = read_star(path)
    for name, block in blocks.items():
        if block.is_loop and REFERENCE_COLUMN in block and block.n_rows:
            images = StarBlock({IMAGE_COLUMN["relion"]: block.columns[REFERENCE_COLUMN]})
            return TableSource(ParticleTable(path, name, images, "relion"))
    if _XMIPP_CLASSES in blocks and IMAGE_COLUMN["xmipp"] in blocks[_XMIPP_CLASSES]:
        return TableSource(read_particle_table(path, _XMIPP_CLASSES))
    return open_particles(path)
