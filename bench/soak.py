"""Run for long, and see that nothing grows or drifts: ``python bench/soak.py --minutes 45``.

Runs of all kinds follow each other in one process: classifications with various options, the
other commands, errors and interrupts on purpose. After each, memory, open files, threads and
temporary files are counted, and the bits of the result are compared. Every run is a line of the
file of results at once; ``--show FILE`` prints the tables of an earlier or unfinished soak.
Exit code 1 if something leaks or drifts.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import hashlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from soak_jobs import jobs

WARM_UP_SHARE = 0.2
"""Caches fill and the allocator finds its size at first; changes are those of the rest."""

MB = 1e6
SEEN = {
    "rss_bytes": MB,
    "heap_bytes": MB,
    "python_objects": 1,
    "open_files": 1,
    "threads": 1,
    "tasks": 1,
}
LEAK_A_ROUND = {"rss_bytes": 300_000, "heap_bytes": 4_000, "python_objects": 10}
"""Memory goes up in steps as threads get arenas of their own; what leaks grows in each round."""

REFERENCE = "reference: transforms by numpy"
DRIFT = 1.15
FEW_RUNS = 6
SHORT_MINUTES = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--results", type=Path, default=Path("soak.jsonl"))
    parser.add_argument("--show", type=Path, help="only print the tables of this file")
    chosen = parser.parse_args()
    if chosen.show is None:
        soak(chosen.minutes, chosen.images, chosen.results)
    lines = (chosen.show or chosen.results).read_text().splitlines()
    return shown([json.loads(line) for line in lines])


def soak(minutes: float, n_images: int, results: Path) -> None:
    """Run all kinds in turn until the time is up, and write what is seen after each."""
    with tempfile.TemporaryDirectory() as name, results.open("w") as stream:
        folder = Path(name)
        tempfile.tempdir = str(folder / "tmp")  # what libraries leave behind is counted, too
        Path(tempfile.tempdir).mkdir()
        kinds = {REFERENCE: transforms, **jobs(folder, n_images)}
        started = time.monotonic()
        while time.monotonic() - started < 60 * minutes:
            for kind, job in kinds.items():
                wall, cpu = time.perf_counter(), time.process_time()
                try:
                    found = hashlib.sha256(job()).hexdigest()[:12]
                except Exception as error:
                    found = f"{type(error).__name__}: {error}"
                seen = {
                    "hours": (time.monotonic() - started) / 3600,
                    "kind": kind,
                    "seconds": time.perf_counter() - wall,
                    "cpu_seconds": time.process_time() - cpu,
                    "result": found,
                    **counted(folder),
                }
                stream.write(json.dumps(seen) + "\n")
                stream.flush()
        tempfile.tempdir = None


def transforms() -> bytes:
    """Do a fixed computation, which tells how fast the machine is just now."""
    values = np.random.default_rng(0).normal(size=(256, 256))
    for _ in range(60):
        values = np.fft.irfft2(np.fft.rfft2(values))
    return values.tobytes()


def counted(folder: Path) -> dict[str, int]:
    """Return memory, open files, threads and files left in the folder of temporary files."""
    gc.collect()
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    hidden = [path for path in folder.rglob(".*") if path.is_file()]
    return {
        "rss_bytes": pages * 4096,
        "heap_bytes": heap_bytes(),
        "python_objects": len(gc.get_objects()),
        "open_files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "tasks": len(list(Path("/proc/self/task").iterdir())),
        "temporary_files": len(list((folder / "tmp").iterdir())) + len(hidden),
    }


_HEAP_FACTS = "arena ordblks smblks hblks hblkhd usmblks fsmblks used free keepcost"


class _HeapFacts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in _HEAP_FACTS.split()]


def heap_bytes() -> int:
    """Return what was allocated and not given back, wherever the allocator keeps it; 0 if unknown.

    Memory of the process jumps by some megabytes whenever a thread gets an arena of its own: this
    does not.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return 0
    library.mallinfo2.restype = _HeapFacts
    facts = library.mallinfo2()
    return int(facts.used + facts.hblkhd)


