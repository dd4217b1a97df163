from __future__ import annotations

import pickle
import resource
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cl2d.errors import InputFileError
from cl2d.io import open_particles, write_stack
from tests.particle_files import BOX, numbered_images, write_table

if TYPE_CHECKING:
    from collections.abc import Iterator

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"


def _values(images: np.ndarray) -> list[float]:
    assert (images == images[:, :1, :1]).all()
    return images[:, 0, 0].tolist()


def test_rows_of_several_stacks_come_in_table_order(two_stacks: Path) -> None:
    names = ["3@b.mrcs", "000001@a.mrcs", "2@b.mrcs", "4@a.mrcs", "1@a.mrcs"]
    source = open_particles(write_table(two_stacks, names))
    assert source.n_images == 5
    assert source.box_px == BOX
    assert _values(source.read(0, 5)) == [102, 0, 101, 3, 0]
    assert _values(source.read(1, 3)) == [0, 101]
    assert source.read(2, 2).shape == (0, BOX, BOX)
    assert source.read(0, 1).dtype == np.float32
    assert source.image_name(1) == "000001@a.mrcs"
    assert source.name.endswith("particles.star")


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (["2@a.mrcs", "3@a.mrcs", "4@a.mrcs"], [1, 2, 3]),
        (["1@a.mrcs", "1@a.mrcs", "3@a.mrcs"], [0, 0, 2]),
        (["2@a.mrcs", "1@b.mrcs", "3@a.mrcs", "2@b.mrcs"], [1, 100, 2, 101]),
    ],
    ids=["in a row", "twice and a gap", "in turn"],
)
def test_rows_in_a_row_and_others_are_read(
    two_stacks: Path, names: list[str], values: list[float]
) -> None:
    source = open_particles(write_table(two_stacks, names))
    assert _values(source.read(0, len(names))) == values


def test_blocks_are_fresh_arrays(two_stacks: Path) -> None:
    for path in (write_table(two_stacks, ["1@a.mrcs"]), two_stacks / "a.mrcs"):
        source = open_particles(path)
        source.read(0, 1)[:] = 7
        assert _values(source.read(0, 1)) == [0]


def test_rows_outside_the_table_are_refused(two_stacks: Path) -> None:
    for path in (write_table(two_stacks, ["1@a.mrcs"]), two_stacks / "a.mrcs"):
        source = open_particles(path)
        with pytest.raises(IndexError, match="rows 0 to 5 must lie within"):
            source.read(0, 5)


def test_bare_stack_is_a_source(two_stacks: Path) -> None:
    source = open_particles(two_stacks / "b.mrcs")
    assert source.table is None
    assert source.pixel_size_angstrom == pytest.approx(2.0)
    assert _values(source.read(1, 3)) == [101, 102]
    assert source.image_name(1) == f"000002@{two_stacks / 'b.mrcs'}"


def test_file_of_unknown_suffix_is_told_by_content(two_stacks: Path) -> None:
    table = write_table(two_stacks, ["2@a.mrcs"]).rename(two_stacks / "particles.txt")
    stack = (two_stacks / "b.mrcs").rename(two_stacks / "b.dat")
    assert open_particles(table).table is not None
    assert open_particles(stack).n_images == 3


def test_image_without_a_number_is_the_first(two_stacks: Path) -> None:
    assert _values(open_particles(write_table(two_stacks, ["b.mrcs"])).read(0, 1)) == [100]


def test_format_appended_to_a_name_is_understood(two_stacks: Path) -> None:
    names = ["2@a.mrcs:mrcs", "1@b.mrcs:mrc"]
    assert _values(open_particles(write_table(two_stacks, names)).read(0, 2)) == [1, 100]


def test_working_directory_comes_before_the_folder_of_the_table(
    two_stacks: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("project")
    write_stack(elsewhere / "a.mrcs", numbered_images(4, first=50))
    path = write_table(two_stacks, ["1@a.mrcs", "1@b.mrcs"])
    monkeypatch.chdir(elsewhere)
    source = open_particles(path)
    assert _values(source.read(0, 2)) == [50, 100]
    monkeypatch.chdir(two_stacks)
    assert _values(source.read(0, 2)) == [50, 100]


def test_pixels_are_found_after_the_working_directory_changed(
    two_stacks: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(two_stacks)
    write_table(two_stacks, ["2@a.mrcs"])
    source = open_particles("particles.star")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert _values(source.read(0, 1)) == [1]


def test_missing_stacks_are_counted_and_listed(two_stacks: Path) -> None:
    path = write_table(two_stacks, ["1@a.mrcs", "1@no.mrcs", "2@no.mrcs", "1@nor.mrcs"])
    message = (
        r"particles\.star: 2 of 3 stack files cannot be found: 'no\.mrcs' \(row 2\), "
        r"'nor\.mrcs' \(row 4\); looked in the working directory"
    )
    with pytest.raises(InputFileError, match=message):
        open_particles(path)


def test_project_directory_that_has_the_stacks_is_suggested(two_stacks: Path) -> None:
    job = two_stacks / "Extract" / "job012"
    job.mkdir(parents=True)
    write_stack(job / "a.mrcs", numbered_images(1))
    path = write_table(job, ["1@Extract/job012/a.mrcs"])
    with pytest.raises(InputFileError, match=f"{two_stacks} has it: run from there"):
        open_particles(path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["1@a.mrcs", "5@a.mrcs"],
            r"row 2 of data_particles names image 5 of .*a\.mrcs, which has only 4 \(1 such rows\)",
        ),
        (["1@a.mrcs", "0@a.mrcs"], r"row 2 .* counted from 1, not '0@a\.mrcs'"),
        (["x@a.mrcs"], r"row 1 .* rlnImageName must be number@stack"),
        (["-1@a.mrcs"], r"row 1 .* not '-1@a\.mrcs'"),
        (["1@"], r"row 1 .* not '1@'"),
    ],
)
def test_wrong_image_name_is_refused_with_its_row(
    two_stacks: Path, names: list[str], message: str
) -> None:
    with pytest.raises(InputFileError, match=message):
        open_particles(write_table(two_stacks, names))


