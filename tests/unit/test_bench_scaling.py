"""Facts that hold of any run on workers, of the model of one."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

pytest.importorskip("distributed")

DOCS = Path(__file__).parents[2] / "docs"

GRID = {
    "box_px": 64,
    "grid": "28/12",
    "n_shifts": 55,
    "image_bytes": 16384,
    "coefficient_bytes": 2064,
    "class_bytes": 3840,
    "sum_bytes": 7680,
    "read_seconds": 0.2,
    "sum_seconds": 0.003,
    "average_seconds": 0.06,
    "cut_seconds": 0.01,
    "judge_seconds": 0.1,
    "classes": (4, 16, 64),
    "exhaustive_seconds": (0.04, 0.16, 0.64),
    "fast_seconds": (0.04, 0.07, 0.11),
}
CLUSTER = {
    "task_seconds": 1e-3,
    "round_trip_seconds": 0.01,
    "roll_call_seconds": 2e-4,
    "roll_calls": 4.0,
    "byte_seconds": 3e-9,
    "merge_byte_seconds": 1e-9,
    "sent_bytes_per_image": 28.0,
    "received_bytes_per_image": 28.0,
    "sent_bytes_per_task": 2000.0,
    "pack_seconds": 1e-7,
    "image_seconds": 1e-7,
    "class_seconds": 3e-4,
    "client_bytes_per_image": 350.0,
}
N = 100 * 4096


@pytest.fixture
def costs(bench):
    module = bench("scaling_costs")
    grids = (module.GridCosts(**GRID),)
    return module.Costs({}, grids, module.ClusterCosts(**CLUSTER))


@pytest.fixture
def free(costs):
    """Costs of a cluster on which nothing but computing takes any time."""
    nothing = dict.fromkeys(CLUSTER, 0.0)
    return replace(costs, cluster=type(costs.cluster)(**nothing))


@pytest.fixture
def cluster(bench):
    return bench("scaling_costs").Cluster


@pytest.fixture
def ideal(cluster):
    infinite = float("inf")

    def of(n_workers):
        return cluster(
            n_workers,
            speed_spread=0.0,
            network_bytes_per_second=infinite,
            latency_seconds=0.0,
            files_bytes_per_second=infinite,
        )

    return of


def run_of(bench, n_images=N, **changes):
    course = bench("scaling_course")
    found = course.default_run(n_images, 64, 64, course.Placement(False, False))
    return replace(found, **changes)


def test_one_worker_without_overhead_takes_the_time_of_all_that_is_computed(bench, free, ideal):
    found = bench("scaling_course").phases(run_of(bench), free, ideal(1))
    for phase in found:
        assert phase.seconds == pytest.approx(phase.alone_seconds)


@pytest.mark.parametrize("n_workers", [2, 5, 25])
def test_without_overhead_time_is_inverse_to_workers_that_have_as_many_images(
    bench, free, ideal, n_workers
):
    passes = bench("scaling_passes")
    work = passes.Work(block_seconds=0.5)
    spread = passes.spread_over(N, n_workers)
    found = passes.pass_seconds(work, spread, free.cluster, ideal(n_workers))
    assert found == pytest.approx(0.5 * 100 / n_workers)


def test_more_workers_than_blocks_make_nothing_faster(bench, free, ideal):
    passes = bench("scaling_passes")
    work = passes.Work(block_seconds=0.5)
    few, many = (
        passes.pass_seconds(work, passes.spread_over(N, w), free.cluster, ideal(w))
        for w in (100, 1000)
    )
    assert few == many == pytest.approx(0.5)


def test_speed_up_stays_below_amdahls_limit_and_comes_near_it(bench, free, ideal):
    course = bench("scaling_course")
    serial = 1e-6
    of_images = replace(free.grids[0], cut_seconds=0.0, judge_seconds=0.0)  # classes are few
    cluster = replace(free.cluster, image_seconds=serial)
    costs = replace(free, grids=(of_images,), cluster=cluster)
    run = run_of(bench, with_averages=False)
    run = replace(run, iterations=tuple(some for some in run.iterations if not some.sampled))
    iterations = sum(some.times * some.n_images for some in run.iterations)
    alone = sum(phase.alone_seconds for phase in course.phases(run, costs, ideal(1)))
    limit = alone / (serial * iterations)
    speed_ups = [course.outcome(run, costs, ideal(w)).speed_up for w in (1, 10, 100)]
    assert speed_ups[0] == pytest.approx(1)
    assert speed_ups == sorted(speed_ups)
    assert speed_ups[-1] < limit
    share = serial * iterations / alone
    assert speed_ups[1] == pytest.approx(1 / (share + (1 - share) / 10), rel=0.05)


@pytest.mark.parametrize(
    ("n_workers", "merged", "n_tasks"), [(2, False, 8), (2, True, 2), (20, False, 20)]
)
def test_tasks_are_about_a_part_or_about_all_parts_of_a_worker(bench, n_workers, merged, n_tasks):
    passes = bench("scaling_passes")
    tasks = passes.tasks_of(passes.spread_over(N, n_workers), merged=merged)
    assert len(tasks) == n_tasks
    assert sum(task.n_images for task in tasks) == N


def test_what_is_sent_through_one_connection_bounds_a_pass(bench, free, ideal):
    passes = bench("scaling_passes")
    slow = replace(ideal(10), network_bytes_per_second=1e6)
    work = passes.Work(block_seconds=0.0, out_bytes=10.0)
    seconds = passes.pass_seconds(work, passes.spread_over(N, 10), free.cluster, slow)
    assert seconds == pytest.approx(10 * N / 1e6)


def test_files_are_read_at_the_speed_of_what_all_share(bench, free, ideal):
    passes = bench("scaling_passes")
    shared = replace(ideal(20), files_bytes_per_second=1e8)
    work = passes.Work(block_seconds=0.0, file_bytes=1000.0)
    seconds = passes.pass_seconds(work, passes.spread_over(N, 20), free.cluster, shared)
    assert seconds == pytest.approx(1000 * N / 1e8)


@pytest.mark.parametrize("what", ["network_bytes_per_second", "files_bytes_per_second"])
def test_more_bandwidth_is_never_slower(bench, costs, cluster, what):
    course, run = bench("scaling_course"), run_of(bench)
    seconds = [
        course.total_seconds(run, costs, replace(cluster(50), **{what: bandwidth}))
        for bandwidth in (1e7, 1e8, 1e9, 1e10)
    ]
    assert seconds == sorted(seconds, reverse=True)


@pytest.mark.parametrize("what", sorted(CLUSTER.keys() - {"client_bytes_per_image"}))
def test_what_costs_more_never_makes_a_run_faster(bench, costs, cluster, what):
    course, run = bench("scaling_course"), run_of(bench)
    value = getattr(costs.cluster, what)
    dearer = replace(costs, cluster=replace(costs.cluster, **{what: 2 * value}))
    before, after = (course.total_seconds(run, some, cluster(50)) for some in (costs, dearer))
    assert after >= before


def test_a_run_waits_for_what_is_dear(bench, free, ideal):
    course, run = bench("scaling_course"), run_of(bench)
    for what, name in (
        ("image_seconds", "level loop"),
        ("task_seconds", "Dask's tasks"),
    ):
        dear = replace(free, cluster=replace(free.cluster, **{what: 1.0}))
        assert course.outcome(run, dear, ideal(10)).waits_for == name
    assert course.outcome(run, free, ideal(10)).waits_for == "computing"
    here = replace(run, placement=course.Placement(True, True))
    assert course.outcome(here, free, ideal(1000)).waits_for == "this process alone"


def test_every_iteration_that_options_allow_is_made_and_two_of_them_are_exhaustive(bench):
    run = run_of(bench)
    assert run.level_classes == [4, 8, 16, 32, 64]
    made = dict.fromkeys(run.level_classes, 0)
    for some in run.iterations:
        made[some.n_classes] += some.times
    # 10 for each level and 2 of all images after those of a sample; twice as many at the last
    # one, again for settling, and one that is exhaustive.
    sampled = {some.n_classes for some in run.iterations if some.sampled}
    assert made == {k: (10 if k < 64 else 41) + 2 * (k in sampled) for k in made}
    assert sum(some.times for some in run.iterations if not some.fast) == 2


def test_seconds_between_numbers_of_classes_lie_on_a_line(costs):
    grid = costs.grid(64)
    assert grid.assign_seconds(16, fast=False) == pytest.approx(0.16)
    assert grid.assign_seconds(40, fast=False) == pytest.approx(0.40)
    assert grid.assign_seconds(128, fast=False) == pytest.approx(1.28)
    with pytest.raises(ValueError, match="must be one that was measured"):
        costs.grid(100)


def test_workers_beyond_which_half_is_lost_are_more_for_more_particles(bench, costs, cluster):
    course = bench("scaling_course")
    few, many = (
        course.workers_of_half(run_of(bench, n_images=n), costs, cluster(1))
        for n in (50 * 4096, 500 * 4096)
    )
    assert 1 < few < many


def test_memory_of_a_worker_is_that_of_its_coefficients_and_sums(bench, costs, cluster):
    run = run_of(bench)
    _, alone = bench("scaling_course").memory_bytes(run, costs, cluster(1))
    _, shared = bench("scaling_course").memory_bytes(run, costs, cluster(10))
    of_sums = alone - N * 2064
    assert 0 < of_sums < 0.05 * alone
    assert shared == pytest.approx(N * 2064 / 10 + of_sums, rel=0.1)


def test_costs_come_back_from_their_file(bench, costs, tmp_path):
    module = bench("scaling_costs")
    module.kept(costs, tmp_path / "results" / "scaling.json")
    assert module.read_costs(tmp_path / "results" / "scaling.json") == costs


def test_page_has_a_cell_for_each_number_of_workers_and_particles(bench, costs, monkeypatch):
    page, course = bench("scaling_page"), bench("scaling_course")
    outcomes = [
        course.outcome(run_of(bench, n), costs, bench("scaling_costs").Cluster(w))
        for n in (4096, 4096 * 10)
        for w in (1, 10)
    ]
    monkeypatch.setattr(page, "IMAGES", (4096, 4096 * 10))
    lines = page.outcome_table(outcomes).splitlines()
    assert lines[0] == "| workers | 4,096 particles | 40,960 particles |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 1", "| 10"]
    assert "waits_for" in asdict(outcomes[0])
    assert page.duration(7200.0) == "2.0 h"


def test_plot_has_a_line_for_each_number_of_particles_and_the_ideal_one(bench, costs):
    course = bench("scaling_course")
    outcomes = [
        course.outcome(run_of(bench, n), costs, bench("scaling_costs").Cluster(w))
        for n in (4096, 4096 * 10)
        for w in (1, 10)
    ]
    picture = bench("scaling_plot").speed_up_plot(outcomes)
    assert picture.count('fill="none" stroke="#999999"') == 1
    assert picture.count("<circle") == 4
    assert "40,960 particles" in picture


def test_levels_on_an_engine_that_does_nothing_take_time_for_each_image(bench):
    loop = bench("scaling_loop")
    seconds = [loop.iteration_seconds(n) for n in (1000, 300_000)]
    assert 0 < seconds[0] < seconds[1] < 1


def test_page_that_is_kept_is_of_the_figures_that_are_kept(bench):
    page = bench("scaling_page")
    costs = bench("scaling_costs").read_costs(bench("scaling").RESULTS)
    text = (DOCS / "scaling.md").read_text()
    assert page.messages_table(costs.cluster) in text
    assert page.why_table(costs) in text
    assert page.memory_table(costs) in text
    assert all(
        page.duration(
            page.outcome(page.default_run(n, 64, page.CLASSES), costs, page.Cluster(1)).seconds
        )
        in text
        for n in page.IMAGES
    )
