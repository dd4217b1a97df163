"""Runs on datasets of cryoSPARC: all fields kept, classes and poses added, subsets by uid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

import cl2d
from cl2d.io import open_particles, read_particle_table, read_stack
from cl2d.io.cs_dataset import read_cs, write_cs
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

if TYPE_CHECKING:
    from pathlib import Path

N, CONSTANT_ROW = 300, 7


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of cryoSPARC with one job of extracted particles, and the same as a STAR file."""
    folder = tmp_path_factory.mktemp("project")
    options = SimulationOptions(n_particles=N, box_px=40, n_views=2, snr=0.3, junk_fraction=0.1)
    (folder / "J3").mkdir()
    write_simulation(folder / "J3", simulate_particles(options))
    stack = folder / "J3" / "particles.mrcs"
    with stack.open("r+b") as stream:  # one image without anything in it
        stream.seek(1024 + CONSTANT_ROW * 40 * 40 * 4)
        stream.write(bytes(40 * 40 * 4))
    pixel_size = open_particles(folder / "J3" / "particles.star").pixel_size_angstrom
    fields = {
        "uid": np.random.default_rng(5).integers(1, 2**63, N).astype(np.uint64) * 2,
        "blob/path": np.full(N, b">J3/particles.mrcs"),
        "blob/idx": np.arange(N, dtype=np.uint32),
        "blob/shape": np.full((N, 2), 40, np.uint32),
        "blob/psize_A": np.full(N, pixel_size, np.float32),
        "alignments2D/pose": np.full(N, 9, np.float32),
        "alignments2D/split": np.arange(N, dtype=np.uint32) // 2 % 2,
        "alignments3D/shift": np.ones((N, 2), np.float32),
    }
    write_cs(folder / "J3" / "particles.cs", fields)
    return folder


OPTIONS = {"n_classes": 2, "initial_classes": 1, "iterations": 3, "seed": 1, "threads": 1}


@pytest.fixture(scope="module")
def finished(project: Path) -> Path:
    cl2d.classify(project / "J3" / "particles.cs", output=project / "out", **OPTIONS)
    return project / "out"


def test_dataset_and_table_give_the_same_classes(project: Path, finished: Path) -> None:
    result = cl2d.classify(project / "J3" / "particles.star", evaluate=False, core=False, **OPTIONS)
    numbers = read_particle_table(finished / "particles.star").numbers("rlnClassNumber")
    np.testing.assert_array_equal(numbers, np.maximum(result.labels + 1, 0))


def test_particles_keep_their_fields_and_get_class_and_pose(project: Path, finished: Path) -> None:
    given = read_cs(project / "J3" / "particles.cs")
    table = read_particle_table(finished / "particles.star")
    used = table.numbers("rlnClassNumber") > 0
    assert np.flatnonzero(~used).tolist() == [CONSTANT_ROW]
    found = read_cs(finished / "cryosparc" / "particles.cs")
    kept = set(given) - {"alignments2D/pose"}
    for name in kept:
        np.testing.assert_array_equal(found[name], given[name][used])
    np.testing.assert_array_equal(
        found["alignments2D/class"], table.numbers("rlnClassNumber")[used] - 1
    )
    np.testing.assert_allclose(
        np.degrees(found["alignments2D/pose"]), table.numbers("rlnAnglePsi")[used], atol=1e-4
    )
    psize = given["blob/psize_A"][0]
    shift_angstrom = found["alignments2D/shift"] * psize
    np.testing.assert_allclose(
        shift_angstrom[:, 0], table.numbers("rlnOriginXAngst")[used], atol=1e-4
    )
    np.testing.assert_array_equal(found["cl2d/is_core"], table.numbers("cl2dIsCore")[used])
    excluded = read_cs(finished / "cryosparc" / "particles_excluded.cs")
    assert excluded["uid"].tolist() == [given["uid"][CONSTANT_ROW]]
    assert excluded.keys() == given.keys()


