"""The command line: a thin face of the functions in Python."""

from __future__ import annotations

from cl2d.cli.app import app, main

__all__ = ["app", "main"]
