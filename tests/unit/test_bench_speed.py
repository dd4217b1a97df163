from __future__ import annotations

import json

import numpy as np
import pytest

from cl2d.engine import simd_level
from cl2d.io import write_stack


def test_search_and_stages_give_positive_figures_and_leave_the_kernels(bench, capsys):
    level = simd_level()
    assert bench("speed").main(["search", "stages", "--quick", "--json"]) == 0
    tables = json.loads(capsys.readouterr().out)
    assert simd_level() == level
    assert tables.pop("machine")["simd_level"] == level
    searched = tables["search, one thread"]
    assert [row["kernels"] for row in searched][-1] in {"baseline", "avx2", "avx512"}
    assert all(row["ns_per_pair"] > 0 and row["share_of_sgemm"] > 0 for row in searched)
    stages = tables["stages, microseconds an image, one thread"][0]
    assert all(stages[f"{name}_us"] > 0 for name in ("read", "statistics", "sample", "refine"))


def test_one_of_the_grids_has_21_rings_and_128_angles_in_a_box_of_64(bench):
    workload = bench("speed_workload")
    (grid,) = (grid for grid in workload.GRIDS if str(grid) == "64/21")
    polar = workload.Workload(grid, 16).engine.grid
    assert (grid.box_px, polar.box_px, polar.n_rings, polar.n_angles) == (64, 64, 21, 128)


def test_sections_and_grids_can_be_chosen_and_unknown_ones_are_refused(bench, capsys):
    options = bench("speed").parse(["search", "--grid", "64/21", "--classes", "5"])
    effort = bench("speed_sections").effort(options)
    assert [str(grid) for grid in effort.grids] == ["64/21"]
    assert effort.classes == (5,)
    with pytest.raises(SystemExit):
        bench("speed").parse(["--grid", "64/22"])
    assert "not '64/22'" in capsys.readouterr().err


def test_fast_search_is_timed_where_it_pays_and_is_the_cheaper_one(bench, capsys):
    assert bench("speed").main(["fast", "--quick", "--json"]) == 0
    (rows,) = (t for name, t in json.loads(capsys.readouterr().out).items() if name != "machine")
    assert [row["classes"] for row in rows] == [16]
    assert rows[-1]["times_faster"] > 1


def test_table_has_a_line_for_each_word_of_a_heading_and_each_row(bench, capsys):
    rows = [{"ns_per_pair": 1.5, "grid": "28/12"}, {"ns_per_pair": 123.4, "grid": "48/20"}]
    bench("speed").print_table("title", rows)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["title", *lines[2:]]
    assert [line.split() for line in lines[2:]] == [
        ["ns"],
        ["per"],
        ["pair", "grid"],
        ["1.5", "28/12"],
        ["123", "48/20"],
    ]


def test_table_of_the_page_lies_on_its_side_where_its_columns_are_many(bench):
    tables = bench("speed_tables")
    few = [{"grid": "28/12", "flop_per_pair": 12_345, "ns": 0.5}]
    assert tables.markdown_table(few, left_out=["ns"]) == (
        "| grid | flop per pair |\n| --- | --- |\n| 28/12 | 12,345 |\n"
    )
    many = [{f"figure_{i}": i for i in range(tables.MOST_COLUMNS + 1)}]
    assert tables.markdown_table(many).splitlines()[:3] == [
        "| figure 0 | 0 |",
        "| --- | --- |",
        "| figure 1 | 1 |",
    ]


def test_unknown_section_is_refused(bench, capsys):
    with pytest.raises(SystemExit):
        bench("speed").main(["serch"])
    assert "not 'serch'" in capsys.readouterr().err


def test_useful_operations_are_four_multiply_adds_and_one_transform(bench):
    workload = bench("speed_workload").Workload(bench("speed_workload").GRIDS[0], 16)
    grid = workload.engine.grid
    assert grid.n_coefficients == len(workload.block.coefficients(0))
    transform = 5 * grid.n_angles * np.log2(grid.n_angles)
    assert bench("speed_search").flops_per_pair(grid) == 8 * grid.n_coefficients + transform


def test_exponent_of_a_power_law_is_its_power(bench):
    sizes = [10.0, 20.0, 70.0]
    assert bench("speed_growth").exponent(sizes, [3 * n**1.7 for n in sizes]) == pytest.approx(1.7)


@pytest.mark.parametrize(
    ("kernels", "levels", "is_slow"),
    [
        ("Haswell", ("baseline", "avx2"), False),
        ("Zen", ("baseline", "avx2", "avx512"), True),
        ("SkylakeX", ("baseline", "avx2", "avx512"), False),
        ("Prescott", ("baseline", "avx2"), True),
        ("Prescott", ("baseline",), False),
    ],
)
def test_blas_with_narrower_vectors_than_the_machine_is_told(bench, kernels, levels, is_slow):
    assert bool(bench("speed_machine").blas_note(kernels, levels)) == is_slow


def test_median_and_spread_ignore_one_outlier(bench):
    timing = bench("speed_machine").summarise([1.0, 1.0, 1.1, 1.0, 50.0])
    assert timing.median_s == 1.0
    assert timing.spread == pytest.approx(0.1)


def test_run_in_a_fresh_process_tells_time_and_memory(bench, tmp_path):
    images = np.random.default_rng(0).normal(size=(48, 32, 32)).astype(np.float32)
    write_stack(tmp_path / "images.mrcs", images, 2.0)
    outcome = bench("speed_runs").run_fresh(
        tmp_path / "images.mrcs", n_classes=2, initial_classes=1, iterations=2, threads=1
    )
    assert (outcome.n_images, outcome.n_classes, outcome.box_px) == (48, 2, 32)
    # One class for two iterations, then two classes for the rest.
    assert outcome.comparisons == 48 * (1 * 2 + 2 * (outcome.iterations - 2))
    assert outcome.cpu_s > outcome.levels_cpu_s > 0
    assert outcome.peak_bytes > outcome.private_bytes > 48 * outcome.coefficient_bytes
    assert {"planning", "reading", "levels", "averages"} <= set(outcome.timings)
