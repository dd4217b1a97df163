"""Reads images from stack files, of which only some are open at a time.

Files are read, not mapped: a mapped file that shrinks, or whose disk fails, ends the process by a
signal; a read returns an error that can be worded, and tried again.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.errors import InputFileError
from cl2d.io.patience import patiently
from cl2d.io.regular_files import open_descriptor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io.stack_header import StackHeader

    Part = tuple[int, npt.NDArray[np.float32]]

# A file that another client of a network disk just renamed over may be missing for a moment.
_MAY_PASS = frozenset({errno.ENOENT})
_CONVERTED_BYTES = 1 << 24
_ROUNDING_NS = 2_000_000_000
"""File systems keep times in steps of up to two seconds, some only once a file left memory."""


class OpenStacks:
    """Stack files that are open for reading, least recently used closed first.

    Particles may be spread over thousands of files, and a process may often have only 1024 open.
    Safe to use from several threads; a copy sent to another process starts with no file open.

    Parameters
    ----------
    limit : int
        How many files stay open.
    """

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._descriptors: OrderedDict[Path, int] = OrderedDict()
        self._lock = threading.Lock()

    def read_into(self, header: StackHeader, parts: Sequence[Part]) -> None:
        """Fill arrays (n, y, x) float32, each with n consecutive images of a stack.

        Parameters
        ----------
        header : StackHeader
        parts : sequence of (first, images)
            Number of the first image, from 0, and the array.

        Raises
        ------
        InputFileError
            If the file is not the one, or not as long, as it was when the header was read.
        OSError
            If the disk fails, also when asked again some seconds later.
        """
        with self._lock:
            try:
                patiently(header.path, lambda: self._attempt(header, parts), _MAY_PASS)
            except (FileNotFoundError, PermissionError) as error:
                msg = f"{header.path}: cannot be read any more ({error.strerror})"
                raise InputFileError(msg) from error

    def close(self) -> None:
        """Close all files; they are opened again when asked for."""
        with self._lock:
            while self._descriptors:
                os.close(self._descriptors.popitem()[1])

    def __len__(self) -> int:
        """Return the number of open files."""
        return len(self._descriptors)

    def __del__(self) -> None:
        """Close all files."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)

    def __getstate__(self) -> dict[str, Any]:
        """Leave files and lock behind: neither can travel to another process."""
        return {"limit": self._limit}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Start afresh with the same limit."""
        self.__init__(state["limit"])  # type: ignore[misc]

    def _attempt(self, header: StackHeader, parts: Sequence[Part]) -> None:
        try:
            descriptor = self._descriptor(header)
            stored = header.stored_image()
            for first, images in parts:
                _read_images(descriptor, header, stored, first, images)
            # Asked afterwards: what was read is then known to be of the file that was opened.
            _refuse_changed(descriptor, header)
        except OSError:
            stale = self._descriptors.pop(header.path, None)
            if stale is not None:
                os.close(stale)
            raise

    def _descriptor(self, header: StackHeader) -> int:
        descriptor = self._descriptors.pop(header.path, None)
        if descriptor is None:
            # Make room before opening, so that the limit is never passed.
            while len(self._descriptors) >= self._limit:
                os.close(self._descriptors.popitem(last=False)[1])
            descriptor = open_descriptor(header.path)
        self._descriptors[header.path] = descriptor
        return descriptor


def _refuse_changed(descriptor: int, header: StackHeader) -> None:
    now = os.fstat(descriptor)
    if now.st_size != header.file_bytes:
        what = f"has {now.st_size} bytes, not {header.file_bytes} as when it was opened"
    elif header.modified_ns and abs(now.st_mtime_ns - header.modified_ns) > _ROUNDING_NS:
        what = "was written to since it was opened"
    else:
        return
    msg = f"{header.path}: must not change while it is read, but {what}"
    raise InputFileError(msg)


def _read_images(
    descriptor: int,
    header: StackHeader,
    stored: np.dtype[np.generic],
    first: int,
    images: npt.NDArray[np.float32],
) -> None:
    offset = header.data_offset + first * stored.itemsize
    as_is = header.bytes_before_image == 0 and header.dtype == np.float32
    if as_is and images.flags.c_contiguous:
        _read_whole(descriptor, header, offset, images)
        return
    length = max(1, _CONVERTED_BYTES // stored.itemsize)
    for start in range(0, len(images), length):
        part = images[start : start + length]
        raw = np.empty(len(part) * stored.itemsize, np.uint8)
        _read_whole(descriptor, header, offset + start * stored.itemsize, raw)
        part[...] = header.pixels_of(raw)


def _read_whole(
    descriptor: int, header: StackHeader, offset: int, into: npt.NDArray[np.generic]
) -> None:
    """Read as many bytes as an array has; one call may give fewer, and never more than 2 GiB."""
    rest = memoryview(into.data).cast("B")
    while rest:
        n_bytes = os.preadv(descriptor, [rest], offset)
        if n_bytes == 0:
            _refuse_changed(descriptor, header)
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(header.path))
        rest, offset = rest[n_bytes:], offset + n_bytes
