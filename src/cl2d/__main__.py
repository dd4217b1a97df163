"""``python -m cl2d``: the command line."""

from __future__ import annotations

import sys

from cl2d.cli import main

if __name__ == "__main__":
    sys.exit(main())