def test_raw_particles_moved_by_pose_and_shift_give_the_average(
    project: Path, finished: Path
) -> None:
    """p = F R(pose) (x + shift), with F where cl2d/mirror says so."""
    found = read_cs(finished / "cryosparc" / "particles.cs")
    averages = read_stack(finished / "cryosparc" / "class_averages.mrc")
    classes = read_cs(finished / "cryosparc" / "class_averages.cs")
    stack = read_stack(project / "J3" / "particles.mrcs")
    y, x = np.mgrid[:40, :40] - 20.0
    disc = x**2 + y**2 < 12**2
    members = np.flatnonzero(found["alignments2D/class"] == 1)
    assert classes["cl2d/members"][1] == len(members)
    mean = np.zeros((40, 40))
    for row in members:
        pose, shift = found["alignments2D/pose"][row], found["alignments2D/shift"][row]
        px = -x if found["cl2d/mirror"][row] else x
        source_x = np.cos(pose) * px + np.sin(pose) * y - shift[0] + 20
        source_y = -np.sin(pose) * px + np.cos(pose) * y - shift[1] + 20
        image = stack[found["blob/idx"][row]].astype(float)
        mean += map_coordinates(image, [source_y, source_x], order=3) / len(members)
    assert np.corrcoef(mean[disc], averages[1][disc])[0, 1] > 0.99
    assert classes["blob/idx"].tolist() == [0, 1]
    assert len(set(classes["uid"])) == 2


def test_selection_is_a_dataset_with_the_chosen_particles(
    project: Path, finished: Path, tmp_path: Path
) -> None:
    chosen = cl2d.select(finished, classes=[2], subset="core", output=tmp_path / "good.cs")
    good = read_cs(tmp_path / "good.cs")
    assert [str(uid) for uid in good["uid"]] == chosen.text("cl2dUid")
    assert set(good["alignments2D/class"]) == {1}
    again = project / "J3" / "good.cs"
    write_cs(again, good)
    source = open_particles(again)
    rows = good["blob/idx"]
    np.testing.assert_array_equal(
        source.read(0, len(rows)), read_stack(project / "J3" / "particles.mrcs")[rows]
    )
    with pytest.raises(cl2d.InputError, match="a file of its own"):
        cl2d.select(finished, classes=[2], output=finished / "cryosparc" / "particles.cs")


def test_cores_evaluation_and_assignment_find_the_particles_again(
    project: Path, finished: Path, tmp_path: Path
) -> None:
    cl2d.recompute_cores(finished, junk_zscore=1.0)
    table = read_particle_table(finished / "particles.star")
    core = read_cs(finished / "cryosparc" / "particles.cs")["cl2d/is_core"]
    np.testing.assert_array_equal(core, np.delete(table.numbers("cl2dIsCore"), CONSTANT_ROW))
    cl2d.evaluate(finished)
    cl2d.assign(finished, project / "J3" / "particles.cs", output=tmp_path / "out")
    assert len(read_cs(tmp_path / "out" / "cryosparc" / "particles.cs")["uid"]) == N - 1


def test_table_gets_datasets_on_request_and_none_otherwise(project: Path, tmp_path: Path) -> None:
    particles = project / "J3" / "particles.star"
    quick = {**OPTIONS, "evaluate": False, "core": False}
    cl2d.classify(particles, output=tmp_path / "plain", **quick)
    assert not (tmp_path / "plain" / "cryosparc").exists()
    with pytest.raises(cl2d.InputError, match="--format cryosparc"):
        cl2d.select(tmp_path / "plain", classes=[1], output=tmp_path / "good.cs")
    out = tmp_path / "out"
    cl2d.classify(particles, output=out, format="cryosparc", **quick)
    fields = read_cs(out / "cryosparc" / "particles.cs")
    source = open_particles(out / "cryosparc" / "particles.cs")
    kept = np.delete(np.arange(N), CONSTANT_ROW)
    np.testing.assert_array_equal(
        source.read(0, N - 1), read_stack(project / "J3" / "particles.mrcs")[kept]
    )
    cl2d.select(out, classes=[1], output=tmp_path / "good.cs")
    first = read_cs(tmp_path / "good.cs")["uid"]
    assert set(first) == set(fields["uid"][fields["alignments2D/class"] == 0])
    cl2d.classify(
        project / "J3" / "particles.cs", output=out, overwrite=True, format="none", **quick
    )
    assert not (out / "cryosparc").exists()


def test_cryosparc_tools_reads_both_datasets(finished: Path) -> None:
    dataset = pytest.importorskip("cryosparc.dataset").Dataset
    for name in ("particles", "class_averages"):
        fields = read_cs(finished / "cryosparc" / f"{name}.cs")
        loaded = dataset.load(finished / "cryosparc" / f"{name}.cs")
        assert set(loaded.fields()) == set(fields)
        np.testing.assert_array_equal(loaded["uid"], fields["uid"])
