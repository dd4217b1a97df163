from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cl2d.io import read_stack
from cl2d.options import LevelOptions

# A grid of 3 rings and 8 angles, so that formulas can be followed by hand.
BOX, SIDE, RINGS, ANGLES, COEFFICIENTS, SHIFTS = 16, 8, 3, 8, 10, 7
RING_TRANSFORMS = RINGS * 2.5 * ANGLES * 3  # log2 of 8 is 3
SAMPLES = RINGS * ANGLES // 2
TURN = 6 * COEFFICIENTS + RING_TRANSFORMS + 6 * SAMPLES
PAIR = 8 * COEFFICIENTS + 5 * ANGLES * 3


@pytest.fixture
def formulas(bench):
    return bench("speed_formulas")


@pytest.fixture
def sizes(formulas):
    return formulas.Sizes(BOX, SIDE, RINGS, ANGLES, COEFFICIENTS, SHIFTS)


def test_search_takes_a_pair_for_each_class_and_shift(formulas, sizes):
    work = formulas.search(sizes, n_classes=5)
    assert work.flop == 5 * SHIFTS * PAIR
    assert work.bytes == 8 * COEFFICIENTS + 8 * 5


def test_fast_search_takes_its_pairs_a_move_and_the_refinement(formulas, sizes):
    moving = 2 * RING_TRANSFORMS + 6 * SAMPLES
    expected = 33 * PAIR + moving + formulas.refine(sizes).flop
    assert formulas.fast(sizes, 5, pairs=33).flop == expected


def test_what_is_done_with_a_pose_begins_with_turning_the_image(formulas, sizes):
    assert formulas.update(sizes).flop == TURN + 2 * SAMPLES
    assert formulas.refine(sizes).flop == 4 * (TURN + 33 * SAMPLES)
    assert formulas.component(sizes).flop == TURN + 11 * 32 * SAMPLES


def test_pixels_are_counted_for_the_box_they_are_handled_in(formulas, sizes):
    padded_bytes = 16 * SIDE * (SIDE + 1)
    assert formulas.read(sizes) == formulas.Work(0, 8 * BOX**2)
    assert formulas.average(sizes) == formulas.Work(221 * BOX**2, 4 * BOX**2)
    assert formulas.transform(sizes).bytes == 4 * SIDE**2 + padded_bytes
    sampled = formulas.sample(sizes)
    assert sampled.flop == 168 * SAMPLES + RING_TRANSFORMS + 8 * COEFFICIENTS
    assert sampled.bytes == padded_bytes + 8 * COEFFICIENTS


@pytest.mark.parametrize("name", ["transform", "prepare"])
def test_two_dimensional_transforms_are_those_of_rows_and_of_half_the_columns(
    formulas, sizes, name
):
    def dft(n: int) -> float:
        return 5 * n * math.log2(n)

    by_hand = {
        "transform": 2 * SIDE * dft(2 * SIDE) / 2 + (SIDE + 1) * dft(2 * SIDE),
        "prepare": 5 * BOX**2
        + BOX * dft(BOX) / 2
        + SIDE / 2 * dft(BOX)
        + SIDE / 2 * dft(SIDE)
        + SIDE * dft(SIDE) / 2,
    }
    assert getattr(formulas, name)(sizes).flop == by_hand[name]


def test_coefficients_are_counted_as_the_engine_stores_them(bench, formulas):
    workload = bench("speed_workload")
    load = workload.Workload(workload.GRIDS[0], 16)
    sizes = formulas.Sizes.of(64, load.engine.grid, len(load.engine.shifts))
    assert sizes.image_bytes * 16 == load.block.bytes
    assert sizes.n_shifts == workload.n_shifts_of(workload.GRIDS[0])


def test_roofline_is_the_longer_of_computing_and_moving(formulas):
    peak = formulas.Peak(flop_per_s=100.0, bytes_per_s=10.0)
    assert formulas.Work(flop=200, bytes=10).bound(peak) == formulas.Bound(2.0, "arithmetic")
    assert formulas.Work(flop=50, bytes=10).bound(peak) == formulas.Bound(1.0, "memory")


def test_phase_at_the_roofline_has_a_share_of_one(bench, formulas):
    peak = formulas.Peak(flop_per_s=100.0, bytes_per_s=10.0)
    row = bench("speed_roofline").phase_figures(formulas.Work(200, 10), 2.0, peak)
    assert (row["share_of_roofline"], row["share_of_sgemm"]) == (1.0, 1.0)
    assert row["share_of_bandwidth"] == 0.5


