"""The figures, the results file and the tables of the accuracy suite."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from cl2d.errors import InputError, InputFileError
from cl2d.simulate.optics import contrast_transfer

BENCH = Path(__file__).parents[2] / "bench"
TINY = {
    "ctf": "none",
    "n_particles": 60,
    "n_views": 3,
    "box_px": 32,
    "snr": 1.0,
    "junk_fraction": 0.1,
    "shift_sd_px": 1.0,
}


@pytest.fixture
def bench(monkeypatch):
    """Import modules of the benchmarks as their scripts do, and forget them afterwards."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    yield import_module
    own = {path.stem for path in BENCH.glob("*.py")}
    for name in (set(sys.modules) - before) & own:
        del sys.modules[name]


@pytest.fixture
def cases(bench, monkeypatch):
    """Put two small simulated cases and one that is missing in place of all."""
    module = bench("suite_cases")
    made = [
        module.Case("tiny", 3, "anything", simulation=TINY),
        module.Case(
            "tiny-sphere", 4, "anything", module.ANGLE, {**TINY, "n_views": 0, "junk_fraction": 0.0}
        ),
        module.Case("absent", 3, "nothing", particles="none"),
    ]
    for case in made:
        monkeypatch.setitem(module.CASES, case.name, case)
    for name in set(module.CASES) - {case.name for case in made}:
        monkeypatch.delitem(module.CASES, name)
    return module.CASES


def made_run(bench, case, seed, label="now", **figures):
    """Return a run of a case with figures made by hand."""
    definition = bench("suite_cases").CASES[case].definition()
    made = {
        "commit": "abc",
        "processor": "P",
        "cores": 2,
        "threads": 1,
        "date": "2026-01-01",
    }
    particles = {"n_images": 60, "box_px": 32, "n_views": 3}
    figures = {"cpu_seconds": 2.0, **figures}
    return bench("suite_results").Run(label, case, definition, seed, figures, particles, made)


def angular(bench, directions, labels):
    figures = bench("accuracy_figures").angular_figures(np.array(directions, float), labels)
    return figures["angle_to_mean_deg"], figures["angle_worst_decile_deg"]


def test_members_along_one_line_are_at_no_angle_whatever_their_signs(bench):
    line = np.array([0.6, 0.0, 0.8])
    directions = [line, line, -line, -line, line]
    assert angular(bench, directions, np.zeros(5, np.int32)) == pytest.approx((0, 0), abs=1e-6)


def test_two_directions_lie_at_half_their_angle_from_the_middle(bench):
    tilt = np.radians([40.0, 60.0])
    directions = np.stack([np.sin(tilt), np.zeros(2), np.cos(tilt)], axis=1)
    directions[1] *= -1.0
    assert angular(bench, directions, np.zeros(2, np.int32)) == pytest.approx((10, 10))


def test_worst_decile_is_the_angle_that_one_in_ten_exceeds(bench):
    # Pairs at both sides of the z axis, 1 to 20 degrees from it: the axis stays in the middle.
    tilt = np.radians(np.repeat(np.arange(1.0, 21.0), 2) * np.tile([1, -1], 20))
    directions = np.stack([np.sin(tilt), np.zeros(40), np.cos(tilt)], axis=1)
    mean, decile = angular(bench, directions, np.zeros(40, np.int32))
    assert mean == pytest.approx(10.5)
    assert 18.0 <= decile <= 19.0


def test_angles_are_taken_within_classes_and_without_junk(bench):
    directions = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, -1, 0], [np.nan] * 3, [0, 0, 1]]
    labels = np.array([0, 0, 1, 1, 0, -1], np.int32)
    angles = bench("accuracy_figures").angles_to_class_axis_deg(np.array(directions, float), labels)
    assert angles[:4] == pytest.approx(0.0)
    assert np.isnan(angles[4:]).all()


