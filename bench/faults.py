"""What becomes of a run whose files fail, as a table: ``python bench/faults.py [--every]``.

Runs the table of ``tests/faults``: the same rows as the tests, or with ``--every`` all ways
in which each file can fail. Needs Linux and a C compiler; exit code 1 if any row
is not as it must be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faults.runs import Bench, is_whole
from tests.faults.shim import why_not

if TYPE_CHECKING:
    from tests.faults.runs import Outcome
    from tests.faults.table import Row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", action="store_true", help="every file in every way")
    every = parser.parse_args().every
    if why_not() is not None:
        print(why_not())
        return 1
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        rows = bench.rows(every=every)
        outcomes = bench.outcomes(rows)
    n_wrong = 0
    print("| moment or file | fault | exit | run.json | files | says |")
    print("|---|---|---|---|---|---|")
    for row, outcome in zip(rows, outcomes, strict=True):
        right = is_right(row, outcome, bench.good)
        n_wrong += not right
        again = ", over an earlier run" if row.earlier_run else ""
        files = f"{len(outcome.files) - len(outcome.temporaries)} of {len(bench.good.files)} whole"
        cells = [row.moment, row.fault + again, str(outcome.code), outcome.status or "none", files]
        print("| " + " | ".join([*cells, said(outcome, folder)]) + " |" + " WRONG" * (not right))
    print(f"\n{len(rows)} runs, {n_wrong} not as they must be")
    return int(n_wrong > 0)


def is_right(row: Row, outcome: Outcome, good: Outcome) -> bool:
    """Return whether a run ended as it must; what the tests of the table ask for."""
    left = set(outcome.temporaries)
    whole = all(
        is_whole(name, content, good.files.get(name, b""))
        for name, content in outcome.files.items()
        if name not in left
    )
    named = row.names is None or Path(row.names).stem in outcome.said
    ended = outcome.code == row.code and outcome.status in row.status
    return (
        ended
        and named
        and whole
        and bool(outcome.fired)
        and outcome.inputs_as_before
        and (not left or outcome.code < 0)
    )


def said(outcome: Outcome, folder: str) -> str:
    """Return the last line of what a run said, without the folders of this bench."""
    lines = outcome.said.replace(folder, "").splitlines() or [""]
    words = lines[-1].removeprefix("cl2d: error: ").removesuffix(" (--debug shows where)")
    return words.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
