"""Fixtures that several files of tests share."""

from __future__ import annotations

import signal
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


def pytest_configure() -> None:
    """Have programs that tests start mind signals, as they do in a terminal.

    Where nohup or a shell's background has the tests ignore these, so would all that they start.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


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
