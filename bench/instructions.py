"""Instructions of the engine on small fixed cases, beside the committed figures.

    python bench/instructions.py build/bench/cpp/cl2d_instructions
    python bench/instructions.py build/bench/cpp/cl2d_instructions --renew

`nox -s instructions` builds the program first. Clocks depend on what else a machine does;
instructions do not, and so show a change of a few percent. Only those of the engine itself are
counted, not those of the libraries below it, which differ from one system to the next.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIGURES = Path(__file__).with_suffix(".json")
RENEW = "nox -s instructions -- --renew"
CASES = ("search", "search_at_one_shift", "refine", "update")
KERNELS = "avx2"
"""The widest that valgrind knows."""
TOLERANCE = 0.05
COUNTED_FUNCTIONS = "counted_*"


@dataclass(frozen=True)
class Figures:
    """Instructions by case, and the compiler (name and major version) they belong to."""

    compiler: str
    instructions: dict[str, int]


@dataclass(frozen=True)
class Verdict:
    """What a count says of a case."""

    case: str
    counted: int
    committed: int | None

    @property
    def change(self) -> float | None:
        """Relative change, None where nothing is committed."""
        return None if self.committed is None else self.counted / self.committed - 1

    @property
    def fails(self) -> bool:
        """Tell whether the case takes clearly more than is committed, or has no figure at all."""
        return self.change is None or self.change > TOLERANCE

    @property
    def words(self) -> str:
        """One line for the log."""
        line = f"{self.case:20} {self.counted:>13,}"
        if self.change is None:
            return f"{line}  has no committed figure: run `{RENEW}`"
        line += f"  committed {self.committed:>13,}  {self.change:+7.1%}"
        if self.fails:
            return f"{line}  MORE than {TOLERANCE:.0%}: mend it, or run `{RENEW}` and say why"
        if self.change < -TOLERANCE:
            return f"{line}  fewer: run `{RENEW}`, so that the gain is kept"
        return line


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, and compare or renew; return 1 where some case takes clearly more."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, help="cl2d_instructions, as CMake built it")
    parser.add_argument("--renew", action="store_true", help="commit what is counted now")
    parser.add_argument("--figures", type=Path, default=FIGURES, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    compiler, *levels = _output([str(options.program), "about"]).splitlines()
    if KERNELS not in levels:
        print(f"this machine has no {KERNELS}, so that nothing can be counted: passed")
        return 0
    counted = Figures(compiler, {case: count(options.program, case) for case in CASES})
    if options.renew:
        options.figures.write_text(json.dumps(asdict(counted), indent=2) + "\n")
        print(f"{options.figures} holds what {compiler} makes of the engine now: {counted}")
        return 0
    return report(counted, Figures(**json.loads(options.figures.read_text())))


def report(counted: Figures, committed: Figures) -> int:
    """Print a line for each case and return the exit status."""
    print(f"instructions with {KERNELS} kernels, compiled by {counted.compiler}")
    if counted.compiler != committed.compiler:
        for case, number in counted.instructions.items():
            print(f"{case:20} {number:>13,}")
        print(f"the committed figures are of {committed.compiler}: not comparable, passed")
        return 0
    verdicts = compare(counted.instructions, committed.instructions)
    for verdict in verdicts:
        print(verdict.words)
    return int(any(verdict.fails for verdict in verdicts))


def compare(counted: Mapping[str, int], committed: Mapping[str, int]) -> list[Verdict]:
    """Return the verdict on each case that was counted."""
    return [Verdict(case, number, committed.get(case)) for case, number in counted.items()]


def count(program: Path, case: str) -> int:
    """Return the instructions of the engine in one case."""
    program = program.resolve()
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        command = [
            "valgrind",
            "--quiet",
            "--tool=callgrind",
            f"--toggle-collect={COUNTED_FUNCTIONS}",
            "--compress-strings=no",
            f"--callgrind-out-file={profile}",
            str(program),
            case,
        ]
        _output(command, {"CL2D_SIMD": KERNELS, "OMP_NUM_THREADS": "1"})
        total = own_instructions(profile.read_text(), str(program))
    if total == 0:
        raise ValueError(f"no instruction of {program} was counted in {case!r}")
    return total


def own_instructions(profile: str, program: str) -> int:
    """Return the instructions that a profile of callgrind gives to functions of one object file.

    The line after `calls=` holds what was called, which has lines of its own.
    """
    total, counts, is_call = 0, False, False
    for line in profile.splitlines():
        if line.startswith("ob="):
            counts = line.removeprefix("ob=") == program
        elif line.startswith("calls="):
            is_call = True
        elif line and line[0] in "+-*0123456789":
            if counts and not is_call:
                total += int(line.split()[-1])
            is_call = False
    return total


def _output(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
