"""The page of a run: its figures are those of the tables, and it follows the files."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

import cl2d
from cl2d.cli import main
from cl2d.io import read_particle_table, read_star
from cl2d.simulate import SimulationOptions, simulate_particles
from tests.report_pages import (
    HOSTILE,
    HOSTILE_IMAGE,
    N_PARTICLES,
    page_data,
    write_hostile_particles,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

OPTIONS = {"n_classes": 6, "initial_classes": 2, "iterations": 4, "seed": 1, "threads": 1}
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def particles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hostile_particles(tmp_path_factory.mktemp("particles"))


@pytest.fixture(scope="module")
def finished(particles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "out"
    cl2d.classify(particles, output=out, **OPTIONS)
    return out


@pytest.fixture
def run_copy(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.fixture
def data(finished: Path) -> dict[str, Any]:
    return page_data(finished / "report.html")


def class_table(out: Path) -> Any:
    return read_star(out / "classes.star")["classes"]


def test_figures_of_the_classes_are_those_of_their_table(
    finished: Path, data: dict[str, Any]
) -> None:
    block = class_table(finished)
    shown = data["classes"]
    assert [entry["number"] for entry in shown] == list(range(1, 7))
    for column, name in (
        ("cl2dMembers", "members"),
        ("cl2dCoreMembers", "core_members"),
        ("cl2dStableCoreMembers", "stable_core_members"),
        ("cl2dSimilarityRank", "likeness_rank"),
        ("cl2dSelected", "selected"),
    ):
        assert [entry[name] for entry in shown] == block.numbers(column).astype(int).tolist()
    for column, name in (
        ("cl2dMeanScore", "mean_score"),
        ("cl2dMeanConfidence", "mean_confidence"),
        ("cl2dQuality", "quality"),
    ):
        # Figures of the page have four decimals.
        np.testing.assert_allclose(
            [entry[name] for entry in shown], block.numbers(column), atol=0.51e-4
        )
    told_apart = block.numbers("cl2dSplitGainError") > 0
    homogeneity = np.where(told_apart, block.numbers("cl2dHomogeneity"), np.nan)
    of_page = np.array([entry["homogeneity"] for entry in shown], dtype=float)
    np.testing.assert_allclose(of_page, homogeneity, atol=0.51e-4)
    told = block.text("cl2dReason")
    assert ["+".join(entry["reason_names"]) or "good" for entry in shown] == told
    angstrom = block.numbers("rlnEstimatedResolution")
    for entry, value in zip(shown, angstrom, strict=True):
        # Six figures of the frequency in the table give four of the resolution.
        assert (entry["resolution"][0] or 999.0) == pytest.approx(value, rel=1e-4)


def test_verdict_adds_up_the_tables(finished: Path, data: dict[str, Any]) -> None:
    block = class_table(finished)
    kept = block.numbers("cl2dSelected") != 0
    verdict = data["verdict"]
    assert verdict["particles"] == N_PARTICLES
    assert verdict["classes"] == 6
    assert verdict["kept_classes"] == np.count_nonzero(kept)
    assert verdict["kept_particles"] == block.numbers("cl2dMembers")[kept].sum()
    resolution = block.numbers("rlnEstimatedResolution")[kept]
    known = resolution[resolution < 999]
    assert verdict["best_resolution"] == pytest.approx(known.min(), abs=0.01)
    assert verdict["median_resolution"] == pytest.approx(np.median(known), abs=0.01)
    table = read_particle_table(finished / "particles.star")
    assert verdict["core_share"] == pytest.approx(table.numbers("cl2dIsCore").mean(), abs=1e-5)
    reasons = class_table(finished).text("cl2dReason")
    bad = [k + 1 for k, text in enumerate(reasons) if set(text.split("+")) - {"good", "too_small"}]
    junk = (table.numbers("cl2dJunkZscore") >= 3) | np.isin(table.numbers("rlnClassNumber"), bad)
    assert 0 < junk.mean() < 1
    assert verdict["junk_share"] == pytest.approx(junk.mean(), abs=1e-5)
    of_micrographs = {row["name"]: row for row in data["micrographs"]["worst"]}
    names = np.array(table.text("rlnMicrographName"))
    for name, row in of_micrographs.items():
        assert row["particles"] == np.count_nonzero(names == name)
        assert row["junk"] == np.count_nonzero(junk[names == name])


def test_names_from_files_reach_the_page_unharmed(data: dict[str, Any]) -> None:
    assert {HOSTILE, HOSTILE_IMAGE} <= {row["name"] for row in data["micrographs"]["worst"]}


def test_histograms_count_every_member_once(finished: Path, data: dict[str, Any]) -> None:
    members = class_table(finished).numbers("cl2dMembers")
    core = class_table(finished).numbers("cl2dCoreMembers")
    spreads = data["distributions"]
    assert {"score", "margin", "confidence", "shift", "angle", "junk_zscore"} == set(spreads)
    for spread in spreads.values():
        np.testing.assert_array_equal(np.sum(spread["classes"], axis=1), members)
        np.testing.assert_array_equal(np.sum(spread["classes"], axis=0), spread["all"])
    np.testing.assert_array_equal(np.sum(spreads["score"]["core"], axis=1), core)


def test_curves_and_hierarchy_are_those_of_the_run(finished: Path, data: dict[str, Any]) -> None:
    last = data["tree"][-1]["level"]
    with np.load(finished / "levels" / f"level_{last:02d}" / "frc.npz") as stored:
        shown = np.array([row or [np.nan] * 17 for row in data["curves"]["frc"]], dtype=float)
        np.testing.assert_allclose(shown, stored["frc"], atol=0.51e-3)
    tree = json.loads((finished / "hierarchy.json").read_text())["levels"]
    for level, shown_level in zip(tree, data["tree"], strict=True):
        for entry, shown_entry in zip(level["classes"], shown_level["classes"], strict=True):
            assert shown_entry["members"] == entry["members"]
            assert shown_entry["parent"] == entry["parent"]
    came = {
        (way[0], entry["number"]): way[1]
        for entry in data["tree"][-1]["classes"]
        for way in entry["came_from"]
    }
    flows = {(flow["from"], flow["to"]): flow["members"] for flow in tree[-1]["flows"]}
    assert came == flows


def test_report_command_makes_the_page_that_the_run_made(run_copy: Path) -> None:
    made = (run_copy / "report.html").read_bytes()
    gallery = (run_copy / "gallery.png").read_bytes()
    (run_copy / "report.html").unlink()
    (run_copy / "gallery.png").unlink()
    assert main(["report", str(run_copy), "--quiet"]) == 0
    again = page_data(run_copy / "report.html")
    (run_copy / "made.html").write_bytes(made)
    before = page_data(run_copy / "made.html")
    for data in (before, again):
        del data["run"]["folder"], data["run"]["name"]  # it is a copy
    assert again == before
    assert (run_copy / "gallery.png").read_bytes() == gallery


def test_page_without_the_stack_says_so_and_has_all_the_rest(
    run_copy: Path, data: dict[str, Any], tmp_path: Path
) -> None:
    record = json.loads((run_copy / "run.json").read_text())
    record["input"]["name"] = str(tmp_path / "gone.star")
    (run_copy / "run.json").write_text(json.dumps(record))
    table = run_copy / "particles.star"
    table.write_text(table.read_text().replace("stack.mrcs", "gone.mrcs"))
    again = page_data(cl2d.report(run_copy))
    assert "gone" in again["members"]["missing"]
    assert "strips" in data["members"]
    for name in ("classes", "verdict", "pictures", "micrographs", "distributions"):
        assert again[name] == data[name]


def test_particles_of_another_run_are_refused(run_copy: Path) -> None:
    other = np.random.default_rng(0).normal(size=(N_PARTICLES, 32, 32)).astype(np.float32)
    with pytest.raises(cl2d.InputError, match="must be those of"):
        cl2d.report(run_copy, particles=other)


def test_other_cores_are_on_the_page_at_once(run_copy: Path, data: dict[str, Any]) -> None:
    cl2d.recompute_cores(run_copy, junk_zscore=1.0)
    again = page_data(run_copy / "report.html")
    assert again["verdict"]["core_share"] < data["verdict"]["core_share"]
    assert again["junk_threshold"] == 1.0
    assert again["run"]["id"] == data["run"]["id"]  # so a selection stays good


def test_evaluation_afterwards_is_on_the_page(particles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cl2d.classify(particles, output=out, evaluate=False, core=False, **OPTIONS)
    before = page_data(out / "report.html")
    assert before["curves"] is None
    assert before["verdict"]["kept_classes"] is None
    assert before["verdict"]["junk_share"] is None
    cl2d.evaluate(out, threads=1)
    after = page_data(out / "report.html")
    assert after["curves"] is not None
    assert after["verdict"]["kept_classes"] is not None


def test_no_report_leaves_out_the_page_and_takes_away_an_old_one(
    particles: Path, run_copy: Path
) -> None:
    assert (run_copy / "report.html").is_file()
    cl2d.classify(particles, output=run_copy, overwrite=True, report=False, **OPTIONS)
    assert not (run_copy / "report.html").exists()
    cl2d.recompute_cores(run_copy, junk_zscore=2.0)
    assert not (run_copy / "report.html").exists()
    assert cl2d.report(run_copy) == run_copy / "report.html"
    assert (run_copy / "report.html").is_file()


def test_array_of_one_class_with_an_image_left_out_has_a_page(tmp_path: Path) -> None:
    options = SimulationOptions(n_particles=24, box_px=25, n_views=1, snr=1.0)
    images = simulate_particles(options).images.copy()
    images[5] = 7.0  # constant
    out = tmp_path / "out"
    cl2d.classify(images, n_classes=1, iterations=1, threads=1, output=out)
    data = page_data(out / "report.html")
    assert data["verdict"]["in_no_class"] == 1
    assert data["unit"] == "px"
    assert data["micrographs"] is None
    assert len(data["members"]["best"][0]) == 6
    assert len(data["tree"]) == 1
    again = page_data(cl2d.report(out))  # the array is gone
    assert "missing" in again["members"]
    assert page_data(cl2d.report(out, particles=images)) == data


def test_class_without_members_has_its_place_on_the_page(tmp_path: Path) -> None:
    options = SimulationOptions(n_particles=40, box_px=32, n_views=1, snr=2.0, seed=1)
    images = simulate_particles(options).images
    view = cl2d.classify(images, n_classes=1, iterations=2, threads=1).averages
    out = tmp_path / "out"
    cl2d.classify(
        images,
        n_classes=2,
        references=np.concatenate([view, -view]),
        iterations=1,
        threads=1,
        output=out,
    )
    data = page_data(out / "report.html")
    assert [entry["members"] for entry in data["classes"]] == [40, 0]
    assert data["verdict"]["empty_classes"] == 1
    assert data["members"]["strips"][1] is None
    assert data["curves"]["frc"][1] is None


def test_rejected_particles_have_a_page_of_their_own(particles: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cl2d.classify(particles, output=out, analyze_rejected=True, junk_zscore=1.0, **OPTIONS)
    link = page_data(out / "report.html")["run"]["rejected"]
    inner = page_data(out / link)
    n_core = sum(entry["core_members"] for entry in page_data(out / "report.html")["classes"])
    assert inner["verdict"]["particles"] == N_PARTICLES - n_core > 0


def test_assigned_particles_have_a_page_of_one_level(
    finished: Path, particles: Path, tmp_path: Path
) -> None:
    cl2d.assign(finished, particles, output=tmp_path / "new", threads=1)
    data = page_data(tmp_path / "new" / "report.html")
    assert len(data["tree"]) == 1
    assert data["verdict"]["particles"] == N_PARTICLES


def test_pages_stay_small(finished: Path) -> None:
    assert (finished / "report.html").stat().st_size < MEGABYTE
