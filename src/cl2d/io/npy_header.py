"""The header of an array in numpy's format, believed only if the file has as many bytes."""

from __future__ import annotations

import math
import tokenize
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

MALFORMED_ARRAY = (
    *(ValueError, OSError, EOFError, TypeError, LookupError, AttributeError, SyntaxError),
    *(OverflowError, RecursionError, MemoryError, tokenize.TokenError),
)
"""What numpy raises for headers that are none."""

_MOST_HEADER_BYTES = 1 << 20
"""A header has some 40 bytes a field."""

_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,
}


class NpyHeader(NamedTuple):
    """What a header says of the array behind it."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """Bytes of the array; numpy's own product may overflow."""
        return math.prod(self.shape) * self.dtype.itemsize

    def array(self, content: bytes, offset: int) -> npt.NDArray[Any]:
        """Return the array that begins at an offset."""
        flat = np.frombuffer(content, self.dtype, math.prod(self.shape), offset)
        return flat.reshape(self.shape, order="F" if self.fortran_order else "C").copy()


def read_npy_header(stream: BinaryIO, n_bytes: int) -> NpyHeader:
    """Read the header of a file of a known length, and leave the stream behind it.

    Raises
    ------
    ValueError
        If the array holds Python objects, or is not all there.
    MALFORMED_ARRAY
        If there is no such header.
    """
    version = np.lib.format.read_magic(stream)
    # Numpy warns of headers that it takes for those of an old Python; they are read all the same.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        header = NpyHeader(*_READERS[version](stream, max_header_size=_MOST_HEADER_BYTES))
    if header.dtype.hasobject:
        msg = "it holds Python objects"
        raise ValueError(msg)
    there = n_bytes - stream.tell()
    if min(header.shape, default=0) < 0 or header.n_bytes > there:
        msg = f"an array of shape {header.shape} does not fit in its {there} bytes"
        raise ValueError(msg)
    return header
