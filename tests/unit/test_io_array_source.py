from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cl2d.errors import InputError
from cl2d.io import array_source

if TYPE_CHECKING:
    from pathlib import Path

BOX = 6


def _images(n: int, first: int = 0) -> np.ndarray:
    """Return images whose value is their number."""
    numbers = np.arange(first, first + n, dtype=np.float32)
    return np.repeat(numbers, BOX * BOX).reshape(n, BOX, BOX)


def _values(images: np.ndarray) -> list[float]:
    assert (images == images[:, :1, :1]).all()
    return images[:, 0, 0].tolist()


class _Lazy:
    """Images made when asked for, as h5py, zarr or dask do."""

    shape = (9, BOX, BOX)
    dtype = np.dtype(np.int16)

    def __getitem__(self, rows: slice) -> np.ndarray:
        return _images(9)[rows].astype(np.int16)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint16", ">f4", "bool"])
def test_arrays_of_real_numbers_become_float32(dtype: str) -> None:
    images = _images(5).astype(dtype)
    source = array_source(images, 1.5)
    block = source.read(1, 4)
    assert block.dtype == np.float32
    assert block.flags.c_contiguous
    assert np.array_equal(block, images[1:4].astype(np.float32))
    assert (source.n_images, source.box_px, source.pixel_size_angstrom) == (5, BOX, 1.5)
    assert source.image_name(0) == "image 1"
    assert source.table is None


def test_lazy_and_mapped_arrays_are_read_in_blocks(tmp_path: Path) -> None:
    assert _values(array_source(_Lazy()).read(7, 9)) == [7, 8]
    np.save(tmp_path / "a.npy", _images(9))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    block = array_source(mapped).read(2, 4)
    assert type(block) is np.ndarray
    assert _values(block) == [2, 3]


def test_block_of_an_array_is_a_copy() -> None:
    images = _images(3)
    array_source(images).read(0, 3)[:] = 9
    assert _values(images) == [0, 1, 2]


def test_values_beyond_float32_become_infinite_without_a_warning() -> None:
    assert np.isinf(array_source(np.full((1, 2, 2), 1e300)).read(0, 1)).all()


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ([[[1.0]]], TypeError, r"images must be an array of shape \(n, box, box\), not list"),
        (None, TypeError, "not NoneType"),
        (np.zeros((2, 4, 4), complex), TypeError, "images must be real numbers .* not complex128"),
        (np.zeros((2, 4, 4), object), TypeError, "not object"),
        (np.zeros((4, 4)), InputError, r"images must have shape \(n, box, box\), not \(4, 4\)"),
        (np.zeros((2, 4, 5)), InputError, r"not \(2, 4, 5\)"),
        (np.zeros((1, 2, 4, 4)), InputError, r"not \(1, 2, 4, 4\)"),
        (np.zeros((0, 4, 4)), InputError, r"at least one image of one pixel, not have shape \(0,"),
        (np.zeros((2, 0, 0)), InputError, r"at least one image"),
    ],
)
def test_what_is_no_stack_of_square_images_is_refused(
    images: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        array_source(images)


@pytest.mark.parametrize("pixel_size", [0, -1.0, np.nan, np.inf])
def test_pixel_size_of_an_array_must_be_positive(pixel_size: float) -> None:
    with pytest.raises(InputError, match="pixel_size_angstrom must be positive"):
        array_source(_images(1), pixel_size)


def test_rows_outside_an_array_are_refused() -> None:
    with pytest.raises(IndexError, match="must lie within 0 to 3"):
        array_source(_images(3)).read(-1, 2)


def test_lazy_array_that_gives_other_images_than_it_promised_is_refused() -> None:
    class Short(_Lazy):
        shape = (10, BOX, BOX)

    class Small(_Lazy):
        shape = (9, BOX + 1, BOX + 1)

    with pytest.raises(InputError, match=r"images\[8:10\] must give shape \(2, 6, 6\), not \(1, "):
        array_source(Short()).read(8, 10)
    with pytest.raises(InputError, match=r"must give shape \(3, 7, 7\), not \(3, 6, 6\)"):
        array_source(Small()).read(0, 3)


def test_fingerprint_of_an_array_follows_its_content() -> None:
    one = array_source(_images(3)).fingerprint()
    assert array_source(_images(3)).fingerprint() == one
    assert array_source(_images(3) + 1).fingerprint() != one
    assert array_source(_images(3), 2.0).fingerprint() != one
