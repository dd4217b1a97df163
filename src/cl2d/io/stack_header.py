"""What is known of a stack file before its pixels are read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.patience import patiently
from cl2d.io.regular_files import open_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@dataclass(frozen=True)
class StackHeader:
    """What the header of a stack says, checked against the size of the file.

    Attributes
    ----------
    path : Path
    n_images, height_px, width_px : int
    dtype : numpy dtype of the pixels in the file, byte order included
    data_offset : int, bytes before the first image
    file_bytes : int
    pixel_size_angstrom : float, as the header states it, or None if it does not
    bytes_before_image : int, header that each image has of its own, before its pixels
    modified_ns : int, when the file was last written to, in nanoseconds; 0 if that is not known
    """

    path: Path
    n_images: int
    height_px: int
    width_px: int
    dtype: np.dtype[np.generic]
    data_offset: int
    file_bytes: int
    pixel_size_angstrom: float | None
    bytes_before_image: int = 0
    modified_ns: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (n, y, x) of the pixels."""
        return self.n_images, self.height_px, self.width_px

    def checked_pixel_size(self) -> float | None:
        """Return the pixel size in Angstrom, None if the header does not tell.

        Raises
        ------
        InputFileError
            If it is not positive.
        """
        size = self.pixel_size_angstrom
        if size is not None and not 0 < size < math.inf:
            msg = (
                f"{self.path}: the pixel size of the header must be positive, or 0 if it is not "
                f"known, not {size:g}"
            )
            raise InputFileError(msg)
        return size

    def stored_image(self) -> np.dtype[np.generic]:
        """Return the type of one image as the file has it, without a header of its own if none."""
        if self.bytes_before_image == 0:
            return np.dtype((self.dtype, self.shape[1:]))
        before = f"V{self.bytes_before_image}"
        return np.dtype([("header", before), ("pixels", self.dtype, self.shape[1:])])

    def pixels_of(self, stored: npt.NDArray[np.uint8]) -> npt.NDArray[np.generic]:
        """Return the pixels (n, y, x) among the bytes of some images, in the type of the file."""
        if self.bytes_before_image == 0:
            return stored.view(self.dtype).reshape(-1, *self.shape[1:])
        pixels: npt.NDArray[np.generic] = stored.view(self.stored_image())["pixels"]
        return pixels

    def check_file_size(self) -> None:
        """Raise InputFileError if the file is too short for its images."""
        image_bytes = self.height_px * self.width_px * self.dtype.itemsize + self.bytes_before_image
        expected = self.data_offset + self.n_images * image_bytes
        if self.file_bytes < expected:
            whole = max(0, self.file_bytes - self.data_offset) // image_bytes
            msg = (
                f"{self.path}: must have {expected} bytes for its {self.n_images} images of "
                f"{self.width_px} x {self.height_px} px, but has {self.file_bytes} "
                f"({whole} whole images); it is truncated"
            )
            raise InputFileError(msg)


def first_bytes_and_size(path: Path, n_bytes: int) -> tuple[bytes, int]:
    """Return the beginning of a file and the number of bytes of the whole.

    Raises
    ------
    InputFileError
        If the file cannot be read.
    """

    def read() -> tuple[bytes, int]:
        with open_file(path) as stream:
            return stream.read(n_bytes), stream.seek(0, 2)

    try:
        return patiently(path, read)
    except InputFileError:
        raise
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})"
        raise InputFileError(msg) from error
