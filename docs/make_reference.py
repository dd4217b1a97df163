"""Make the pages of docs/reference from the program itself.

    python docs/make_reference.py            compare the pages with new ones
    python docs/make_reference.py --write    replace them

The exit code is 1 if a page differs from what would be made now.

Commands come from the parameters of the command line, which are made from the option models;
functions and classes from the signatures and docstrings of what :mod:`cl2d` exports.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from reference_pages.api import api_page
from reference_pages.commands import commands_page

FOLDER = Path(__file__).parent / "reference"


def main(words: list[str]) -> int:
    """Compare or replace the pages and return the exit code."""
    made = {"commands.md": commands_page(), "api.md": api_page()}
    differences = []
    for name, text in made.items():
        path = FOLDER / name
        if "--write" in words:
            path.write_text(text, encoding="utf-8")
        committed = path.read_text(encoding="utf-8") if path.is_file() else ""
        lines = committed.splitlines(), text.splitlines()
        differences += difflib.unified_diff(*lines, f"docs/reference/{name}", "new", lineterm="")
    if differences:
        print(*differences, sep="\n")
        print("\nnox -s docs -- --write renews the pages")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
