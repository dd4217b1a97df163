"""Fixtures that several files of tests share."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.particle_files import write_two_stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import modules of the benchmarks as their scripts do, and forget them afterwards."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    yield import_module
    own = {path.stem for path in BENCH.glob("*.py")}
    for name in (set(sys.modules) - before) & own:
        del sys.modules[name]


@pytest.fixture
def two_stacks(tmp_path: Path) -> Path:
    """Return a folder with the two small stacks of ``write_two_stacks``."""
    write_two_stacks(tmp_path)
    return tmp_path
