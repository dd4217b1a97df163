"""The kinds of runs of a soak: each returns bytes that must never change."""

from __future__ import annotations

import os
import shutil
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import cl2d
from cl2d.errors import InputError
from cl2d.events import IterationProgress, PhaseProgress
from cl2d.io import StarBlock, write_spider_stack, write_stack, write_star
from cl2d.simulate import SimulationOptions, simulate_particles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cl2d.pipeline import Classification

    Job = Callable[[], bytes]

PIXEL_SIZE_ANGSTROM = 6.0
USUAL = {"n_classes": 6, "initial_classes": 2, "iterations": 4, "threads": 1}
VARIANTS: dict[str, dict[str, object]] = {
    "likelihood": {},
    "fast search": {"search": "fast"},
    "correntropy": {"similarity": "correntropy"},
    "correlation, robust": {"similarity": "correlation", "clustering": "robust"},
    "automatic": {"n_classes": "auto", "max_classes": 8},
    "half precision": {"storage": "half"},
    "scratch file": {"storage": "scratch"},
    "two threads": {"threads": 2},
}
STOPS_AFTER = (1, 5, 20, 60)


def jobs(folder: Path, n_images: int) -> dict[str, Job]:
    """Write particles into a folder and return the kinds of runs of them, by name."""
    options = SimulationOptions(
        n_particles=n_images, box_px=32, pixel_size_angstrom=PIXEL_SIZE_ANGSTROM, n_views=5
    )
    images = simulate_particles(options).images
    write_stack(folder / "a.mrcs", images, PIXEL_SIZE_ANGSTROM)
    write_spider_stack(folder / "a.stk", images)
    names = [f"{k + 1:06d}@{folder}/a.mrcs" for k in range(n_images)]
    write_star(folder / "a.star", {"particles": StarBlock({"rlnImageName": names[::-1]})})
    out, kept = folder / "out", folder / "kept"
    cl2d.classify(folder / "a.star", output=kept, **USUAL)
    found = {
        f"classify: {name}": partial(_classified, folder / "a.mrcs", out, USUAL | variant)
        for name, variant in VARIANTS.items()
    }
    others: dict[str, Job] = {
        "classify: array": lambda: result_bytes(cl2d.classify(images, **USUAL)),
        "classify: SPIDER": lambda: result_bytes(cl2d.classify(folder / "a.stk", **USUAL)),
        "align": lambda: result_bytes(cl2d.align(folder / "a.star", threads=1)),
        "assign": lambda: result_bytes(cl2d.assign(kept, folder / "a.star", threads=1)),
        "estimator": lambda: _fitted(images),
        "cores": lambda: _cores(kept),
        "evaluate": lambda: repr(len(cl2d.evaluate(kept, threads=1))).encode(),
        "report": lambda: repr(cl2d.report(kept, threads=1).name).encode(),
        "select": lambda: repr(cl2d.select(kept, classes=[1, 2]).n_rows).encode(),
        "error: truncated stack": partial(_refused, _truncated(folder)),
        "error: no such file": partial(_refused, folder / "none.star"),
        "error: folder in use": partial(_refused, folder / "a.mrcs", kept),
        "error: bad option": partial(_refused, folder / "a.mrcs", None, iterations=-1),
    }
    stops = {
        f"interrupt after {n} steps": partial(_interrupted, folder / "a.mrcs", out, n)
        for n in STOPS_AFTER
    }
    return {**found, **others, **stops}


def result_bytes(result: Classification) -> bytes:
    """Return what a run found, to the bit."""
    poses = result.levels[-1].poses
    arrays = (result.labels, result.scores, poses.psi_rad, result.averages)
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)


def _classified(particles: Path, out: Path, options: dict[str, object]) -> bytes:
    shutil.rmtree(out, ignore_errors=True)
    return result_bytes(cl2d.classify(particles, output=out, **options))


def _fitted(images: np.ndarray) -> bytes:
    model = cl2d.CL2D(n_classes=4, threads=1).fit(images)
    return model.labels_.tobytes() + model.predict(images[:50]).tobytes()


def _cores(run: Path) -> bytes:
    return cl2d.recompute_cores(run, threads=1).cores[-1].is_core.tobytes()


def _truncated(folder: Path) -> Path:
    path = folder / "short.mrcs"
    shutil.copy(folder / "a.mrcs", path)
    os.truncate(path, path.stat().st_size // 2)
    return path


def _refused(particles: Path, out: Path | None = None, **options: object) -> bytes:
    try:
        cl2d.classify(particles, output=out, **(USUAL | options))
    except InputError as error:
        return str(error).encode()
    raise AssertionError


def _interrupted(particles: Path, out: Path, n_steps: int) -> bytes:
    """Interrupt a run after some steps, as Ctrl-C would between two calls of the engine."""
    left = n_steps

    def stop(event: object) -> None:
        nonlocal left
        left -= isinstance(event, (PhaseProgress, IterationProgress))
        if left == 0:
            raise KeyboardInterrupt

    shutil.rmtree(out, ignore_errors=True)
    try:
        cl2d.classify(particles, output=out, on_event=stop, **USUAL)
    except KeyboardInterrupt:
        return b"interrupted"
    return b"complete"
