"""Fuzz the readers of input files for some minutes: whatever a file holds, only an InputError.

``python bench/fuzz_inputs.py --minutes 20 --work FOLDER`` gives each kind of file the same time in
a process of its own. With the package atheris the bytes are chosen by what they reach in the
readers, without it valid files are changed at random. Corpus and findings stay in the folder.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

MEMORY = Path("/dev/shm")
EXECUTED, MEMORY_MB, SECONDS_EACH = "executed_units", 3000, 30


def main() -> int:
    options = parsed()
    if options.one is not None:
        return fuzz_one(options.one, options.work, 60 * options.minutes, options.seed)
    from fuzz_targets import TARGETS

    kinds = options.kinds or list(TARGETS)
    print("| kind | engine | executions | seconds | corpus | findings |\n|---|---|---|---|---|---|")
    totals = [0, 0.0, 0, 0]
    for kind in kinds:
        started = time.perf_counter()
        process = subprocess.run(
            [sys.executable, __file__, "--one", kind, "--work", str(options.work),
             "--minutes", str(options.minutes / len(kinds)), "--seed", str(options.seed)],
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        (options.work / f"{kind}.log").write_text(process.stdout + process.stderr)
        counts = re.findall(rf"{EXECUTED}:\s*(\d+)", process.stdout + process.stderr)
        executions = int(counts[-1]) if counts else 0
        corpus = len(list((options.work / "corpus" / kind).iterdir()))
        findings = [path for path in (options.work / "findings" / kind).iterdir()
                    if path.suffix != ".txt"]  # fmt: skip
        engine = "atheris" if "INFO: Seed" in process.stderr else "mutation"
        row = (executions, seconds, corpus, len(findings))
        totals = [total + value for total, value in zip(totals, row, strict=True)]
        print(f"| {kind} | {engine} | {executions} | {seconds:.0f} | {corpus} | {len(findings)} |")
        if process.returncode:
            print(f"{kind}: ended with code {process.returncode}, see {kind}.log", file=sys.stderr)
    print(f"| all | | {totals[0]} | {totals[1]:.0f} | {totals[2]} | {totals[3]} |")
    return 1 if totals[3] else 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--work", type=Path, default=Path("fuzz"))
    parser.add_argument("--kinds", nargs="*")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


class Recorder:
    """Runs one input after another and keeps those after which something else was raised."""

    def __init__(self, kind: str, findings: Path) -> None:
        from fuzz_targets import passes, prepare_folder

        self._kind, self._findings, self._passes = kind, findings, passes
        self._place = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.folder = Path(self._place.name)
        self._seen: set[str] = set()
        self.count = 0
        prepare_folder(self.folder)
        os.chdir(self.folder)

    def __call__(self, content: bytes) -> None:
        self.count += 1
        try:
            self._passes(self._kind, content, self.folder)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            where = f"{type(error).__name__} {Path(frames[-1].filename).name}:{frames[-1].lineno}"
            if where in self._seen:
                return
            self._seen.add(where)
            name = hashlib.sha256(where.encode()).hexdigest()[:12]
            (self._findings / f"{name}.bin").write_bytes(content)
            (self._findings / f"{name}.txt").write_text(where + "\n" + traceback.format_exc())


def fuzz_one(kind: str, work: Path, seconds: float, seed: int) -> int:
    corpus, findings = (work.absolute() / name / kind for name in ("corpus", "findings"))
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    try:
        import atheris
    except ImportError:
        atheris = None
    else:
        with atheris.instrument_imports(include=["cl2d.io", "cl2d.options", "cl2d.outputs"]):
            import fuzz_targets  # noqa: F401
    from fuzz_targets import MOST_BYTES, TARGETS, WORDS

    recorder = Recorder(kind, findings)
    seeds = TARGETS[kind].seeds(recorder.folder)
    for content in seeds:
        (corpus / hashlib.sha1(content, usedforsecurity=False).hexdigest()).write_bytes(content)
    if atheris is None:
        mutate_for(seconds, recorder, [path.read_bytes() for path in corpus.iterdir()], seed)
        return 0
    words = work.absolute() / "words.txt"
    words.write_text("".join(
        '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in WORDS
    ))  # fmt: skip
    arguments = [
        *(sys.argv[0], str(corpus), f"-max_total_time={max(1, round(seconds))}", f"-seed={seed}"),
        *(f"-rss_limit_mb={MEMORY_MB}", f"-timeout={SECONDS_EACH}", f"-max_len={MOST_BYTES}"),
        *(
            f"-dict={words}",
            f"-artifact_prefix={findings}/",
            "-print_final_stats=1",
            "-verbosity=1",
        ),
    ]
    atheris.Setup(arguments, recorder)
    atheris.Fuzz()
    return 0


def mutate_for(seconds: float, recorder: Recorder, seeds: list[bytes], seed: int) -> None:
    """Change files at random; those that are taken in spite of it are changed further."""
    from fuzz_targets import mutated

    random, end = Random(seed), time.monotonic() + seconds
    while time.monotonic() < end:
        recorder(mutated(random.choice(seeds), seeds, random))
    print(f"stat::number_of_{EXECUTED}: {recorder.count}")


if __name__ == "__main__":
    sys.exit(main())
