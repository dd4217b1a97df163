"""The page of the suite's results, or a table that compares two variants of the program.

python bench/quality_table.py build/accuracy_suite.jsonl > docs/quality.md
python bench/quality_table.py build/accuracy_suite.jsonl --compare before after
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from quality_comparison import comparison
from quality_page import page
from quality_summary import checked_label, summaries
from suite_results import ResultsFile

from cl2d.errors import InputError
from cl2d.io.atomic import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="file that accuracy.py --suite wrote")
    parser.add_argument("--label", help="which variant; default: that of the last run")
    parser.add_argument("--compare", nargs=2, metavar=("BEFORE", "AFTER"), help="two labels")
    options = parser.parse_args(arguments)
    try:
        if options.compare is None:
            print(page_of(options.results, options.label), end="")
        else:
            print(comparison_of(options.results, *options.compare), end="")
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def page_of(results: Path, label: str | None) -> str:
    """Return the page of one variant, in Markdown."""
    runs = ResultsFile(results).runs()
    return page(summaries(runs, checked_label(runs, label)))


def comparison_of(results: Path, before: str, after: str) -> str:
    """Return the comparison of two variants, in Markdown."""
    runs = ResultsFile(results).runs()
    first, second = (summaries(runs, checked_label(runs, label)) for label in (before, after))
    return comparison(first, second)


def write_page(path: Path, results: Path, label: str) -> None:
    """Write the page of one variant."""
    with atomic_path(path) as temporary:
        temporary.write_text(page_of(results, label), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
