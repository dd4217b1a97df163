"""Files for Xmipp of whole runs: cores, one class, and what is made anew afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import starfile

import cl2d
from cl2d.io import open_particles, read_star
from cl2d.simulate import SimulationOptions, simulate_particles, write_simulation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("particles")
    options = SimulationOptions(n_particles=400, box_px=40, n_views=2, snr=0.2, junk_fraction=0.15)
    write_simulation(folder, simulate_particles(options))
    out = folder / "out"
    cl2d.classify(
        folder / "particles.star", output=out, n_classes=2, initial_classes=1, iterations=3, seed=1,
        format="relion,xmipp",
    )  # fmt: skip
    return out


def check_cores(out: Path, name: str, flag: str) -> None:
    table = starfile.read(out / "particles.star")["particles"]
    last = max((out / "xmipp").glob("level_*"))
    blocks = read_star(last / f"level_classes_{name}.xmd")
    chosen = table[flag].to_numpy() == 1
    numbers = table["rlnClassNumber"].to_numpy()
    sizes = np.bincount(numbers, minlength=3)[1:]
    core_sizes = np.bincount(numbers[chosen], minlength=3)[1:]
    assert 0 < core_sizes.sum() < sizes.sum()
    np.testing.assert_array_equal(blocks["classes"].numbers("classCount"), core_sizes)
    fraction = blocks["classes"].numbers("modelFraction")
    np.testing.assert_allclose(fraction, core_sizes / sizes, atol=1e-6)
    for k in (1, 2):
        images = blocks[f"class{k:06d}_images"]
        expected = np.flatnonzero(chosen & (numbers == k)) + 1
        np.testing.assert_array_equal(images.numbers("itemId"), expected)
    rejected = np.flatnonzero(~chosen & (numbers > 0)) + 1
    np.testing.assert_array_equal(blocks["images_rejected"].numbers("itemId"), rejected)
    averages = open_particles(out / f"classes_{name}.mrcs").read(0, 2)
    np.testing.assert_array_equal(
        open_particles(last / f"level_classes_{name}.stk").read(0, 2), averages
    )
    assert blocks["classes"].text("image")[0].endswith(f"level_classes_{name}.stk")


def test_cores_are_those_of_the_tables(finished: Path) -> None:
    check_cores(finished, "core", "cl2dIsCore")
    check_cores(finished, "stable_core", "cl2dIsStableCore")
    table = starfile.read(finished / "particles.star")["particles"]
    images = read_star(finished / "xmipp" / "images.xmd")["noname"]
    np.testing.assert_allclose(images.numbers("zScore"), table["cl2dJunkZscore"], atol=1e-5)


def test_other_cores_and_evaluations_reach_the_files(finished: Path) -> None:
    last = max((finished / "xmipp").glob("level_*"))
    before = read_star(last / "level_classes_core.xmd")["classes"].numbers("classCount")
    cl2d.recompute_cores(finished, junk_zscore=1.0)
    after = read_star(last / "level_classes_core.xmd")["classes"].numbers("classCount")
    assert after.sum() < before.sum()
    check_cores(finished, "core", "cl2dIsCore")
    classes = read_star(last / "level_classes.xmd")["classes"]
    cl2d.evaluate(finished)
    renewed = read_star(last / "level_classes.xmd")["classes"]
    assert {name: renewed.text(name) for name in classes.columns} == {
        name: classes.text(name) for name in classes.columns
    }
    cl2d.recompute_cores(finished, stable_core=False)
    assert not (last / "level_classes_stable_core.xmd").exists()
    assert not (last / "level_classes_stable_core.stk").exists()


def test_one_class_of_one_level_is_written(finished: Path, tmp_path: Path) -> None:
    table = finished.parent / "particles.star"
    cl2d.align(table, output=tmp_path / "out", format="xmipp")
    blocks = read_star(tmp_path / "out" / "xmipp" / "level_00" / "level_classes.xmd")
    assert blocks["classes"].n_rows == 1
    assert blocks["class000001_images"].n_rows == 400
