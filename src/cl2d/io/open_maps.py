"""A bounded set of open memory maps, for particles spread over thousands of stack files."""

from __future__ import annotations

import mmap
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io.stack_header import StackHeader


class OpenMaps:
    """Memory maps of stack files, least recently used closed first.

    Every map keeps a file descriptor, and a process may often have only 1024 of them. Safe to
    use from several threads; a copy sent to another process starts with no map open.

    Parameters
    ----------
    limit : int
        How many files stay open.
    """

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._maps: OrderedDict[Path, npt.NDArray[np.generic]] = OrderedDict()
        self._lock = threading.Lock()

    def pixels(self, header: StackHeader) -> npt.NDArray[np.generic]:
        """Return the map (n, y, x) of a file; it closes when evicted and no longer in use."""
        with self._lock:
            pixels = self._maps.pop(header.path, None)
            if pixels is None:
                # Make room before opening, so that the limit is never passed.
                while len(self._maps) >= self._limit:
                    self._maps.popitem(last=False)
                pixels = header.map_pixels()
            self._maps[header.path] = pixels
            return pixels

    def release_pages(self) -> None:
        """Let go of all pages that were read through the maps.

        They stay in the file cache of the system, but are no longer counted as memory of this
        process, which a scheduler may end for them.
        """
        with self._lock:
            for pixels in self._maps.values():
                _release_pages(pixels)

    def __len__(self) -> int:
        """Return the number of open maps."""
        return len(self._maps)

    def __getstate__(self) -> dict[str, Any]:
        """Leave maps and lock behind: neither can travel to another process."""
        return {"limit": self._limit}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Start afresh with the same limit."""
        self.__init__(state["limit"])  # type: ignore[misc]


def _release_pages(pixels: npt.NDArray[np.generic]) -> None:
    base: object = pixels
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
