"""What the rest of the program reads particles from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cl2d.errors import InputFileError
from cl2d.io.array_source import ArraySource
from cl2d.io.cs_source import CryosparcSource, cs_paths
from cl2d.io.mrc import HEADER_BYTES
from cl2d.io.particle_table import read_particle_table
from cl2d.io.regular_files import exists, is_folder, is_link
from cl2d.io.stack_header import first_bytes_and_size
from cl2d.io.stack_sources import StackSource, TableSource
from cl2d.io.stacks import read_stack_header

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cl2d.io.array_source import ArrayLike3D
    from cl2d.io.particle_table import ParticleTable

_TABLE_SUFFIXES = (".star", ".xmd")
_STACK_SUFFIXES = (".mrcs", ".mrc", ".stk", ".map", ".spi", ".xmp")


class ParticleSource(Protocol):
    """Square particle images, read a block of rows at a time."""

    @property
    def n_images(self) -> int:
        """Number of particles."""

    @property
    def box_px(self) -> int:
        """Side of the images in pixels."""

    @property
    def pixel_size_angstrom(self) -> float | None:
        """Pixel size in Angstrom; None if unknown."""

    @property
    def name(self) -> str:
        """What messages call this input."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that are read, which no output may replace."""

    @property
    def table(self) -> ParticleTable | None:
        """The table the particles came from, whose rows are to be written back."""

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return rows ``start`` to ``stop`` as a fresh (stop - start, box, box) array."""

    def image_name(self, row: int) -> str:
        """Return what the image of a row (0-based) is called, such as ``000012@stack.mrcs``."""

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of names, sizes and some of the pixels."""


def _is_table(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in _TABLE_SUFFIXES:
        return True
    if suffix in _STACK_SUFFIXES:
        return False
    # Every MRC header has NUL bytes and no text file has any.
    return b"\0" not in first_bytes_and_size(path, HEADER_BYTES)[0]


def open_particles(path: str | Path) -> ParticleSource:
    """Open particles for reading and check all that can be checked without reading pixels.

    Parameters
    ----------
    path : str or Path
        RELION .star, Xmipp .xmd (``block@file.xmd`` picks a block), or a stack: MRC (.mrcs, .mrc)
        or SPIDER (.stk, .spi, .xmp); or a cryoSPARC dataset .cs (``a.cs+b.cs`` joins two that have
        the same particles). Another suffix is decided by content.

    Raises
    ------
    InputFileError
        If the file or a stack it names is missing, malformed, truncated or inconsistent.
    """
    path, block_name = Path(path), None
    datasets = cs_paths(path)
    if datasets is not None:
        return CryosparcSource(datasets)
    if not exists(path) and "@" in str(path):
        block_name, _, file_name = str(path).partition("@")
        path = Path(file_name)
    if not exists(path) and not is_link(path):
        msg = f"{path}: does not exist"
        raise InputFileError(msg)
    if is_folder(path):
        msg = f"{path}: must be a file (.star, .xmd or a stack), not a folder"
        raise InputFileError(msg)
    if block_name is not None or _is_table(path):
        return TableSource(read_particle_table(path, block_name))
    return StackSource(read_stack_header(path))


def array_source(images: ArrayLike3D, pixel_size_angstrom: float | None = None) -> ParticleSource:
    """Read particles from an array in memory, a memory map, or a lazy array.

    Parameters
    ----------
    images : (n, box, box) array of real numbers
        Anything with ``shape``, ``dtype`` and slicing along the first axis (numpy, h5py, zarr,
        dask); only the blocks being worked on are converted to float32.
    pixel_size_angstrom : float, optional

    Raises
    ------
    TypeError
        If ``images`` is not an array of real numbers.
    InputError
        If the shape is not (n, box, box) with n >= 1, or the pixel size is not positive.
    """
    return ArraySource(images, pixel_size_angstrom)
