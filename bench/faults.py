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
from tests.faults.table import WRITTEN

SOME_FILE = "a file"

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
    wrong = [
        row.title
        for row, outcome in zip(rows, outcomes, strict=True)
        if not is_right(row, outcome, bench.good)
    ]
    print_table(list(zip(rows, outcomes, strict=True)), folder)
    print(f"\n{len(rows)} runs, {len(wrong)} not as they must be", *wrong, sep="\n- ")
    return int(bool(wrong))


def print_table(runs: list[tuple[Row, Outcome]], folder: str) -> None:
    """Print a row for each fault; files that fail in the same way, to the same end, have one."""
    groups: dict[tuple[str, ...], list[tuple[Row, Outcome]]] = {}
    for row, outcome in runs:
        again = ", over an earlier run" if row.earlier_run else ""
        end = (str(outcome.code), outcome.status or "none")
        what = SOME_FILE if row.moment in WRITTEN else row.moment
        groups.setdefault((what, row.fault + again, *end), []).append((row, outcome))
    print("| moment | fault | exit | run.json | files, all whole | says |")
    print("|---|---|---|---|---|---|")
    for (what, *cells), of_group in groups.items():
        names = {row.moment for row, _ in of_group}
        alone = len(names) == 1 and what == SOME_FILE
        title = f"writing `{names.pop()}`" if alone else what
        counts = sorted(sum(name in WRITTEN for name in out.files) for _, out in of_group)
        files = str(counts[0]) if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
        if len(of_group) > 1:
            title = f"writing each of {len(of_group)} files"
        print("| " + " | ".join([title, *cells, files, said(of_group[0][1], folder)]) + " |")


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
    """Return the last line of what a run said, without the folders that the bench made."""
    lines = outcome.said.replace(folder, "").splitlines() or [""]
    if outcome.code <= 0:
        lines = [f"warning: {lines[-1]}" if lines[-1] else ""]
    words = lines[-1].removeprefix("cl2d: error: ").removesuffix(" (--debug shows where)")
    return words.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
