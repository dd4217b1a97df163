from __future__ import annotations

import json

import pytest

PROFILE = """\
version: 1
positions: line
events: Ir
ob=/usr/lib/libgomp.so.1
fl=???
fn=GOMP_parallel
0 700
cob=/build/program
cfn=loop
calls=1 12
0 60
ob=/build/program
fl=search.cpp
fn=counted_search
12 4
+3 1
cob=/usr/lib/libm.so.6
cfn=sin
calls=2 0
+1 90
fi=search.inl
* 2
-2 3
ob=/usr/lib/libm.so.6
fn=sin
0 90
"""


def test_instructions_of_other_libraries_and_of_calls_are_left_out(bench):
    own = bench("instructions").own_instructions
    assert own(PROFILE, "/build/program") == 4 + 1 + 2 + 3
    assert own(PROFILE, "/usr/lib/libm.so.6") == 90
    assert own(PROFILE, "/build/prog") == 0


@pytest.mark.parametrize(
    ("counted", "fails", "asks_to_renew"),
    [
        (1000, False, False),
        (1049, False, False),
        (1051, True, True),
        (951, False, False),
        (949, False, True),
    ],
)
def test_five_percent_more_fails_and_five_percent_fewer_asks_for_new_figures(
    bench, counted, fails, asks_to_renew
):
    (verdict,) = bench("instructions").compare({"search": counted}, {"search": 1000})
    assert verdict.fails == fails
    assert ("nox -s instructions -- --renew" in verdict.words) == asks_to_renew


def test_case_without_a_committed_figure_fails(bench):
    (verdict,) = bench("instructions").compare({"search": 1000}, {"refine": 1000})
    assert verdict.fails
    assert "no committed figure" in verdict.words


def test_counts_of_another_compiler_are_told_but_not_compared(bench, capsys):
    instructions = bench("instructions")
    counted = instructions.Figures("gcc 14", {"search": 5000})
    assert instructions.report(counted, instructions.Figures("gcc 12", {"search": 1000})) == 0
    out = capsys.readouterr().out
    assert "5,000" in out
    assert "not comparable" in out
    assert instructions.report(counted, instructions.Figures("gcc 14", {"search": 1000})) == 1


def test_committed_figures_are_of_the_cases_that_are_counted(bench):
    instructions = bench("instructions")
    committed = instructions.Figures(**json.loads(instructions.FIGURES.read_text()))
    assert set(committed.instructions) == set(instructions.CASES)
