from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from cl2d.errors import InputError, InputFileError
from cl2d.io import open_particles, read_mrc_header, read_stack, write_stack


def _some_images(n: int = 3, box: int = 8) -> np.ndarray:
    return np.random.default_rng(4).normal(size=(n, box, box)).astype(np.float32)


def _foreign_stack(path: Path, images: np.ndarray) -> None:
    with mrcfile.new(path) as file:
        file.set_data(images)
        file.set_image_stack()


@pytest.mark.parametrize("n", [1, 5, 257])
def test_written_stack_comes_back_bit_for_bit(tmp_path: Path, n: int) -> None:
    images = _some_images(n)
    write_stack(tmp_path / "a.mrcs", images, 1.25)
    back = read_stack(tmp_path / "a.mrcs")
    assert back.dtype == np.float32
    assert back.shape == images.shape
    assert np.array_equal(back, images)
    assert read_mrc_header(tmp_path / "a.mrcs").pixel_size_angstrom == pytest.approx(1.25)


def test_mrcfile_reads_and_approves_what_is_written(tmp_path: Path) -> None:
    images = _some_images()
    path = tmp_path / "a.mrcs"
    write_stack(path, images, 1.25)
    assert mrcfile.validate(path)
    with mrcfile.open(path) as file:
        assert np.array_equal(file.data, images)
        assert file.is_image_stack()
        assert int(file.header.mode) == 2
        assert int(file.header.ispg) == 0
        assert file.voxel_size.x == pytest.approx(1.25)
        assert float(file.header.dmin) == images.min()
        assert float(file.header.dmax) == images.max()
        assert float(file.header.dmean) == pytest.approx(images.mean(), abs=1e-6)
        assert float(file.header.rms) == pytest.approx(images.std(), rel=1e-5)


def test_unknown_pixel_size_stays_unknown(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.mrcs", _some_images())
    assert read_mrc_header(tmp_path / "a.mrcs").pixel_size_angstrom is None


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "float16", "float32"])
def test_every_pixel_type_becomes_the_same_float32(tmp_path: Path, dtype: str) -> None:
    images = np.arange(2 * 6 * 6).reshape(2, 6, 6).astype(dtype)
    _foreign_stack(tmp_path / "a.mrcs", images)
    assert np.array_equal(read_stack(tmp_path / "a.mrcs"), images.astype(np.float32))


def _big_endian(path: Path, images: np.ndarray, stamp: bytes) -> None:
    _foreign_stack(path, images)
    raw = bytearray(path.read_bytes())
    header = np.frombuffer(bytes(raw[:1024]), mrcfile.dtypes.HEADER_DTYPE.newbyteorder("<"))
    raw[:1024] = header.astype(mrcfile.dtypes.HEADER_DTYPE.newbyteorder(">")).tobytes()
    raw[212:216] = stamp
    raw[1024:] = images.astype(images.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(raw)


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32"])
def test_big_endian_file_is_read(tmp_path: Path, dtype: str) -> None:
    images = np.arange(2 * 6 * 6).reshape(2, 6, 6).astype(dtype)
    _big_endian(tmp_path / "a.mrcs", images, b"\x11\x11\0\0")
    assert np.array_equal(read_stack(tmp_path / "a.mrcs"), images.astype(np.float32))


def test_wrong_machine_stamp_does_not_mislead(tmp_path: Path) -> None:
    images = _some_images()
    _big_endian(tmp_path / "a.mrcs", images, b"\x44\x44\0\0")
    assert np.array_equal(read_stack(tmp_path / "a.mrcs"), images)


def test_file_without_the_map_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mrcs"
    images = _some_images()
    write_stack(path, images)
    raw = bytearray(path.read_bytes())
    raw[208:216] = bytes(8)
    path.write_bytes(raw)
    assert np.array_equal(read_stack(path), images)


def test_extended_header_is_skipped(tmp_path: Path) -> None:
    images = _some_images()
    with mrcfile.new(tmp_path / "a.mrcs") as file:
        file.set_data(images)
        file.set_extended_header(np.zeros(96, "V1"))
    assert np.array_equal(read_stack(tmp_path / "a.mrcs"), images)


def test_truncated_file_is_named_with_both_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.mrcs"
    write_stack(path, _some_images(3, 8))
    path.write_bytes(path.read_bytes()[: 1024 + 300])
    with pytest.raises(
        InputFileError, match=r"a\.mrcs: must have 1792 bytes .* but has 1324 \(1 whole images\)"
    ):
        read_mrc_header(path)


def test_bytes_after_the_last_image_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.mrcs"
    images = _some_images()
    write_stack(path, images)
    path.write_bytes(path.read_bytes() + b"trailer")
    assert np.array_equal(read_stack(path), images)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mrcs", b"", "must hold an MRC header of 1024 bytes"),
        ("a.mrcs", b"version https://git-lfs" + b" " * 2000, "its header is neither"),
        ("a.stk", b"\x3f\x80" * 1000, "must be an MRC or SPIDER stack"),
        ("a.mrcs", b"\x1f\x8b" + bytes(2000), "must be unpacked first"),
    ],
)
def test_what_is_not_mrc_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputFileError, match=message):
        read_mrc_header(tmp_path / name)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"cannot be read \(No such file"):
        read_mrc_header(tmp_path / "a.mrcs")


def test_complex_pixels_are_refused(tmp_path: Path) -> None:
    _foreign_stack(tmp_path / "a.mrcs", np.ones((2, 4, 4), np.complex64))
    with pytest.raises(InputFileError, match="not mode 4"):
        read_mrc_header(tmp_path / "a.mrcs")


def test_cube_is_a_volume_unless_named_mrcs(tmp_path: Path) -> None:
    for name in ("a.mrc", "a.mrcs"):
        with mrcfile.new(tmp_path / name) as file:
            file.set_data(_some_images(8, 8))
    with pytest.raises(InputFileError, match=r"not a volume \(space group 1, 8 x 8 x 8\)"):
        read_mrc_header(tmp_path / "a.mrc")
    assert read_stack(tmp_path / "a.mrcs").shape == (8, 8, 8)


def test_stack_of_volumes_is_refused(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrcs") as file:
        file.set_data(np.ones((2, 4, 4, 4), np.float32))
    with pytest.raises(InputFileError, match="space group 401"):
        read_mrc_header(tmp_path / "a.mrcs")


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4), (1, 2, 4, 4)])
def test_only_stacks_can_be_written(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"images must have shape \(n, height, width\)"):
        write_stack(tmp_path / "a.mrcs", np.zeros(shape, np.float32))
    assert list(tmp_path.iterdir()) == []


def mapped_bytes() -> int:
    """Return the pages of mapped files that count as memory of this process."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    found = [int(line.split()[1]) for line in lines if line.startswith("RssFile:")]
    if not found:
        pytest.skip("the system does not tell of mapped pages")
    return found[0] * 1024


def test_pages_that_were_read_do_not_stay_in_the_memory_of_the_process(tmp_path):
    images = np.random.default_rng(0).normal(size=(2000, 64, 64)).astype(np.float32)
    write_stack(tmp_path / "stack.mrcs", images)
    source = open_particles(tmp_path / "stack.mrcs")
    before = mapped_bytes()
    for start in range(0, 2000, 500):
        np.testing.assert_array_equal(source.read(start, start + 500), images[start : start + 500])
    assert mapped_bytes() - before < images.nbytes / 2
