"""Kill runs at random moments, go on with them, and compare all files with those of a whole run.

Run with ``python bench/kills.py [--kills 30] [--damaged 10] [--page FILE]``. Each run is killed
(SIGKILL) at a moment drawn from the time that a whole one takes, and gone on with; half of them are
killed a second time and a fifth of them a third time. In the runs counted as ``damaged`` the newest
checkpoint is cut short, or a bit of it is turned, before the run goes on. Bytes of every file are
compared; of ``run.json`` and ``report.html`` without what tells of times and of the machine's load.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markdown_tables import table

import cl2d

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(cl2d.__file__).parents[1])}
OPTIONS = ["--threads", "2", "--format", "relion,xmipp,cryosparc"]
MOMENTS = (0.1, 1.3)
"""Of the time of a whole run: on a busy machine the next one may take longer."""
PARTICLES = "sim/particles.star"
OUT = "out"
OF_THE_CLOCK = (
    *("seconds", "timings_seconds", "cpu_seconds", "peak_memory_bytes", "written_at"),
    *("memory", "command_line", "peak_bytes", "earlier_processes"),
)
"""Keys of run.json that differ between any two runs."""


@dataclass
class Tally:
    """What became of the runs of one kind."""

    n_runs: int = 0
    n_kills: int = 0
    n_identical: int = 0
    killed_in: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "cl2d", *words]


def classify_command(*words: str) -> list[str]:
    return command("classify", f"../{PARTICLES}", "-o", OUT, *OPTIONS, *words)


def simulate(root: Path, n_particles: int, box_px: int = 48, *more: str) -> None:
    """Simulate the particles of all runs."""
    words = ("simulate", "-o", "sim", "--box-px", str(box_px), "-n", str(n_particles), "--quiet")
    subprocess.run(command(*words, *more), cwd=root, env=ENVIRONMENT, check=True)


def whole_run(folder: Path) -> tuple[dict[str, str], float]:
    """Make a run without a break; return its files' digests and its wall time."""
    folder.mkdir()
    started = time.perf_counter()
    subprocess.run(classify_command("--quiet"), cwd=folder, env=ENVIRONMENT, check=True)
    return digests(folder / OUT), time.perf_counter() - started


def killed_after(words: list[str], folder: Path, seconds: float) -> bool:
    """Start a run and kill it, if it has not ended by then."""
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
    if process.returncode != 0:
        message = f"the run in {folder} failed: {(folder / 'log.txt').read_text()[-500:]}"
        raise RuntimeError(message)
    return False


def digests(out: Path) -> dict[str, str]:
    """Return the sha256 of every file, by its path in the folder."""
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.name == "run.json":
                content = json.dumps(without_times(json.loads(content))).encode()
            elif path.name == "report.html":
                content = page_without_times(content.decode()).encode()
            found[str(path.relative_to(out))] = hashlib.sha256(content).hexdigest()
    return found