def test_directions_at_random_are_57_degrees_from_any_axis(bench):
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((20_000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    mean, _ = angular(bench, directions, np.zeros(20_000, np.int32))
    # The mean of arccos u for u even in [0, 1] is 1 rad; the axis follows 20,000 draws a little.
    assert mean == pytest.approx(np.degrees(1.0), abs=1.0)


def test_compact_axes_are_closer_than_the_directions_they_start_from(bench):
    figures = bench("accuracy_figures")
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((3000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    directions[::10] = np.nan
    start = bench("cl2d.simulate.geometry").spread_directions(20, np.random.default_rng(0))
    compact = figures.compact_axes(directions, 20)
    angles = [
        figures.angular_figures(directions, figures.nearest_axis(directions, axes))
        for axes in (start, compact)
    ]
    assert angles[1]["angle_to_mean_deg"] < angles[0]["angle_to_mean_deg"]
    assert set(np.unique(figures.nearest_axis(directions, compact))) == set(range(-1, 20))
    assert (figures.nearest_axis(directions, compact)[::10] == -1).all()


def test_sizes_are_1_for_even_classes_and_their_number_for_a_single_one(bench):
    sizes = bench("accuracy_figures").size_figures
    even = sizes(np.arange(40, dtype=np.int32) % 4, 4)
    assert even == {"largest_over_even": 1.0, "concentration": 1.0, "classes_used": 1.0}
    one = sizes(np.array([2, 2, 2, -1], np.int32), 4)
    assert one == {"largest_over_even": 4.0, "concentration": 4.0, "classes_used": 0.25}


def test_classes_dealt_by_lot_are_a_little_uneven(bench):
    chance = bench("accuracy_figures").chance_sizes(2000, 10)
    # The largest of ten counts of 200 +- 13.4 lies 1.54 standard deviations above their mean.
    assert chance["largest_over_even"] == pytest.approx(1 + 1.54 * 13.4 / 200, abs=0.02)
    # The variance of a share over the square of the mean share: 0.1 * 0.9 / 2000 / 0.01.
    assert chance["concentration"] == pytest.approx(1.0045, abs=0.001)


def test_torn_views_are_not_kept_together_but_joined_ones_are(bench, cases):
    truth = bench("suite_cases").load_case(cases["tiny"], None).bench_set.truth
    label_figures = bench("accuracy_figures").label_figures
    joined = np.zeros(len(truth), np.int32)
    assert label_figures(truth, joined)["kept_together"] == 1.0
    torn = (2 * truth.view + np.arange(len(truth)) % 2).astype(np.int32)
    figures = label_figures(truth, torn)
    assert figures["purity"] == 1.0
    assert 0.5 <= figures["kept_together"] < 0.75


@pytest.mark.usefixtures("cases")
def test_suite_goes_on_where_it_stopped_and_names_missing_sets(bench, tmp_path, capsys):
    results, page = tmp_path / "results.jsonl", tmp_path / "page.md"
    command = ["--suite", "--threads", "1", "--results", str(results), "--label", "now"]
    main = bench("accuracy").main
    assert main([*command, "--seeds", "1"]) == 0
    first = results.read_text()
    assert len(first.splitlines()) == 4  # an oracle and a seed for each of two cases
    assert "absent: left out" in capsys.readouterr().err
    # As if the next run had been stopped in the middle of a line.
    results.write_text(first + '{"label": "no')
    assert main([*command, "--seeds", "2", "--table", str(page)]) == 0
    assert results.read_text().startswith(first)
    runs = bench("suite_results").ResultsFile(results).runs()
    assert [(run.case, run.seed) for run in runs[4:]] == [("tiny", 1), ("tiny-sphere", 1)]
    assert main([*command, "--seeds", "2"]) == 0
    assert len(results.read_text().splitlines()) == 6
    assert "| tiny | 3 | 2 |" in page.read_text()
    assert "Not run: absent." in page.read_text()


def test_oracle_of_a_simulated_sphere_assigns_to_true_projections(bench, cases):
    suite = bench("suite_oracle")
    loaded = bench("suite_cases").load_case(cases["tiny-sphere"], None)
    figures = suite.oracle_figures(loaded, 1)
    nearest = suite.oracle_figures(replace(loaded, simulation=None), 1)
    # At this SNR nearly every image goes to the nearest projection, and none does better.
    assert nearest["angle_to_mean_deg"] <= figures["angle_to_mean_deg"]
    assert figures["angle_to_mean_deg"] < nearest["angle_to_mean_deg"] + 10.0


@pytest.mark.parametrize("ctf", ["none", "flipped", "raw"])
def test_oracle_sees_views_as_the_mean_over_all_particles_would(bench, ctf):
    module = bench("suite_cases")
    case = module.Case("ctf", 3, "anything", simulation={**TINY, "ctf": ctf})
    loaded = module.load_case(case, None)
    views, truth = loaded.bench_set.views, loaded.bench_set.truth
    slow = np.zeros_like(views, dtype=np.float64)
    for row in np.flatnonzero(truth.good):
        transfer = np.ones((32, 17))
        if ctf != "none":
            transfer = contrast_transfer(truth.take(slice(row, row + 1)), 32, 4.0)[0]
        if ctf == "flipped":
            transfer = np.abs(transfer)
        slow += np.fft.irfft2(np.fft.rfft2(views) * transfer, s=(32, 32))
    slow /= truth.good.sum()
    seen = bench("suite_oracle").as_averaged(views, loaded)
    # float32 throughout, on values of the order of 1
    np.testing.assert_allclose(seen, slow, atol=1e-5 * np.abs(views).max())


def test_runs_come_back_from_the_file_as_they_were(bench, cases, tmp_path):
    results = bench("suite_results").ResultsFile(tmp_path / "new" / "results.jsonl")
    run = made_run(bench, "tiny", 3, adjusted_rand_index=0.5)
    assert results.runs() == []
    results.append(run)
    results.append(replace(run, figures={"purity": float("nan")}))
    first, second = results.runs()
    assert first == run
    assert np.isnan(second.figures["purity"])
    assert results.done("now", cases["tiny"]) == {3}
    assert results.done("then", cases["tiny"]) == set()


def test_runs_of_a_case_that_was_changed_are_made_again(bench, cases, tmp_path):
    results = bench("suite_results").ResultsFile(tmp_path / "results.jsonl")
    results.append(made_run(bench, "tiny", 0))
    changed = replace(cases["tiny"], n_classes=5)
    assert results.done("now", changed) == set()


@pytest.mark.usefixtures("cases")
def test_a_line_that_is_no_run_is_named(bench, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text('{"label": "now"}\n')
    with pytest.raises(InputFileError, match=r"results\.jsonl, line 1"):
        bench("suite_results").ResultsFile(path).runs()


def stored_runs(bench, tmp_path, runs):
    path = tmp_path / "results.jsonl"
    for run in runs:
        bench("suite_results").ResultsFile(path).append(run)
    return path


@pytest.mark.usefixtures("cases")
def test_page_gives_median_worst_and_share_of_the_oracle(bench, tmp_path):
    runs = [
        made_run(bench, "tiny", seed, adjusted_rand_index=value, purity=0.9, views_found=1.0)
        for seed, value in enumerate([0.9, 0.8, 0.5])
    ]
    runs.append(made_run(bench, "tiny", "oracle", adjusted_rand_index=1.0, purity=0.95))
    text = bench("quality_table").page_of(stored_runs(bench, tmp_path, runs), None)
    cells = "0.800 | 0.500 | 1.000 | 0.80 | **no** | 0.900 | 0.950 | 1.000 | 2.0"
    assert f"| tiny | 3 | 3 | {cells} |\n" in text
    assert "Commit abc; P, 2 cores, 1 thread(s) a run; 2026-01-01." in text
    assert "Every direction alike" not in text
    # A table row is as long as its figures; the rest is to be read.
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 110


@pytest.mark.usefixtures("cases")
def test_largest_angle_is_the_worst_and_steady_within_a_tenth(bench, tmp_path):
    runs = [
        made_run(bench, "tiny-sphere", seed, angle_to_mean_deg=value)
        for seed, value in enumerate([10.0, 11.0, 10.0])
    ]
    text = bench("quality_table").page_of(stored_runs(bench, tmp_path, runs), "now")
    assert "| tiny-sphere | 4 | 3 | 10.00 | 11.00 | - | - | yes | - | - | 2.0 |" in text


@pytest.mark.usefixtures("cases")
def test_comparison_is_over_the_seeds_that_both_have(bench, tmp_path, capsys):
    runs = [
        made_run(bench, "tiny", seed, "before", adjusted_rand_index=value)
        for seed, value in enumerate([0.5, 0.7, 0.1])
    ]
    runs += [
        made_run(bench, "tiny", seed, "after", adjusted_rand_index=value, cpu_seconds=3.0)
        for seed, value in enumerate([0.8, 0.8])
    ]
    path = stored_runs(bench, tmp_path, runs)
    assert bench("quality_table").main([str(path), "--compare", "before", "after"]) == 0
    text = capsys.readouterr().out
    assert "| tiny | ARI | 2 | 0.600 | 0.800 | +0.200 | 0.500 | 0.800 | 1.50 |" in text
    assert "CPU time: 1.50 times" in text
    assert "ARI: +0.200 in the median run, +0.300 in the worst" in text


@pytest.mark.usefixtures("cases")
def test_unknown_labels_and_cases_are_answered_with_the_known_ones(bench, tmp_path, capsys):
    path = stored_runs(bench, tmp_path, [made_run(bench, "tiny", 0)])
    assert bench("quality_table").main([str(path), "--label", "other"]) == 2
    assert "*label* must be one of now, not other" in capsys.readouterr().err
    with pytest.raises(InputError, match="must be of tiny, tiny-sphere, absent, not big"):
        bench("suite_cases").chosen_cases(["big"])


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--suite", "A64"], "--cases"),
        (["--suite", "--set-option", "clustering=robust"], "--label must name the variant"),
    ],
)
def test_options_that_would_be_lost_in_a_suite_are_refused(bench, capsys, arguments, answer):
    with pytest.raises(SystemExit):
        bench("accuracy").main(arguments)
    assert answer in capsys.readouterr().err


def test_every_case_has_a_table_and_options_the_simulator_takes(bench):
    module = bench("suite_cases")
    judged = {section.judged_by for section in bench("quality_sections").SECTIONS}
    assert len(module.CASES) > 30
    for case in module.CASES.values():
        assert case.judged_by in judged
        assert module.described_particles(case)
        assert case.seeds(5) == range(min(5, case.max_seeds or 5))
