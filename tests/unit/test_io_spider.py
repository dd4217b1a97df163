"""SPIDER stacks: bytes where other programs look for them, and images back as they were."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cl2d.errors import InputError, InputFileError
from cl2d.io import open_particles, write_spider_stack, write_stack
from cl2d.io.stacks import read_stack_header

if TYPE_CHECKING:
    from pathlib import Path


def images(n: int, box: int) -> np.ndarray:
    return np.random.default_rng(box).normal(size=(n, box, box)).astype(np.float32)


def one_image_file(path: Path, image: np.ndarray, order: str = "<") -> None:
    """Write the single-image form by the words of the format's description."""
    height, width = image.shape
    rows = -(-1024 // (4 * width))
    words = np.zeros(rows * width, f"{order}f4")
    words[[0, 1, 2, 4, 11, 12, 21, 22]] = [
        1, height, rows + height, 1, width, rows, 4 * width * rows, 4 * width,
    ]  # fmt: skip
    path.write_bytes(words.tobytes() + image.astype(f"{order}f4").tobytes())


@pytest.mark.parametrize("box", [7, 64, 100, 256, 300])
@pytest.mark.parametrize("n", [1, 5])
def test_written_stack_comes_back_bit_for_bit(tmp_path: Path, n: int, box: int) -> None:
    stack = images(n, box)
    write_spider_stack(tmp_path / "a.stk", stack)
    source = open_particles(tmp_path / "a.stk")
    assert (source.n_images, source.box_px, source.pixel_size_angstrom) == (n, box, None)
    assert np.array_equal(source.read(0, n), stack)
    assert np.array_equal(source.read(n - 1, n), stack[n - 1 :])


def test_words_stand_where_the_format_puts_them(tmp_path: Path) -> None:
    stack = images(3, 100)
    write_spider_stack(tmp_path / "a.stk", stack)
    data = (tmp_path / "a.stk").read_bytes()
    header_bytes = 1200  # the first multiple of a row of 400 bytes that is 1024 or more
    assert len(data) == header_bytes + 3 * (header_bytes + 4 * 100 * 100)

    def word(number: int, start: int = 0) -> float:
        return struct.unpack_from("<f", data, start + 4 * (number - 1))[0]

    # Numbered from 1: slices, rows, records, form, columns, header rows, header and row bytes.
    shape = {1: 1, 2: 100, 3: 103, 5: 1, 12: 100, 13: 3, 22: 1200, 23: 400}
    assert {number: word(number) for number in shape} == shape
    assert word(24) > 0
    assert word(26) == 3
    second = header_bytes + (header_bytes + 40000)
    assert {number: word(number, second) for number in shape} == shape
    assert word(24, second) == 0
    assert word(27, second) == 2
    assert word(7, second) == stack[1].max()
    assert word(9, second) == pytest.approx(stack[1].mean(), rel=1e-6)
    assert np.array_equal(
        np.frombuffer(data, "<f4", 10000, second + header_bytes), stack[1].ravel()
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".spi", ".xmp", ".stk"])
def test_file_of_one_image_is_read_in_either_byte_order(
    tmp_path: Path, order: str, suffix: str
) -> None:
    image = images(1, 12)[0]
    path = tmp_path / f"a{suffix}"
    one_image_file(path, image, order)
    source = open_particles(path)
    assert source.n_images == 1
    assert np.array_equal(source.read(0, 1)[0], image)


def test_table_may_name_spider_and_mrc_files_and_single_images(tmp_path: Path) -> None:
    stack = images(6, 16)
    write_spider_stack(tmp_path / "a.stk", stack[:3])
    write_stack(tmp_path / "b.mrcs", stack[3:5])
    one_image_file(tmp_path / "c.xmp", stack[5])
    rows = "3@a.stk\n 1@b.mrcs\n c.xmp\n 1@a.stk\n 2@a.stk\n 000002@b.mrcs\n"
    (tmp_path / "a.xmd").write_text(f"# XMIPP_STAR_1 * \n# \ndata_noname\nloop_\n _image\n {rows}")
    source = open_particles(tmp_path / "a.xmd")
    assert np.array_equal(source.read(0, 6), stack[[2, 3, 5, 0, 1, 4]])


def test_truncated_stack_is_named_with_its_whole_images(tmp_path: Path) -> None:
    path = tmp_path / "a.stk"
    write_spider_stack(path, images(3, 16))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputFileError, match=r"a\.stk: .* \(2 whole images\); it is truncated"):
        open_particles(path)


@pytest.mark.parametrize(("number", "said"), [(0, "0"), (float("nan"), "nan")])
def test_stack_without_images_is_refused(tmp_path: Path, number: float, said: str) -> None:
    path = tmp_path / "a.stk"
    write_spider_stack(path, images(1, 16))
    data = bytearray(path.read_bytes())
    data[4 * 25 : 4 * 26] = struct.pack("<f", number)
    path.write_bytes(data)
    with pytest.raises(InputFileError, match=f"at least one image, not {said}"):
        open_particles(path)


def test_mrc_stacks_are_not_taken_for_spider(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.stk", images(2, 64), 1.5)
    assert read_stack_header(tmp_path / "a.stk").pixel_size_angstrom == pytest.approx(1.5)


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4)])
def test_only_stacks_are_written(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="images must have shape"):
        write_spider_stack(tmp_path / "a.stk", np.zeros(shape, np.float32))
    assert list(tmp_path.iterdir()) == []


def test_xmipp_metadata_package_reads_the_same_images(tmp_path: Path) -> None:
    package = pytest.importorskip("xmipp_metadata.image_handler", exc_type=ImportError)
    stack = images(4, 50)
    write_spider_stack(tmp_path / "a.stk", stack)
    handler = package.ImageHandler()
    handler.read(str(tmp_path / "a.stk"))
    assert np.array_equal(np.squeeze(handler.getData()), stack)
