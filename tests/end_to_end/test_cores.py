"""Cores of whole runs: in memory, in the files, and found anew."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
import starfile

import cl2d
from cl2d.errors import InputError
from cl2d.io import read_star
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = {"n_classes": 4, "initial_classes": 1, "iterations": 4, "seed": 1, "evaluate": False}


@pytest.fixture(scope="module")
def particles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("particles")
    simulation = simulate_particles(
        SimulationOptions(n_particles=600, box_px=40, n_views=3, snr=0.2, junk_fraction=0.15)
    )
    write_simulation(folder, simulation)
    return folder / "particles.star"


@pytest.fixture(scope="module")
def finished(particles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "out"
    cl2d.classify(particles, output=out, analyze_rejected=True, **OPTIONS)
    return out


@pytest.fixture
def run_copy(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "copy")


def flags(out: Path, name: str) -> np.ndarray:
    return starfile.read(out / "particles.star")["particles"][name].to_numpy()


def test_every_file_tells_of_the_same_cores(finished: Path) -> None:
    table = starfile.read(finished / "particles.star")["particles"]
    assert len(table) == 600
    core, stable = table["cl2dIsCore"] == 1, table["cl2dIsStableCore"] == 1
    assert core.any()
    assert not (stable & ~core).any()
    expected_core = (table["cl2dJunkZscore"] < 3) & (table["cl2dPcaZscore"] < 3)
    np.testing.assert_array_equal(core, expected_core & (table["rlnClassNumber"] > 0))
    subsets = {"core": core, "stable_core": stable, "rejected": ~core}
    for name, chosen in subsets.items():
        rows = starfile.read(finished / f"particles_{name}.star")["particles"]
        assert list(rows["rlnImageName"]) == list(table["rlnImageName"][chosen])
        assert list(rows.columns) == list(table.columns)
    classes = starfile.read(finished / "classes.star")
    for column, chosen in (("cl2dCoreMembers", core), ("cl2dStableCoreMembers", stable)):
        counts = np.bincount(table["rlnClassNumber"][chosen], minlength=len(classes) + 1)[1:]
        np.testing.assert_array_equal(classes[column], counts)
    last = json.loads((finished / "hierarchy.json").read_text())["levels"][-1]["classes"]
    assert [entry["core_members"] for entry in last] == list(classes["cl2dCoreMembers"])
    with np.load(finished / "levels" / "level_02" / "particles.npz") as arrays:
        np.testing.assert_array_equal(arrays["is_core"], core)
        np.testing.assert_allclose(arrays["junk_zscore"], table["cl2dJunkZscore"], atol=1e-5)


def test_core_average_is_that_of_the_core(particles: Path, finished: Path) -> None:
    result = cl2d.classify(particles, **OPTIONS)
    stack = mrcfile.read(finished / "classes_core.mrcs")
    np.testing.assert_array_equal(stack, result.core_averages)
    core = result.cores[-1]
    n_core = np.bincount(result.labels[core.is_core], minlength=4)[:, None, None]
    n_rest = result.levels[-1].class_sizes()[:, None, None] - n_core
    assert n_rest.sum() > 0
    assert np.abs(result.core_averages - result.averages).max() > 1e-3
    same = (n_rest == 0).ravel()
    np.testing.assert_array_equal(result.core_averages[same], result.averages[same])


def test_junk_goes_and_good_particles_stay(particles: Path, finished: Path) -> None:
    truth = np.genfromtxt(
        particles.with_name("truth.csv"), delimiter=",", names=True, dtype=None, encoding=None
    )
    junk = truth["junk_type"] != ""
    core = flags(finished, "cl2dIsCore") == 1
    assert core[~junk].mean() > 0.95
    assert core[junk].mean() < 0.5


def test_rejected_have_a_run_of_their_own(finished: Path) -> None:
    rejected = starfile.read(finished / "rejected" / "particles.star")["particles"]
    expected = starfile.read(finished / "particles_rejected.star")["particles"]
    assert list(rejected["rlnImageName"]) == list(expected["rlnImageName"])
    assert (finished / "rejected" / "gallery.png").is_file()
    assert rejected["rlnClassNumber"].max() == 1


def test_scores_are_the_same_for_any_number_of_threads(particles: Path) -> None:
    one, three = (cl2d.classify(particles, threads=n, **OPTIONS) for n in (1, 3))
    for first, second in zip(one.cores, three.cores, strict=True):
        np.testing.assert_array_equal(first.zscores.junk, second.zscores.junk)
        np.testing.assert_array_equal(first.zscores.pca, second.zscores.pca)


def test_same_thresholds_give_the_same_files(finished: Path, run_copy: Path) -> None:
    cl2d.recompute_cores(run_copy)
    for path in sorted(finished.rglob("*.star")) + sorted(finished.rglob("*.mrcs")):
        assert (run_copy / path.relative_to(finished)).read_bytes() == path.read_bytes()


def test_stricter_thresholds_are_written_everywhere(run_copy: Path) -> None:
    before = flags(run_copy, "cl2dIsCore")
    found = cl2d.recompute_cores(run_copy, junk_zscore=1.0, pca_zscore=1.5, tolerance=0)
    after = flags(run_copy, "cl2dIsCore")
    np.testing.assert_array_equal(after == 1, found.cores[-1].is_core)
    assert after.sum() < before.sum()
    assert not ((after == 1) & (before == 0)).any()
    rejected = read_star(run_copy / "particles_rejected.star")["particles"]
    assert rejected.n_rows == 600 - after.sum()
    options = json.loads((run_copy / "run.json").read_text())["options"]["cores"]
    assert (options["junk_zscore"], options["tolerance"]) == (1.0, 0)
    assert cl2d.recompute_cores(run_copy).cores[-1].is_core.sum() == after.sum()


def test_without_the_particles_the_tables_are_still_renewed(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = json.loads((run_copy / "run.json").read_text())
    record["input"]["name"] = "gone.star"
    (run_copy / "run.json").write_text(json.dumps(record))
    table = (run_copy / "particles.star").read_text()
    (run_copy / "particles.star").write_text(table.replace("particles.mrcs", "gone.mrcs"))
    monkeypatch.chdir(run_copy)
    found = cl2d.recompute_cores(run_copy, junk_zscore=1.0)
    assert any("averages of the cores were removed" in warning for warning in found.warnings)
    assert not (run_copy / "classes_core.mrcs").exists()
    assert flags(run_copy, "cl2dIsCore").sum() == found.cores[-1].is_core.sum()


def test_stable_cores_can_be_switched_off(run_copy: Path) -> None:
    cl2d.recompute_cores(run_copy, stable_core=False)
    assert not (run_copy / "classes_stable_core.mrcs").exists()
    assert not (run_copy / "particles_stable_core.star").exists()
    assert "cl2dIsStableCore" not in read_star(run_copy / "particles.star")["particles"]


def test_a_run_without_cores_writes_none_and_gets_none(particles: Path, tmp_path: Path) -> None:
    result = cl2d.classify(particles, output=tmp_path / "out", core=False, **OPTIONS)
    assert result.cores == ()
    assert not list((tmp_path / "out").glob("*core*"))
    with pytest.raises(InputError, match="classified without cores"):
        cl2d.recompute_cores(tmp_path / "out")


def test_tiny_runs_are_all_core_and_say_so() -> None:
    images = np.random.default_rng(0).normal(size=(12, 32, 32))
    result = cl2d.classify(images, n_classes=2, initial_classes=2)
    assert result.cores[-1].is_core.all()
    assert any("cannot be judged" in warning for warning in result.warnings)
    assert any("stable core is the whole core" in warning for warning in result.warnings)


def test_overwriting_clears_the_rejected_too(particles: Path, run_copy: Path) -> None:
    cl2d.classify(particles, output=run_copy, overwrite=True, core=False, **OPTIONS)
    assert not (run_copy / "rejected").exists()
    assert not list(run_copy.glob("*core*"))
