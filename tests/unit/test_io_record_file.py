"""Records in files: what is read is what was written, or the file is refused."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cl2d.errors import InputFileError
from cl2d.io.record_file import CONTENTS, DamagedFileError, read_records, write_records

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Inner:
    name: str
    values: Any


@dataclass(frozen=True)
class Outer:
    inner: tuple[Inner, ...]
    number: float
    nothing: None = None
    flag: bool = True


TYPES = (Inner, Outer)


def outer() -> Outer:
    shared = np.arange(6, dtype=np.int32).reshape(2, 3)
    complexes = np.array([1 + 2j, np.nan], dtype=np.complex128)
    parts = (Inner("one", shared), Inner("two", shared), Inner("ü\n", complexes))
    return Outer(parts, 0.1 + 0.2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.npz"
    write_records(path, {"version": "1"}, outer())
    return path


def test_records_are_read_as_they_were_written(file):
    header, found = read_records(file, TYPES)
    assert header == {"version": "1"}
    assert (found.number, found.nothing, found.flag) == (0.1 + 0.2, None, True)
    assert [inner.name for inner in found.inner] == ["one", "two", "ü\n"]
    for inner, expected in zip(found.inner, outer().inner, strict=True):
        assert inner.values.dtype == expected.values.dtype
        np.testing.assert_array_equal(inner.values, expected.values)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3), np.float32),
        np.array(5.0),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(20)[::-3],
        np.array([True, False]),
        np.arange(4, dtype=">i4"),
    ],
    ids=["empty", "scalar", "fortran", "strided", "bool", "big-endian"],
)
def test_arrays_of_any_layout_come_back(tmp_path, array):
    write_records(tmp_path / "a.npz", {}, Inner("x", array))
    found = read_records(tmp_path / "a.npz", TYPES)[1].values
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    if array.size and array.flags.forc:  # sums depend on the order in memory
        assert found.strides == array.strides
    np.testing.assert_array_equal(found, array)


def test_an_array_in_two_places_is_one_again(file):
    found = read_records(file, TYPES)[1]
    assert found.inner[0].values is found.inner[1].values
    assert len([n for n in zipfile.ZipFile(file).namelist() if n.endswith(".npy")]) == 2


def test_the_file_is_a_plain_npz(file):
    with np.load(file, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["array_0"], outer().inner[0].values)


def test_every_flipped_byte_is_noticed_or_changes_nothing(file):
    whole = file.read_bytes()
    expected = repr(read_records(file, TYPES))
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        file.write_bytes(damaged)
        try:
            found = repr(read_records(file, TYPES))
        except DamagedFileError:
            continue
        assert found == expected, place


def test_every_shortened_file_is_refused(file):
    whole = file.read_bytes()
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        with pytest.raises(InputFileError, match=r"some\.npz: must be a whole file"):
            read_records(file, TYPES)


def rewritten(file: Path, change: Any) -> None:
    """Change the contents of a file as one could who means ill."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    contents = json.loads(members[CONTENTS])
    change(contents, members)
    members[CONTENTS] = json.dumps(contents).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_types_that_are_not_expected_are_not_made(file):
    with pytest.raises(DamagedFileError, match="Inner"):
        read_records(file, (Outer,))
    rewritten(file, lambda contents, _: contents["records"].update(record="Path"))
    with pytest.raises(DamagedFileError, match="Path"):
        read_records(file, TYPES)


def test_an_array_of_another_file_is_refused(file):
    rewritten(file, lambda _, members: members.update({"array_0.npy": members["array_1.npy"]}))
    with pytest.raises(DamagedFileError, match=r"checksum of array_0\.npy differs"):
        read_records(file, TYPES)


def test_another_format_is_refused(file):
    rewritten(file, lambda contents, _: contents.update(format=2))
    with pytest.raises(DamagedFileError, match="format 1"):
        read_records(file, TYPES)


def test_packed_members_are_refused_before_they_take_memory(file):
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DamagedFileError, match="not packed"):
        read_records(file, TYPES)


def test_values_that_have_no_plain_form_are_refused(tmp_path):
    with pytest.raises(TypeError, match="set"):
        write_records(tmp_path / "x.npz", {}, Inner("x", {1}))
    with pytest.raises(ValueError, match="Object arrays"):
        write_records(tmp_path / "x.npz", {}, Inner("x", np.array([None])))
    assert not list(tmp_path.iterdir())
