"""Particles from arrays."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cl2d.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.io.particle_table import ParticleTable

FINGERPRINT_IMAGES = 64


class ArrayLike3D(Protocol):
    """The part of an array's interface that reading particles needs."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""

    @property
    def dtype(self) -> Any:
        """A numpy dtype."""

    def __getitem__(self, rows: slice, /) -> Any:
        """Return a block of images."""


def check_rows(start: int, stop: int, n_images: int) -> None:
    """Raise IndexError unless ``0 <= start <= stop <= n_images``."""
    if not 0 <= start <= stop <= n_images:
        msg = f"rows {start} to {stop} must lie within 0 to {n_images}"
        raise IndexError(msg)


def sample_rows(n_images: int) -> list[int]:
    """Return the rows, spread over all, whose pixels go into a fingerprint."""
    n_samples = min(n_images, FINGERPRINT_IMAGES)
    rows: list[int] = np.linspace(0, n_images - 1, n_samples).astype(np.int64).tolist()
    return rows


def to_float32(images: Any) -> npt.NDArray[np.float32]:
    """Return a fresh C-ordered float32 copy.

    float64 values beyond the range of float32 become infinite; such images are flagged later.
    """
    with np.errstate(over="ignore"):
        return np.array(images, dtype=np.float32, order="C")


def _check_images(images: Any) -> None:
    if not (hasattr(images, "shape") and hasattr(images, "dtype")):
        msg = f"images must be an array of shape (n, box, box), not {type(images).__name__}"
        raise TypeError(msg)
    if not isinstance(images.dtype, np.dtype) or images.dtype.kind not in "fiub":
        msg = f"images must be real numbers (a numpy dtype such as float32), not {images.dtype}"
        raise TypeError(msg)
    shape = tuple(images.shape)
    if len(shape) != 3 or shape[1] != shape[2]:
        msg = f"images must have shape (n, box, box), not {shape}"
        raise InputError(msg)
    if 0 in shape:
        msg = f"images must hold at least one image of one pixel, not have shape {shape}"
        raise InputError(msg)


class ArraySource:
    """Particles from anything with shape, dtype and slicing; see `array_source`."""

    def __init__(self, images: ArrayLike3D, pixel_size_angstrom: float | None = None) -> None:
        _check_images(images)
        if pixel_size_angstrom is not None and not (
            pixel_size_angstrom > 0 and math.isfinite(pixel_size_angstrom)
        ):
            msg = f"pixel_size_angstrom must be positive, not {pixel_size_angstrom}"
            raise InputError(msg)
        self._images = images
        self._pixel_size_angstrom = pixel_size_angstrom

    @property
    def n_images(self) -> int:
        """Number of particles."""
        return int(self._images.shape[0])

    @property
    def box_px(self) -> int:
        """Side of the images in pixels."""
        return int(self._images.shape[1])

    @property
    def pixel_size_angstrom(self) -> float | None:
        """Pixel size in Angstrom; None if unknown."""
        return self._pixel_size_angstrom

    @property
    def name(self) -> str:
        """What messages call this input."""
        return "array"

    @property
    def files(self) -> tuple[Path, ...]:
        """None: an array is in memory."""
        return ()

    @property
    def table(self) -> ParticleTable | None:
        """None: an array comes without a table."""
        return None

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return rows ``start`` to ``stop`` as a fresh (stop - start, box, box) array."""
        check_rows(start, stop, self.n_images)
        images = to_float32(self._images[start:stop])
        expected = (stop - start, self.box_px, self.box_px)
        if images.shape != expected:
            msg = f"images[{start}:{stop}] must give shape {expected}, not {images.shape}"
            raise InputError(msg)
        return images

    def image_name(self, row: int) -> str:
        """Return ``image 12`` for row 11."""
        return f"image {row + 1}"

    def fingerprint(self) -> str:
        """Return a sha256 (hex) of shape, type, pixel size and some of the pixels."""
        digest = hashlib.sha256()
        digest.update(
            repr((self._images.shape, str(self._images.dtype), self.pixel_size_angstrom)).encode()
        )
        for row in sample_rows(self.n_images):
            digest.update(self.read(row, row + 1).tobytes())
        return digest.hexdigest()
