"""SPIDER stacks and single images, as Xmipp writes them: 32-bit floats behind headers of floats.

A header is as many whole rows of pixels as are needed for 1024 bytes. A stack has one for the file
and one before each image; a file of one image has that of the image alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputError, InputFileError
from cl2d.io.atomic import atomic_path
from cl2d.io.stack_header import StackHeader

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    import numpy.typing as npt

    Words = npt.NDArray[np.float32]

HEADER_BYTES = 1024
_IMAGE_FORM = 1.0
_SMALLEST_STACK_MARK = 1.0
_LARGEST_SIDE_PX = 1 << 20
_MOST_IMAGES = 1 << 24
"""Floats count no further in steps of one."""
_STACK_MARK = 2.0

# Words of a header, counted from 0.
_N_SLICES, _HEIGHT, _N_RECORDS, _FORM, _HAS_STATISTICS = 0, 1, 2, 4, 5
_MAX, _MIN, _MEAN, _SPREAD = 6, 7, 8, 9
_WIDTH, _HEADER_ROWS, _HEADER_BYTES, _ROW_BYTES = 11, 12, 21, 22
_IS_STACK, _N_IMAGES, _IMAGE_NUMBER = 23, 25, 26


def header_bytes_of(width_px: int) -> int:
    """Return the length of a header: whole rows of pixels, 1024 bytes or more."""
    row_bytes = 4 * width_px
    return -(-HEADER_BYTES // row_bytes) * row_bytes


def spider_words(first_bytes: bytes) -> Words | None:
    """Return the words of a SPIDER header of images, in native order; None if it is none.

    Five words must agree with each other, so no other format is taken for this one.
    """
    if len(first_bytes) < HEADER_BYTES:
        return None
    for order in "<>":
        words = np.frombuffer(first_bytes[:HEADER_BYTES], f"{order}f4").astype(np.float32)
        with np.errstate(invalid="ignore"):
            sides = words[[_HEIGHT, _WIDTH]]
            is_header = (
                abs(words[_N_SLICES]) == 1
                and words[_FORM] == _IMAGE_FORM
                and (sides == np.floor(sides)).all()
                and sides.min() >= 1
                and sides.max() <= _LARGEST_SIDE_PX
                and words[_HEADER_BYTES] == header_bytes_of(int(words[_WIDTH]))
            )
        if is_header:
            return words
    return None


def spider_header(path: Path, first_bytes: bytes, file_bytes: int) -> StackHeader | None:
    """Return the header of a SPIDER stack or of a file of one image; None if it is another file.

    Parameters
    ----------
    path : Path
    first_bytes : bytes, at least ``HEADER_BYTES`` of them
    file_bytes : int, size of the whole file

    Raises
    ------
    InputFileError
        If it has no images or is truncated.
    """
    words = spider_words(first_bytes)
    if words is None:
        return None
    is_stack = words[_IS_STACK] >= _SMALLEST_STACK_MARK
    n_images = words[_N_IMAGES] if is_stack else np.float32(1)
    if n_images > _MOST_IMAGES:
        msg = f"{path}: a SPIDER stack must have at most {_MOST_IMAGES} images, not {n_images:g}"
        raise InputFileError(msg)
    if not n_images >= 1:
        msg = f"{path}: a SPIDER stack must have at least one image, not {n_images:g}"
        raise InputFileError(msg)
    if n_images != np.floor(n_images):
        msg = f"{path}: a SPIDER stack must have a whole number of images, not {n_images:g}"
        raise InputFileError(msg)
    order = "<" if np.frombuffer(first_bytes[:4], "<f4")[0] == words[_N_SLICES] else ">"
    width_px = int(words[_WIDTH])
    header_bytes = header_bytes_of(width_px)
    header = StackHeader(
        path=path,
        n_images=int(n_images),
        height_px=int(words[_HEIGHT]),
        width_px=width_px,
        dtype=np.dtype(f"{order}f4"),
        data_offset=header_bytes if is_stack else 0,
        file_bytes=file_bytes,
        pixel_size_angstrom=None,
        bytes_before_image=header_bytes,
    )
    header.check_file_size()
    return header


def write_spider_stack(path: str | Path, images: npt.NDArray[np.floating]) -> None:
    """Write a stack of 32-bit floats; it appears whole or not at all.

    The format has no place for a pixel size.

    Parameters
    ----------
    path : str or Path
    images : (n, y, x) array, 1 <= n <= 2**24; converted to float32 image by image

    Raises
    ------
    InputError
        If ``images`` has another shape.
    """
    if len(images.shape) != 3 or 0 in images.shape or len(images) > _MOST_IMAGES:
        msg = (
            f"images must have shape (n, height, width) with n from 1 to {_MOST_IMAGES}, "
            f"not {images.shape}"
        )
        raise InputError(msg)
    n_images, height_px, width_px = images.shape
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        _write_header(stream, height_px, width_px, {_IS_STACK: _STACK_MARK, _N_IMAGES: n_images})
        for number, image in enumerate(images, 1):
            pixels = np.ascontiguousarray(image, dtype="<f4")
            own = {_IMAGE_NUMBER: number, _HAS_STATISTICS: 1.0, **_statistics(pixels)}
            _write_header(stream, height_px, width_px, own)
            stream.write(pixels.data)


def _statistics(pixels: Words) -> dict[int, float]:
    return {
        _MAX: float(pixels.max()),
        _MIN: float(pixels.min()),
        _MEAN: float(pixels.mean(dtype=np.float64)),
        _SPREAD: float(pixels.std(dtype=np.float64)),
    }


def _write_header(stream: BinaryIO, height_px: int, width_px: int, own: dict[int, float]) -> None:
    n_bytes = header_bytes_of(width_px)
    words = np.zeros(n_bytes // 4, "<f4")
    header_rows = n_bytes // (4 * width_px)
    words[[_N_SLICES, _FORM]] = 1.0, _IMAGE_FORM
    words[[_HEIGHT, _WIDTH]] = height_px, width_px
    words[[_HEADER_ROWS, _N_RECORDS]] = header_rows, header_rows + height_px
    words[[_HEADER_BYTES, _ROW_BYTES]] = n_bytes, 4 * width_px
    for word, value in own.items():
        words[word] = value
    stream.write(words.data)