def slope(hours: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return the slope of a line through values, an hour, and its standard error."""
    x = hours - hours.mean()
    if len(x) < 3 or not x.any():
        return 0.0, float("inf")
    gradient = float((x * (values - values.mean())).sum() / np.square(x).sum())
    rest = values - values.mean() - gradient * x
    return gradient, float(np.sqrt(np.square(rest).sum() / (len(x) - 2) / np.square(x).sum()))


def growth(runs: list[dict[str, Any]], name: str) -> float:
    """Return the median change from one round to the next, between runs of one kind."""
    by_kind: dict[str, list[float]] = {}
    for run in runs:
        by_kind.setdefault(run["kind"], []).append(run[name])
    changes = [change for values in by_kind.values() for change in np.diff(values)]
    return float(np.median(changes)) if changes else 0.0


def shown(runs: list[dict[str, Any]]) -> int:
    """Print tables of the kinds and of what may leak; return 1 if something does, or drifts."""
    wrong = kinds_table(runs)
    settled = [run for run in runs if run["hours"] >= WARM_UP_SHARE * runs[-1]["hours"]]
    hours = np.array([run["hours"] for run in settled])
    print("\n| | at first | in the end | most | line through all, an hour | median, a round |")
    print("|---|---|---|---|---|---|")
    for name, unit in SEEN.items():
        values = np.array([run[name] for run in settled]) / unit
        gradient, error = slope(hours, values)
        round_by_round = growth(settled, name)
        words = name.replace("rss_bytes", "memory, MB").replace("_bytes", ", MB").replace("_", " ")
        ends = f"{values[0]:.1f} | {values[-1]:.1f} | {values.max():.1f}"
        line = f"{gradient:+.2f} ± {error:.2f} | {round_by_round / unit:+.4f}"
        print(f"| {words} | {ends} | {line} |")
        if round_by_round > LEAK_A_ROUND.get(name, 0):
            wrong.append(f"{words} grows by {round_by_round / unit:.4f} in each round")
    left = runs[-1]["temporary_files"]
    print(
        f"\n{len(runs)} runs in {60 * runs[-1]['hours']:.1f} minutes; temporary files left: {left}"
    )
    wrong += [f"{left} temporary files were left"] * (left > 0)
    if 60 * runs[-1]["hours"] < SHORT_MINUTES:
        print("too short to tell changes")
    print("\n".join(wrong) or "memory, open files, threads, results and times stay as they are")
    return int(bool(wrong))


def cpu_ratio(runs: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Return the median time of the first and of the last third of some runs, and their ratio."""
    third = max(1, len(runs) // 3)
    times = [run["cpu_seconds"] for run in runs]
    first, last = float(np.median(times[:third])), float(np.median(times[-third:]))
    return first, last, last / first if first > 0 else 1.0


def kinds_table(runs: list[dict[str, Any]]) -> list[str]:
    """Print runs, results and times of each kind, and return what is wrong with them.

    The machine may be shared: times drift if they do so more than those of a fixed computation.
    """
    wrong = []
    machine = cpu_ratio([run for run in runs if run["kind"] == REFERENCE])[2]
    print("| kind | runs | results | CPU s, first third | CPU s, last third | ratio |")
    print("|---|---|---|---|---|---|")
    for kind in dict.fromkeys(run["kind"] for run in runs):
        of_kind = [run for run in runs if run["kind"] == kind]
        found = {run["result"] for run in of_kind}
        first, last, ratio = cpu_ratio(of_kind)
        cells = [kind, str(len(of_kind)), str(len(found)), f"{first:.3f}", f"{last:.3f}"]
        print("| " + " | ".join([*cells, f"{ratio:.2f}"]) + " |")
        failed = sorted(result for result in found if "Error" in result)
        wrong += [f"{kind}: {result}" for result in failed]
        if len(found) > 1:
            wrong.append(f"{kind}: {len(found)} results differ")
        if len(of_kind) >= FEW_RUNS and ratio > DRIFT * machine and last - first > 0.05:
            wrong.append(f"{kind}: takes {ratio:.2f} times as long as at first ({machine:.2f})")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
