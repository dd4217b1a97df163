"""Whole runs of the command line whose files fail at every moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.runs import Bench, Outcome, is_whole
from tests.faults.shim import why_not
from tests.faults.table import WRITTEN, Row

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

KILLED = -9


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def outcomes(small_set: Bench) -> list[tuple[Row, Outcome]]:
    rows = small_set.rows(every=False)
    return list(zip(rows, small_set.outcomes(rows), strict=True))


def test_run_without_faults_is_complete_and_writes_what_the_table_names(small_set: Bench) -> None:
    assert (small_set.good.code, small_set.good.said, small_set.good.status) == (0, "", "complete")
    assert small_set.written() == set(WRITTEN) == set(small_set.good.files)


def test_every_fault_took_effect(outcomes: list[tuple[Row, Outcome]]) -> None:
    assert [row.title for row, outcome in outcomes if not outcome.fired] == []


def test_exit_codes_are_as_told(outcomes: list[tuple[Row, Outcome]]) -> None:
    wrong = {row.title: (out.code, out.said) for row, out in outcomes if out.code != row.code}
    assert wrong == {}


def test_one_line_names_the_file(outcomes: list[tuple[Row, Outcome]]) -> None:
    for row, outcome in outcomes:
        errors = [line for line in outcome.said.splitlines() if "error:" in line]
        assert len(errors) == (row.code > 0), row.title
        assert row.names is None or Path(row.names).stem in outcome.said, row.title
        assert "Traceback" not in outcome.said, row.title


def test_nothing_is_said_of_faults_that_do_no_harm(outcomes: list[tuple[Row, Outcome]]) -> None:
    quiet = [(row, outcome) for row, outcome in outcomes if row.names is None]
    assert len(quiet) > 5
    assert {row.title: outcome.said for row, outcome in quiet if outcome.said} == {}


def test_record_never_says_complete_of_a_run_that_is_not(
    outcomes: list[tuple[Row, Outcome]],
) -> None:
    wrong = {row.title: out.status for row, out in outcomes if out.status not in row.status}
    assert wrong == {}
    assert not [row for row, out in outcomes if out.status == "complete" and out.code != 0]


def test_files_are_whole_or_absent(small_set: Bench, outcomes: list[tuple[Row, Outcome]]) -> None:
    for row, outcome in outcomes:
        for name in set(outcome.files) - set(outcome.temporaries):
            good = small_set.good.files.get(name, b"")
            assert is_whole(name, outcome.files[name], good), f"{row.title}: {name}"


def test_complete_runs_have_all_files(
    small_set: Bench, outcomes: list[tuple[Row, Outcome]]
) -> None:
    for row, outcome in outcomes:
        if outcome.status == "complete":
            assert set(outcome.files) == set(small_set.good.files), row.title


def test_no_temporary_file_stays_unless_the_process_was_killed(
    outcomes: list[tuple[Row, Outcome]],
) -> None:
    left = {row.title: out.temporaries for row, out in outcomes if out.code != KILLED}
    assert {title: names for title, names in left.items() if names} == {}


def test_input_is_never_touched(outcomes: list[tuple[Row, Outcome]]) -> None:
    assert all(outcome.inputs_as_before for _, outcome in outcomes)