def test_truncated_stack_is_found_at_opening(two_stacks: Path) -> None:
    stack = two_stacks / "b.mrcs"
    stack.write_bytes(stack.read_bytes()[:-1])
    with pytest.raises(InputFileError, match=r"b\.mrcs: must have 1456 bytes .* but has 1455"):
        open_particles(write_table(two_stacks, ["1@a.mrcs", "1@b.mrcs"]))


def test_several_boxes_are_refused_with_examples(two_stacks: Path) -> None:
    write_stack(two_stacks / "c.mrcs", np.zeros((1, 8, 8), np.float32))
    path = write_table(two_stacks, ["1@a.mrcs", "1@b.mrcs", "1@c.mrcs"])
    message = r"one box size, not 2: 6 x 6 px in 2 files \(e\.g\. .*a\.mrcs\); 8 x 8 px in 1 file "
    with pytest.raises(InputFileError, match=message):
        open_particles(path)


def test_images_that_are_not_square_are_refused(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.mrcs", np.zeros((1, 8, 6), np.float32))
    for path in (write_table(tmp_path, ["1@a.mrcs"]), tmp_path / "a.mrcs"):
        with pytest.raises(InputFileError, match="images must be square, not 6 x 8 px"):
            open_particles(path)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nothing.star", "does not exist"),
        (".", "must be a file"),
        ("a.cs", r"must be a whole cryoSPARC dataset"),
    ],
)
def test_what_cannot_be_opened_is_said(tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "a.cs").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputFileError, match=message):
        open_particles(tmp_path / path)


def test_block_of_an_xmipp_file_is_chosen_by_its_address(two_stacks: Path) -> None:
    blocks = "data_c1\nloop_\n _image\n 1@a.mrcs\ndata_c2\nloop_\n _image\n 2@a.mrcs\n"
    (two_stacks / "a.xmd").write_text("# XMIPP_STAR_1 * \n# \n" + blocks)
    source = open_particles(f"c2@{two_stacks / 'a.xmd'}")
    assert _values(source.read(0, 1)) == [1]
    assert source.image_name(0) == "2@a.mrcs"


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_particles_over_many_files_open_and_read_within_few_descriptors(
    tmp_path: Path, few_descriptors: int
) -> None:
    n_files, per_file = 3 * few_descriptors, 50
    write_stack(tmp_path / "0.mrcs", numbered_images(per_file))
    for k in range(1, n_files):
        shutil.copyfile(tmp_path / "0.mrcs", tmp_path / f"{k}.mrcs")
    names = [f"{i + 1}@{k}.mrcs" for k in range(n_files) for i in range(per_file)]
    path = write_table(tmp_path, names)
    source = open_particles(path)
    expected = np.tile(np.arange(per_file), n_files).tolist()
    step = 7001
    values = [
        value
        for first in range(0, source.n_images, step)
        for value in _values(source.read(first, min(first + step, source.n_images)))
    ]
    assert values == expected


def test_sources_travel_to_other_processes(two_stacks: Path) -> None:
    for path in (write_table(two_stacks, ["1@b.mrcs", "2@b.mrcs"]), two_stacks / "b.mrcs"):
        source = open_particles(path)
        source.read(0, 1)
        assert _values(pickle.loads(pickle.dumps(source)).read(0, 2)) == [100, 101]


def test_fingerprint_follows_content_and_not_place(two_stacks: Path, tmp_path: Path) -> None:
    path = write_table(two_stacks, ["1@a.mrcs", "2@a.mrcs"])
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("particles.star", "a.mrcs"):
        shutil.copy(two_stacks / name, moved / name)
    for name in ("particles.star", "a.mrcs"):
        fingerprint = open_particles(two_stacks / name).fingerprint()
        assert len(fingerprint) == 64
        assert open_particles(moved / name).fingerprint() == fingerprint
    before = [open_particles(p).fingerprint() for p in (path, two_stacks / "a.mrcs")]
    write_stack(two_stacks / "a.mrcs", numbered_images(4) + 1, 2.0)
    after = [open_particles(p).fingerprint() for p in (path, two_stacks / "a.mrcs")]
    assert set(before).isdisjoint(after)


def test_fingerprint_tells_other_rows(two_stacks: Path) -> None:
    one = open_particles(write_table(two_stacks, ["1@a.mrcs", "2@a.mrcs"])).fingerprint()
    assert open_particles(write_table(two_stacks, ["2@a.mrcs", "1@a.mrcs"])).fingerprint() != one


@pytest.mark.skipif(not REAL.is_dir(), reason="real data not at hand")
@pytest.mark.parametrize(
    ("name", "n_images", "pixel_size"),
    [("apof64_i8", 2685, 3.0), ("betagal64_i8_3000", 3000, 4.425)],
)
def test_real_particles_are_those_of_their_stack(
    name: str, n_images: int, pixel_size: float
) -> None:
    source = open_particles(REAL / f"{name}.star")
    stack = open_particles(REAL / f"{name}.mrcs")
    assert (source.n_images, source.box_px) == (stack.n_images, stack.box_px) == (n_images, 64)
    assert source.pixel_size_angstrom == pytest.approx(pixel_size)
    assert np.array_equal(source.read(100, 400), stack.read(100, 400))
    assert source.read(0, 50).std() > 5