def without_times(value: Any) -> Any:
    """Return what was read from JSON, without what no two runs have in common."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in OF_THE_CLOCK}
        return {key: without_times(item) for key, item in kept.items()}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def page_without_times(text: str) -> str:
    """Return the page with the same left out of the data in it, and without its fingerprint."""
    text = re.sub(r"'sha256-[^']*'", "", text)
    start = text.index('<script type="application/json"')
    begin, end = text.index(">", start) + 1, text.index("</script>", start)
    data = without_times(json.loads(text[begin:end]))
    for key in ("id", "folder"):
        data["run"].pop(key)
    return text[:begin] + json.dumps(data) + text[end:]


def place_of(out: Path) -> str:
    """Return, in words, how far a run had come when it was killed."""
    if not (out / "run.json").is_file():
        return "before anything was written"
    if (out / "particles.star").exists() or (out / "levels/level_00/classes.mrcs").exists():
        return "writing the results"
    return "classifying" if any(out.glob("checkpoint/*.npz")) else "before the first checkpoint"


def damage(out: Path, chance: random.Random) -> bool:
    """Cut the newest checkpoint short, or turn a bit of it; tell whether there is one."""
    found = sorted(out.glob("checkpoint/*.npz"))
    if not found:
        return False
    content = bytearray(found[-1].read_bytes())
    place = chance.randrange(len(content))
    if chance.random() < 0.5:
        del content[place:]
    else:
        content[place] ^= 1 << chance.randrange(8)
    found[-1].write_bytes(content)
    return True


def one_run(
    folder: Path, seconds: float, chance: random.Random, tally: Tally, *, damaged: bool
) -> dict[str, str]:
    """Make a run that is killed once at least; return the digests of what it leaves at last."""
    folder.mkdir()
    wanted = 1 + (chance.random() < 0.5) + (chance.random() < 0.2)
    words, kills, is_damaged = classify_command("--quiet"), 0, False
    while True:
        moment = chance.uniform(*MOMENTS) * seconds if kills < wanted else 1e6
        if not killed_after(words, folder, moment):
            if kills and is_damaged == damaged:
                return digests(folder / OUT)
            shutil.rmtree(folder / OUT)  # it was too quick: once more from the beginning
            words, kills, is_damaged = classify_command("--quiet"), 0, False
            continue
        kills += 1
        tally.n_kills += 1
        tally.killed_in[place_of(folder / OUT)] += 1
        if damaged and len(list((folder / OUT).glob("checkpoint/*.npz"))) > 1:
            is_damaged = damage(folder / OUT, chance) or is_damaged
        words = classify_command("--resume", "--quiet")


def tallied(
    root: Path, n_runs: int, whole: tuple[dict[str, str], float], seed: int, *, damaged: bool
) -> Tally:
    """Make some runs of one kind and compare each with the whole one."""
    expected, seconds = whole
    tally, chance = Tally(), random.Random(seed)
    for number in range(n_runs):
        folder = root / f"{'damaged' if damaged else 'killed'}_{number:02d}"
        found = one_run(folder, seconds, chance, tally, damaged=damaged)
        names = sorted(n for n in expected | found if expected.get(n) != found.get(n))
        tally.n_runs += 1
        tally.n_identical += not names
        tally.differing += [f"{folder.name}: {name}" for name in names]
        if not names:
            shutil.rmtree(folder)
    return tally


def page(tallies: dict[str, Tally]) -> str:
    """Return the results as a Markdown table."""
    places = sorted({place for tally in tallies.values() for place in tally.killed_in})
    header = ["", "runs", "kills", *places, "identical"]
    rows = [
        [
            kind,
            str(tally.n_runs),
            str(tally.n_kills),
            *(str(tally.killed_in[place]) for place in places),
            f"{tally.n_identical} of {tally.n_runs}",
        ]
        for kind, tally in tallies.items()
    ]
    return table(header, rows)


def exit_code(root: Path, *, wrong: bool) -> int:
    """Return the exit code of a comparison; its runs are kept, and named, if something is wrong."""
    if wrong:
        print(f"see {root}")
        return 1
    shutil.rmtree(root)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=30, help="runs that are killed")
    parser.add_argument("--damaged", type=int, default=10, help="runs whose checkpoint is damaged")
    parser.add_argument("--particles", type=int, default=3000, help="images of the run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--classes", default="16")
    arguments = parser.parse_args()
    OPTIONS.extend(["-k", arguments.classes])
    root = Path(tempfile.mkdtemp(prefix="cl2d-kills-"))
    simulate(root, arguments.particles)
    expected, _ = whole_run(root / "first")
    whole = whole_run(root / "whole")
    if whole[0] != expected:
        names = [n for n in expected if whole[0].get(n) != expected[n]]
        print(f"two whole runs differ in {names}: {root}")
        return 1
    print(f"a whole run writes {len(expected)} files in {whole[1]:.1f} s", flush=True)
    tallies = {}
    for kind, number in (("killed", arguments.kills), ("damaged", arguments.damaged)):
        label = "killed" if kind == "killed" else "killed, newest checkpoint damaged"
        seed = arguments.seed + (kind == "damaged")
        tallies[label] = tallied(root, number, whole, seed, damaged=kind == "damaged")
    print(page(tallies))
    differing = [name for tally in tallies.values() for name in tally.differing]
    if differing:
        print("\n".join(["", "these differ:", *differing]))
    return exit_code(root, wrong=bool(differing))


if __name__ == "__main__":
    sys.exit(main())
