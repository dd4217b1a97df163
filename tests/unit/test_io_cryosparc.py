"""cryoSPARC's datasets: particles found, CTF and places converted, nothing unpickled."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cl2d.errors import InputFileError
from cl2d.io import open_particles, write_particles_star, write_stack
from cl2d.io.cs_dataset import read_cs, read_joined_cs, rows_of_uids, write_cs
from cl2d.io.ctf_parameters import read_ctf_parameters
from tests.particle_files import numbered_images

N = 5


def blob(n: int = N) -> dict[str, np.ndarray]:
    return {
        "uid": np.arange(n, dtype=np.uint64) + 2**63,
        "blob/path": np.array([b">J3/extract/a.mrc", b"J3/extract/b.mrc"])[np.arange(n) % 2],
        "blob/idx": (np.arange(n, dtype=np.uint32) // 2),
        "blob/shape": np.full((n, 2), 6, np.uint32),
        "blob/psize_A": np.full(n, 1.25, np.float32),
        "blob/sign": np.ones(n, np.float32),
    }


def ctf(n: int = N) -> dict[str, np.ndarray]:
    return {
        "ctf/accel_kv": np.array([300, 300, 200, 300, 200], np.float32)[:n],
        "ctf/cs_mm": np.full(n, 2.7, np.float32),
        "ctf/amp_contrast": np.full(n, 0.1, np.float32),
        "ctf/df1_A": np.linspace(1e4, 2e4, n, dtype=np.float32),
        "ctf/df2_A": np.linspace(0.9e4, 1.9e4, n, dtype=np.float32),
        "ctf/df_angle_rad": np.linspace(-1, 1, n, dtype=np.float32),
        "ctf/phase_shift_rad": np.full(n, np.pi / 2, np.float32),
        "ctf/exp_group_id": np.array([7, 7, 9, 7, 9], np.uint32)[:n],
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with stacks of one job and the folder of another."""
    (tmp_path / "J3" / "extract").mkdir(parents=True)
    (tmp_path / "J12").mkdir()
    write_stack(tmp_path / "J3" / "extract" / "a.mrc", numbered_images(3), 1.25)
    write_stack(tmp_path / "J3" / "extract" / "b.mrc", numbered_images(3, first=100), 1.25)
    return tmp_path


def dataset(project: Path, fields: dict[str, np.ndarray], name: str = "particles.cs") -> Path:
    write_cs(project / "J12" / name, fields)
    return project / "J12" / name


def values(path: Path | str) -> list[float]:
    source = open_particles(path)
    return source.read(0, source.n_images)[:, 0, 0].tolist()


def test_images_are_found_above_the_dataset_in_the_order_of_its_rows(project: Path) -> None:
    path = dataset(project, blob())
    source = open_particles(path)
    assert values(path) == [0, 100, 1, 101, 2]
    assert (source.n_images, source.box_px, source.pixel_size_angstrom) == (N, 6, 1.25)
    assert source.name == str(path)
    assert source.files[0] == path
    assert len(source.files) == 3


