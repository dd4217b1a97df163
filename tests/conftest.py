"""Fixtures that several files of tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.particle_files import write_two_stacks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def two_stacks(tmp_path: Path) -> Path:
    """Return a folder with the two small stacks of ``write_two_stacks``."""
    write_two_stacks(tmp_path)
    return tmp_path
