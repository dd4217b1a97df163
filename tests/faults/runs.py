"""Runs of the command line with faults, and what they leave behind."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.shim import Rule, build, rules_text
from tests.faults.table import N_IMAGES, OPTIONS, PASSING, Row, table_rows

MANY_RUNS = Path(__file__).with_name("many_runs.py")
N_LINES_OF_HEADER = 6


@dataclass(frozen=True)
class Outcome:
    """What a run with faults left behind."""

    code: int
    said: str
    fired: list[str]
    files: dict[str, bytes]
    inputs_as_before: bool

    @property
    def status(self) -> str | None:
        """Return what the record says; None if there is none."""
        record = self.files.get("run.json")
        return None if record is None else json.loads(record)["status"]

    @property
    def temporaries(self) -> list[str]:
        """Return the files that were to be renamed."""
        return [name for name in self.files if Path(name).name.startswith(".")]


class Bench:
    """A small set of particles, one run of it without faults, and runs with faults."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = build(folder)
        self.input = folder / "in"
        simulate = ["simulate", "-o", str(self.input), "-n", str(N_IMAGES), "--box-px", "24"]
        simulate += ["--pixel-size-angstrom", "8", "--n-views", "2", "--quiet"]
        subprocess.run([sys.executable, "-m", "cl2d", *simulate], check=True)
        self.input_hashes = self._input_hashes()
        calls = [Rule(call, f"{folder}/*", "note") for call in ("read", "rename")]
        [self.good] = self.outcomes([Row("", "none", tuple(calls), 0, None, ("complete",))])

    def rows(self, *, every: bool) -> list[Row]:
        """Return the rows of the table; unless every, each file fails in one way only."""
        return table_rows(self.good.fired, str(self.input / "particles.mrcs"), every=every)

    def written(self) -> set[str]:
        """Return the names of the files that were renamed to their place, to stay there."""
        lines = [line.split("\t") for line in self.good.fired]
        names = {path.partition("/0000/out/")[2] for call, path in lines if call == "rename"}
        return {name for name in names if not name.startswith(f"{PASSING}/")}

    def outcomes(self, rows: list[Row]) -> list[Outcome]:
        work = self.folder / "runs"
        shutil.rmtree(work, ignore_errors=True)
        jobs: list[dict[str, Any]] = []
        for number, row in enumerate(rows):
            place = work / f"{number:04d}"
            out = place / "out"
            place.mkdir(parents=True)
            if row.earlier_run:
                for name, content in self.good.files.items():
                    (out / name).parent.mkdir(parents=True, exist_ok=True)
                    (out / name).write_bytes(content)
            arguments = ["classify", str(self.input / "particles.star"), "-o", str(out), *OPTIONS]
            arguments += ["--overwrite"] * row.earlier_run
            jobs.append(
                {
                    "arguments": arguments,
                    "faults": rules_text(list(row.rules)),
                    "log": str(place / "log"),
                    "environment": {"CL2D_RETRY_SECONDS": "0,0,0", **row.environment},
                }
            )
        (work / "jobs.json").write_text(json.dumps(jobs))
        environment = {**os.environ, "LD_PRELOAD": str(self.library), "PYTHONPATH": self._path()}
        command = [
            sys.executable,
            str(MANY_RUNS),
            str(work / "jobs.json"),
            str(work / "results.json"),
        ]
        subprocess.run(command, check=True, env=environment)
        results = json.loads((work / "results.json").read_text())
        return [self._outcome(work / f"{n:04d}", result) for n, result in enumerate(results)]

    @staticmethod
    def _path() -> str:
        return os.pathsep.join(entry for entry in sys.path if entry)

    def _outcome(self, place: Path, result: dict[str, Any]) -> Outcome:
        log, out = place / "log", place / "out"
        files = {
            path.relative_to(out).as_posix(): path.read_bytes()
            for path in sorted(out.rglob("*"))
            if path.is_file()
        }
        fired = log.read_text().splitlines() if log.exists() else []
        same = self._input_hashes() == self.input_hashes
        return Outcome(result["code"], result["said"], fired, files, same)

    def _input_hashes(self) -> dict[str, str]:
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.input.rglob("*"))
        }


def is_whole(name: str, content: bytes, good: bytes) -> bool:
    """Tell whether a file is one that a run may leave: whole, that is.

    ``good`` is the file of a run without faults, in a folder with a name of the same length. A
    table and the arrays of a level are written once more when more is known: then any whole one.
    """
    if name.endswith(".html"):
        return content.rstrip().endswith(b"</html>")
    if name.endswith(".json"):
        return bool(json.loads(content))
    if name.endswith(".npz"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.testzip() is None
    if Path(name).name == "classes.star":
        return len(content.splitlines()) >= N_LINES_OF_HEADER and content.endswith(b"\n")
    return _without_folder(content) == _without_folder(good)


def _without_folder(content: bytes) -> bytes:
    return re.sub(rb"/runs/\d{4}/", b"/runs/", content)