def test_images_are_found_from_the_working_directory(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    path = tmp_path_factory.mktemp("elsewhere") / "a.cs"
    write_cs(path, blob())
    assert values(path) == [0, 100, 1, 101, 2]
    assert open_particles(path).image_name(0) == "000001@J3/extract/a.mrc:mrcs"


def test_ctf_is_that_of_the_fields_in_degrees(project: Path) -> None:
    source = open_particles(dataset(project, blob() | ctf()))
    assert source.table is not None
    found = read_ctf_parameters(source.table)
    np.testing.assert_allclose(found.voltage_kv, ctf()["ctf/accel_kv"])
    np.testing.assert_allclose(found.amplitude_contrast, 0.1, rtol=1e-6)
    np.testing.assert_allclose(found.spherical_aberration_mm, 2.7, rtol=1e-6)
    np.testing.assert_allclose(found.defocus_u_angstrom, ctf()["ctf/df1_A"])
    np.testing.assert_allclose(found.defocus_v_angstrom, ctf()["ctf/df2_A"])
    np.testing.assert_allclose(
        found.defocus_angle_deg, np.degrees(ctf()["ctf/df_angle_rad"]), rtol=1e-6
    )
    np.testing.assert_allclose(found.phase_shift_deg, 90, rtol=1e-6)
    assert source.table.text("rlnOpticsGroup") == ["1", "1", "2", "1", "2"]


def test_ctf_that_cannot_be_is_named_by_its_field(project: Path) -> None:
    wrong = ctf()
    wrong["ctf/df2_A"][3] = np.nan
    source = open_particles(dataset(project, blob() | wrong))
    assert source.table is not None
    with pytest.raises(
        InputFileError, match=r"particles\.cs: row 4 .*: ctf/df2_A must be between .* nan"
    ):
        read_ctf_parameters(source.table)
    del wrong["ctf/df2_A"]
    source = open_particles(dataset(project, blob() | wrong))
    assert source.table is not None
    with pytest.raises(InputFileError, match=r"must have a column ctf/df2_A to correct the CTF"):
        read_ctf_parameters(source.table)
    del wrong["ctf/accel_kv"]
    with pytest.raises(InputFileError, match=r"must have a field ctf/accel_kv"):
        open_particles(dataset(project, blob() | wrong))


@pytest.mark.skipif(shutil.which("relion_stack_create") is None, reason="RELION is not installed")
def test_relion_reads_the_stacks_of_cryosparc_by_their_marked_names(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    source = open_particles(dataset(project, blob()))
    write_particles_star("a.star", source.table, {}, source=source)
    command = ["relion_stack_create", "--i", "a.star", "--o", "made"]
    subprocess.run(command, check=True, capture_output=True)
    assert values("made.mrcs") == values("a.star") == [0, 100, 1, 101, 2]


def test_star_file_of_a_dataset_reads_back_the_same(project: Path, tmp_path: Path) -> None:
    location = {
        "location/micrograph_path": np.array([b">J2/mic.mrc"] * N),
        "location/micrograph_shape": np.full((N, 2), (4000, 6000), np.uint32),
        "location/center_x_frac": np.full(N, 0.5, np.float32),
        "location/center_y_frac": np.full(N, 0.25, np.float32),
    }
    source = open_particles(dataset(project, blob() | ctf() | location))
    write_particles_star(tmp_path / "a.star", source.table, {}, source=source)
    again = open_particles(tmp_path / "a.star")
    assert again.table is not None
    np.testing.assert_array_equal(again.read(0, N), source.read(0, N))
    assert again.table.text("rlnMicrographName") == ["J2/mic.mrc"] * N
    assert again.table.numbers("rlnCoordinateX").tolist() == [3000] * N
    assert again.table.numbers("rlnCoordinateY").tolist() == [1000] * N
    assert again.table.text("cl2dUid") == [str(2**63 + i) for i in range(N)]
    assert again.pixel_size_angstrom == 1.25


def test_missing_fields_may_come_from_another_dataset_by_uid(project: Path) -> None:
    own = {"uid": blob()["uid"], **ctf()}
    order = np.array([3, 0, 4, 2, 1])
    other = {name: value[order] for name, value in blob().items()}
    path = dataset(project, own)
    passthrough = dataset(project, other, "J12_passthrough_particles.cs")
    message = r"particles\.cs: must have a field blob/path; if J12_passthrough_particles\.cs has"
    with pytest.raises(InputFileError, match=message):
        open_particles(path)
    joined = f"{path}+{passthrough}"
    assert values(joined) == [0, 100, 1, 101, 2]
    assert open_particles(joined).name == joined
    write_cs(passthrough, {name: value[order[:4]] for name, value in blob().items()})
    with pytest.raises(InputFileError, match=r"must have all particles .*\(row 2; 1 are missing\)"):
        open_particles(f"{path}+{passthrough}")


def test_field_of_the_first_dataset_counts(project: Path) -> None:
    path = dataset(project, blob())
    other = dataset(project, blob() | {"blob/idx": np.zeros(N, np.uint32)} | ctf(), "b.cs")
    fields = read_joined_cs([path, other])
    assert fields["blob/idx"].tolist() == blob()["blob/idx"].tolist()
    assert "ctf/df1_A" in fields


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blob/idx": np.array([0, 0, 1, 1, 9], np.uint32)}, "row 5 .* image 10 of .*a.mrc"),
        ({"blob/idx": np.array([0, 0, -1, 1, 1], np.int32)}, "row 3: blob/idx must be 0 or more"),
        ({"uid": np.array([1, 2, 3, 2, 5], np.uint64)}, "row 4: uid 2 must occur once"),
        ({"uid": np.linspace(0, 1, N)}, "uid must be whole numbers"),
        ({"blob/path": np.array([b"J3/extract/a.mrc", b"no.mrc"])[[0, 1, 0, 0, 0]]},
         r"blob/path: 1 of 2 stack files cannot be found: 'no.mrc' \(row 2\); looked in"),
        ({"blob/sign": np.array([1, 1, -1, 1, 1], np.float32)}, "blob/sign must be the same"),
        ({"blob/psize_A": np.array([1, 1, np.nan, 1, 1], np.float32)},
         "row 3: blob/psize_A must be finite, not nan"),
        ({"blob/psize_A": np.array([1, 1, 2, 1, 1], np.float32)}, "one pixel size"),
        ({"ctf/accel_kv": np.array([1, np.inf, 2, 1, 1], np.float32)},
         "row 2: ctf/accel_kv must be finite, not inf"),
    ],
)  # fmt: skip
def test_impossible_values_are_named_with_field_and_row(
    project: Path, changes: dict[str, np.ndarray], message: str
) -> None:
    path = dataset(project, blob() | changes)
    with pytest.raises(InputFileError, match=rf"(?s)particles\.cs.*{message}"):
        open_particles(path)


