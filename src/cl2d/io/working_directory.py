"""Names of files for programs that run in the working directory, as those of the field do."""

from __future__ import annotations

from pathlib import Path


def path_from_here(path: Path) -> Path:
    """Return the path from the working directory if it lies below that, else the whole path."""
    here, whole = Path.cwd(), path.absolute()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole
