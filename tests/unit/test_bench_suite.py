"""The suite of accuracy cases: its results file, its page, its comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cl2d.errors import InputError, InputFileError

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
