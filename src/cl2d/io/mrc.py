"""MRC stacks of images: strict headers, float32 pixels.

mrcfile defines the header layout and the byte orders. Its reader is not used for the pixels,
because it gives a one-image stack back as a 2-D array, gives None for a truncated file in
permissive mode and refuses files without the "MAP " mark, which older programs write.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE  # type: ignore[import-untyped]

from cl2d.errors import InputError, InputFileError
from cl2d.io.atomic import atomic_path
from cl2d.io.open_stacks import OpenStacks
from cl2d.io.regular_files import is_packed
from cl2d.io.stack_header import StackHeader, first_bytes_and_size

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy.typing as npt

HEADER_BYTES = 1024
_MARK = slice(208, 211)
_DTYPE_OF_MODE = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_KNOWN_MODES = frozenset(_DTYPE_OF_MODE) | {3, 4, 101}
_LARGEST_SIDE_PX = 1 << 20
_VOLUME_STACK_SPACE_GROUPS = range(401, 631)
_IMAGES_PER_WRITE = 256


def _plausible(header: np.void) -> bool:
    sides = [int(header[name]) for name in ("nx", "ny", "nz")]
    return (
        int(header["mode"]) in _KNOWN_MODES
        and min(sides) > 0
        and max(sides[:2]) <= _LARGEST_SIDE_PX
        and int(header["nsymbt"]) >= 0
    )


def _refuse_wrong_field(path: Path, header: np.void) -> None:
    """Name the first value of an MRC header that cannot be."""
    for name in ("nx", "ny", "nz"):
        side = int(header[name])
        if side <= 0:
            msg = f"{path}: {name} of the MRC header must be positive, not {side}"
            raise InputFileError(msg)
        if name != "nz" and side > _LARGEST_SIDE_PX:
            msg = f"{path}: {name} of the MRC header must be at most {_LARGEST_SIDE_PX}, not {side}"
            raise InputFileError(msg)
    if int(header["nsymbt"]) < 0:
        msg = f"{path}: nsymbt of the MRC header must be 0 or more, not {header['nsymbt']}"
        raise InputFileError(msg)


def _refuse_mode(path: Path, mode: int) -> None:
    msg = (
        f"{path}: pixels must be float32, float16, int16, uint16 or int8 "
        f"(MRC mode 2, 12, 1, 6, 0), not mode {mode}"
    )
    raise InputFileError(msg)


def _refuse_non_mrc(path: Path, first_bytes: bytes) -> None:
    if is_packed(first_bytes):
        msg = f"{path}: must be unpacked first; compressed stacks cannot be read image by image"
        raise InputFileError(msg)
    if first_bytes[_MARK] == b"MAP":
        by_stamp = _headers(first_bytes)
        header = next((raw for raw in by_stamp if int(raw["mode"]) in _KNOWN_MODES), by_stamp[0])
        _refuse_wrong_field(path, header)
        _refuse_mode(path, int(header["mode"]))
    msg = f"{path}: must be an MRC or SPIDER stack, but its header is neither"
    raise InputFileError(msg)


def _headers(first_bytes: bytes) -> list[np.void]:
    """Return the header in either byte order, that of the machine stamp first."""
    orders = "><" if first_bytes[212:213] == b"\x11" else "<>"
    return [np.frombuffer(first_bytes, HEADER_DTYPE.newbyteorder(order))[0] for order in orders]


def _decode_header(path: Path, first_bytes: bytes) -> np.void:
    """Return the header in the byte order that makes sense.

    The machine stamp decides only between two orders that both make sense (mode 0), because
    files with a wrong or empty stamp are common.
    """
    if len(first_bytes) < HEADER_BYTES and not is_packed(first_bytes):
        msg = f"{path}: must hold an MRC header of {HEADER_BYTES} bytes, but is shorter"
        raise InputFileError(msg)
    for header in _headers(first_bytes.ljust(HEADER_BYTES, b"\0")):
        if _plausible(header):
            return header
    _refuse_non_mrc(path, first_bytes)
    raise AssertionError  # pragma: no cover - the line above always raises


def _refuse_volume(path: Path, header: np.void, *, is_stack: bool) -> None:
    space_group = int(header["ispg"])
    sides = {int(header[name]) for name in ("nx", "ny", "nz")}
    is_cube = len(sides) == 1 and max(sides) > 1 and int(header["mz"]) == int(header["nz"])
    # Stacks written without mrcfile's set_image_stack() also say space group 1, so only a cube
    # in a file that is not named .mrcs is taken for a volume.
    if space_group in _VOLUME_STACK_SPACE_GROUPS or (space_group == 1 and is_cube and not is_stack):
        msg = (
            f"{path}: must be a stack of images, not a volume (space group {space_group}, "
            f"{header['nx']} x {header['ny']} x {header['nz']}); name it .mrcs if it is a stack"
        )
        raise InputFileError(msg)


def _pixel_size(header: np.void) -> float | None:
    if int(header["mx"]) <= 0:
        return None
    return float(header["cella"]["x"]) / int(header["mx"]) or None


def read_mrc_header(path: str | Path, *, is_stack: bool = False) -> StackHeader:
    """Read and check the header of a stack without touching its pixels.

    Parameters
    ----------
    path : str or Path
        MRC file with pixels of mode 0 (int8), 1 (int16), 2 (float32), 6 (uint16) or 12 (float16),
        either byte order. Extra bytes after the last image are tolerated.
    is_stack : bool
        Whether it is known that the file is no volume, as of every one that is named .mrcs.

    Raises
    ------
    InputFileError
        If the file is missing, not MRC, compressed, a volume, of another mode, or truncated.
    """
    path = Path(path)
    return mrc_header(path, *first_bytes_and_size(path, HEADER_BYTES), is_stack=is_stack)


def mrc_header(
    path: Path, first_bytes: bytes, file_bytes: int, *, is_stack: bool = False
) -> StackHeader:
    """Return the header of a stack whose first bytes and size are known; see `read_mrc_header`."""
    raw = _decode_header(path, first_bytes)
    mode = int(raw["mode"])
    if mode not in _DTYPE_OF_MODE:
        _refuse_mode(path, mode)
    _refuse_volume(path, raw, is_stack=is_stack or path.suffix == ".mrcs")
    header = StackHeader(
        path=path,
        n_images=int(raw["nz"]),
        height_px=int(raw["ny"]),
        width_px=int(raw["nx"]),
        dtype=np.dtype(_DTYPE_OF_MODE[mode]).newbyteorder(raw.dtype["nx"].byteorder),
        data_offset=HEADER_BYTES + int(raw["nsymbt"]),
        file_bytes=file_bytes,
        pixel_size_angstrom=_pixel_size(raw),
    )
    header.check_file_size()
    return header


def read_stack(path: str | Path) -> npt.NDArray[np.float32]:
    """Read a whole stack.

    Returns
    -------
    (n, y, x) float32, a fresh array; a file with one image gives n = 1.

    Raises
    ------
    InputFileError
        As `read_mrc_header`.
    """
    header = read_mrc_header(path)
    images = np.empty(header.shape, np.float32)
    OpenStacks(1).read_into(header, [(0, images)])
    return images


def _stack_header(
    shape: tuple[int, int, int], pixel_size_angstrom: float | None
) -> npt.NDArray[np.void]:
    header: npt.NDArray[np.void] = np.zeros((), HEADER_DTYPE.newbyteorder("<"))
    n_images, height, width = shape
    header["nx"], header["ny"], header["nz"], header["mode"] = width, height, n_images, 2
    # Sampling of one image: mz = 1 with space group 0 is what says "stack, not volume".
    header["mx"], header["my"], header["mz"], header["ispg"] = width, height, 1, 0
    if pixel_size_angstrom is not None:
        header["cella"] = (pixel_size_angstrom * width, pixel_size_angstrom * height, 0)
    header["cellb"] = (90, 90, 90)
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["nversion"], header["map"] = 20141, b"MAP "
    header["machst"] = (0x44, 0x44, 0, 0)
    return header


def _stream_pixels(
    stream: BinaryIO, images: npt.NDArray[np.floating], header: npt.NDArray[np.void]
) -> None:
    """Write the pixels block by block and put their statistics into ``header``."""
    low, high, total, squares, n_pixels = np.inf, -np.inf, 0.0, 0.0, 0
    for start in range(0, len(images), _IMAGES_PER_WRITE):
        block = np.ascontiguousarray(images[start : start + _IMAGES_PER_WRITE], dtype="<f4")
        stream.write(block.data)
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        total += float(block.sum(dtype=np.float64))
        squares += float(np.square(block, dtype=np.float64).sum())
        n_pixels += block.size
    mean = total / n_pixels
    header["dmin"], header["dmax"], header["dmean"] = low, high, mean
    header["rms"] = np.sqrt(max(0.0, squares / n_pixels - mean * mean))


def write_stack(
    path: str | Path, images: npt.NDArray[np.floating], pixel_size_angstrom: float | None = None
) -> None:
    """Write a stack as MRC mode 2 (float32), space group 0; it appears whole or not at all.

    Parameters
    ----------
    path : str or Path
    images : (n, y, x) array, n >= 1; converted to float32 in blocks, so a memory map will do
    pixel_size_angstrom : float, optional
        Left as 0, meaning unknown, when None.

    Raises
    ------
    InputError
        If ``images`` has another shape.
    """
    if len(images.shape) != 3 or 0 in images.shape:
        msg = f"images must have shape (n, height, width) with n >= 1, not {images.shape}"
        raise InputError(msg)
    n_images, height, width = images.shape
    header = _stack_header((n_images, height, width), pixel_size_angstrom)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(bytes(HEADER_BYTES))
        _stream_pixels(stream, images, header)
        stream.seek(0)
        stream.write(header.tobytes())