def test_page_tells_every_phase_machine_and_formula(bench, tmp_path):
    page = tmp_path / "page.md"
    assert bench("speed").main(["roofline", "--quick", "--page", str(page)]) == 0
    told = page.read_text()
    for name, words in bench("speed_phases").PHASES.items():
        assert f"| {name} | {words.does} | {words.flop} | {words.bytes} |" in told
        assert f"- **{name}**, " in told
    assert "commit " in told
    assert "load " in told
    assert "kernels of " in told


def test_page_is_made_of_stored_results_and_the_last_of_a_table_counts(bench, tmp_path):
    machine = bench("speed_machine").describe_machine()
    fast = bench("speed_sections").FAST
    paths = []
    for number, processor in enumerate(("slow one", "quick one")):
        made = vars(replace(machine, processor=processor))
        document = {"machine": made, fast: [{"grid": "28/12", "times_faster": 2.5 + number}]}
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(document))
    page = tmp_path / "page.md"
    bench("speed").main(["--page", str(page), "--results", *map(str, paths)])
    told = page.read_text()
    assert "slow one" in told
    assert "quick one" in told
    assert "| 28/12 | 3.5 |" in told
    assert "| 28/12 | 2.5 |" not in told
    assert "## Growth" not in told


def test_two_threads_mean_nothing_where_other_jobs_take_a_core(bench):
    is_meaningful = bench("speed_threads").is_meaningful
    assert is_meaningful(2, 2, 0.05) == "yes"
    assert is_meaningful(2, 2, 0.5) == "no: too busy"
    assert is_meaningful(2, 4, 1.5) == "yes"
    assert is_meaningful(2, 2, float("nan")) == "unknown"


def test_million_images_are_one_block_again_and_again(bench):
    block = np.arange(5 * 2 * 2, dtype=np.float32).reshape(5, 2, 2)
    stack = bench("speed_million").RepeatedStack(block, 12)
    assert stack.shape == (12, 2, 2)
    np.testing.assert_array_equal(stack[0:12], np.concatenate([block, block, block[:2]]))
    np.testing.assert_array_equal(stack[4:6], block[[4, 0]])


def test_whole_run_is_extrapolated_from_blocks_by_levels_and_iterations(bench):
    million = bench("speed_million")
    found = million.Measured(
        n_images=100,
        n_classes=8,
        block_images=10,
        grid="28/12",
        n_shifts=55,
        ingest_s=3600.0,
        assign_s=1.0,
        assigned="fast",
        update_s=36.0,
        coefficient_bytes=1,
        private_bytes=2,
        level_classes=[4, 8],
        block_exhaustive_s=[36.0, 72.0],
        block_fast_s=[36.0, 18.0],
        block_average_s=18.0,
    )
    assert million.whole_iterations_by_level([4, 8], 100) == [10, 40]
    exhaustive, fast = million.extrapolated_rows(found)
    assert exhaustive["iterations"] == 50
    assert exhaustive["assign_h"] == pytest.approx(10 * (10 * 36 + 40 * 72) / 3600)
    # The first iteration is exhaustive, here as fast as the fast search, and so is one more.
    assert fast["assign_h"] == pytest.approx(10 * (10 * 36 + 40 * 18 + 72) / 3600)
    assert exhaustive["total_cpu_h"] == pytest.approx(
        1 + exhaustive["assign_h"] + 50 * 36 / 3600 + 2 * 10 * 18 / 3600
    )


def test_iterations_of_a_sample_count_as_their_share_of_the_images(bench):
    million = bench("speed_million")
    per_class = LevelOptions().images_per_class
    few, many = million.whole_iterations_by_level([4, 8], 40 * per_class)
    assert few == pytest.approx(10 * 4 / 40 + 2)
    assert many == pytest.approx(40 * 8 / 40 + 2)


def test_large_sets_grow_to_a_hundred_thousand_images_and_vary_nothing_else(bench):
    growth = bench("speed_growth").growth_of(quick=False, large=True, n_classes=16)
    assert growth.images == (20_000, 50_000, 100_000)
    assert growth.usual_classes == 16
    assert growth.classes == growth.boxes_px == ()


def test_first_images_of_a_stack_are_a_stack_of_their_own(bench, tmp_path):
    growth, runs = bench("speed_growth"), bench("speed_runs")
    stack = runs.simulated_stack(tmp_path, 20, 32)
    some = growth.first_images(stack, 7)
    np.testing.assert_array_equal(read_stack(some), read_stack(stack)[:7])
