"""Build the layer of failing calls, and word its rules."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")


@dataclass(frozen=True)
class Rule:
    """A call on files that match a pattern does something else, from the nth time on."""

    call: str
    pattern: str
    action: str
    nth: int = 1
    times: int = 0

    def line(self) -> str:
        """Return the rule as the shim reads it; errors go by number there."""
        action = str(getattr(errno, self.action)) if self.action.isupper() else self.action
        return "\t".join([self.call, self.pattern, action, str(self.nth), str(self.times)])


def rules_text(rules: list[Rule]) -> str:
    return "\n".join(rule.line() for rule in rules)


def why_not() -> str | None:
    """Return why the layer cannot be built here; None if it can."""
    if not sys.platform.startswith("linux"):
        return "needs LD_PRELOAD and /proc of Linux"
    return None if _compiler() else "needs a C compiler"


def _compiler() -> str | None:
    return next(
        (found for name in ("cc", "gcc", "clang", "g++") if (found := shutil.which(name))), None
    )


def build(folder: Path) -> Path:
    """Compile the shim into a folder and return the library."""
    library = folder / "faults.so"
    compiler = _compiler()
    assert compiler is not None
    language = ["-x", "c"]
    options = ["-shared", "-fPIC", "-O1", "-w", "-o", str(library), *language, str(SOURCE)]
    subprocess.run([compiler, *options, "-x", "none", "-ldl", "-lpthread"], check=True)
    return library
