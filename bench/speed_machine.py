"""What a timing depends on besides the program: the machine, its load, and how time is taken."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from speed_formulas import Peak
from threadpoolctl import (  # type: ignore[import-untyped]
    threadpool_info,
    threadpool_limits,
)

from cl2d.engine import available_simd_levels, build_info, simd_level

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
SGEMM_SIDE = 768
SGEMM_FLOPS = 2 * SGEMM_SIDE**3
VECTOR_BYTES = 128 << 20
# Kernels of OpenBLAS by the vectors they use; others, of old processors, do without AVX2.
AVX512_BLAS = {"SkylakeX", "Cooperlake", "SapphireRapids"}
AVX2_BLAS = {"Haswell", "Zen"}


@dataclass(frozen=True)
class Timing:
    """Median of some repeats, and their interquartile range as a fraction of it."""

    median_s: float
    spread: float


@dataclass(frozen=True)
class Beside:
    """Times of some actions, and what one thread could do meanwhile."""

    timings: list[Timing]
    peak: Peak


@dataclass(frozen=True)
class Machine:
    """Where, and of what, the figures are."""

    processor: str
    cores: int
    load_average: float
    commit: str
    compiler: str
    simd_level: str
    simd_levels: tuple[str, ...]
    blas: str
    blas_note: str
    others_busy_cores: float | None = None

    def lines(self) -> list[str]:
        """Return the same in words, a line for each kind of fact."""
        load = f"load {self.load_average}"
        if self.others_busy_cores is not None:
            load += f"; meanwhile other jobs kept {self.others_busy_cores} cores busy"
        return [
            f"{self.processor}, {self.cores} cores, {load}",
            f"commit {self.commit}, {self.compiler}, {self.simd_level} kernels of"
            f" {', '.join(self.simd_levels)}",
            f"numpy's BLAS: {self.blas}",
        ]


def describe_machine() -> Machine:
    """Return the facts that belong on top of any figure."""
    built = build_info()
    levels = tuple(available_simd_levels())
    blas, note = describe_blas(levels)
    return Machine(
        processor=processor_name(),
        cores=len(os.sched_getaffinity(0)),
        load_average=round(os.getloadavg()[0], 1),
        commit=source_commit(),
        compiler=str(built["compiler"]),
        simd_level=simd_level(),
        simd_levels=levels,
        blas=blas,
        blas_note=note,
    )


def describe_blas(simd_levels: Sequence[str]) -> tuple[str, str]:
    """Return numpy's BLAS in words, and a warning where it is slower than the machine allows."""
    libraries = [item for item in threadpool_info() if item["user_api"] == "blas"]
    if not libraries:
        return "unknown", "numpy's BLAS was not recognised: the sgemm rate may be of any kind"
    # Scipy may bring another copy, which is not the one timed.
    first = next((item for item in libraries if "numpy" in item["filepath"]), libraries[0])
    kernels = str(first.get("architecture", "unnamed"))
    forced = os.environ.get("OPENBLAS_CORETYPE")
    words = f"{first['internal_api']} {first['version']}, {kernels} kernels"
    if forced:
        words += f" (OPENBLAS_CORETYPE={forced})"
    return words, blas_note(kernels, simd_levels)


def blas_note(kernels: str, simd_levels: Sequence[str]) -> str:
    """Return a warning if BLAS kernels use narrower vectors than the machine has, else ""."""
    widest = simd_levels[-1]
    used = "baseline"
    if kernels in AVX512_BLAS:
        used = "avx512"
    elif kernels in AVX2_BLAS:
        used = "avx2"
    order = ("baseline", "avx2", "avx512")
    if order.index(used) >= order.index(widest):
        return ""
    return f"numpy's BLAS runs {kernels} kernels on a machine with {widest}: its rate is too low"


def single_threaded_blas() -> threadpool_limits:
    """Return a context in which numpy's BLAS uses one thread."""
    return threadpool_limits(limits=1, user_api="blas")


def cpu_timing(action: Callable[[], object], repeats: int) -> Timing:
    """Time an action that runs on this thread, after one run to warm up.

    Processor time, not wall time: other jobs on the machine then only disturb the caches.
    """
    return timings_in_turn([action], repeats, time.process_time)[0]


def timings_in_turn(
    actions: Sequence[Callable[[], object]],
    repeats: int,
    clock: Callable[[], float],
    before: Callable[[], object] | None = None,
) -> list[Timing]:
    """Time actions that are to be compared, in turn: a passing load then meets them all.

    What comes ``before`` each of them is not timed.
    """
    seconds: list[list[float]] = [[] for _ in actions]
    for repeat in range(repeats + 1):
        for action, times in zip(actions, seconds, strict=True):
            if before is not None:
                before()
            started = clock()
            action()
            if repeat > 0:
                times.append(clock() - started)
    return [summarise(times) for times in seconds]


def summarise(seconds: list[float]) -> Timing:
    """Return median and relative interquartile range of some times."""
    low, median, high = np.percentile(seconds, [25, 50, 75])
    return Timing(float(median), float((high - low) / median) if median > 0 else 0.0)


def sgemm() -> None:
    """Multiply two float32 matrices of side SGEMM_SIDE."""
    np.matmul(*_matrices())


class Peaks:
    """Measures what one thread can do, beside other actions."""

    def __init__(self) -> None:
        # Each larger than any cache.
        self._vectors = np.ones((3, VECTOR_BYTES // 4), dtype=np.float32)

    def beside(self, actions: Sequence[Callable[[], object]], repeats: int) -> Beside:
        """Time actions in turn with sgemm, a copy and a sum, so that all meet the same load.

        What an action reads then comes from memory, because the vectors filled the caches.
        """
        a, b, c = self._vectors
        peaks = [sgemm, partial(np.copyto, a, b), partial(np.add, b, c, out=a)]
        with single_threaded_blas():
            found = timings_in_turn([*actions, *peaks], repeats, time.process_time)
        *timings, product, copy, add = found
        # As is usual, the line that is fetched before it is overwritten does not count.
        bandwidth = max(2 * a.nbytes / copy.median_s, 3 * a.nbytes / add.median_s)
        return Beside(timings, Peak(SGEMM_FLOPS / product.median_s, bandwidth))


@cache
def _matrices() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).random((2, SGEMM_SIDE, SGEMM_SIDE), dtype=np.float32)


def processor_name() -> str:
    """Return what the processor calls itself."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def source_commit() -> str:
    """Return the commit of the sources, marked where package or engine differ from it."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--", "src", "cpp")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes" if changed else commit


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