class Boom:
    """Would leave a trace if it were ever unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("unpickled"),)


def test_pickled_objects_are_refused_and_not_loaded(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    records = np.zeros(1, dtype=[("uid", "<u8"), ("blob/path", "O")])
    records["blob/path"] = Boom()
    np.save(project / "J12" / "a.npy", records, allow_pickle=True)
    path = (project / "J12" / "a.npy").rename(project / "J12" / "a.cs")
    with pytest.raises(InputFileError, match="without Python objects"):
        open_particles(path)
    path.write_bytes(pickle.dumps(Boom()))
    with pytest.raises(InputFileError, match="does not begin like one"):
        open_particles(path)
    assert not (project / "unpickled").exists()


def test_giant_header_truncated_file_and_other_arrays_are_refused(project: Path) -> None:
    path = dataset(project, blob())
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(InputFileError, match="must be a whole cryoSPARC dataset"):
        open_particles(path)
    length = (1 << 24).to_bytes(4, "little")
    path.write_bytes(b"\x93NUMPY\x02\x00" + length + b"{" + b" " * (1 << 24))
    with pytest.raises(InputFileError, match="must be a whole cryoSPARC dataset"):
        open_particles(path)
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(InputFileError, match="must be a table with a field uid"):
        open_particles(path)


def test_rows_are_found_by_uid_and_missing_ones_told() -> None:
    uids = np.array([5, 2**64 - 1, 3], np.uint64)
    wanted = np.array([3, 4, 2**64 - 1, 5], np.uint64)
    assert rows_of_uids(uids, wanted).tolist() == [2, -1, 1, 0]
    assert rows_of_uids(uids[:0], wanted).tolist() == [-1] * 4


def test_compressed_dataset_says_what_to_install_without_the_package(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "a.cs"
    path.write_bytes(b"\x95CSDAT" + bytes(50))
    monkeypatch.setitem(sys.modules, "cryosparc.dataset", None)
    with pytest.raises(InputFileError, match=r"pip install 'cl2d\[cryosparc\]'"):
        open_particles(path)


def test_cryosparc_tools_reads_what_is_written_and_writes_what_is_read(project: Path) -> None:
    dataset_module = pytest.importorskip("cryosparc.dataset")
    fields = blob() | ctf()
    path = dataset(project, fields)
    loaded = dataset_module.Dataset.load(path)
    assert list(loaded["blob/path"]) == [text.decode() for text in fields["blob/path"]]
    for name in ("uid", "blob/shape", "ctf/df1_A"):
        np.testing.assert_array_equal(loaded[name], fields[name])
    for kind in (dataset_module.NUMPY_FORMAT, dataset_module.CSDAT_FORMAT):
        loaded.save(project / "J12" / "again.cs", format=kind)
        again = read_cs(project / "J12" / "again.cs")
        assert again.keys() == fields.keys()
        for name, expected in fields.items():
            np.testing.assert_array_equal(again[name], expected)
    assert values(project / "J12" / "again.cs") == [0, 100, 1, 101, 2]


def test_damaged_compressed_dataset_is_refused(project: Path) -> None:
    pytest.importorskip("cryosparc.dataset")
    (project / "a.cs").write_bytes(b"\x95CSDAT" + bytes(50))
    with pytest.raises(InputFileError, match="must be a whole compressed dataset"):
        open_particles(project / "a.cs")
