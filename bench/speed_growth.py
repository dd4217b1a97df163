"""How the time of whole runs grows with images, classes and box."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from speed_runs import FIELD_OF_VIEW_ANGSTROM, Outcome, run_fresh, simulated_stack

from cl2d.io import read_mrc_header, write_stack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from speed_workload import Row

FIXED_RESOLUTION_ANGSTROM = 20.0


@dataclass(frozen=True)
class Growth:
    """What is varied, one thing at a time."""

    images: tuple[int, ...]
    classes: tuple[int, ...]
    boxes_px: tuple[int, ...]
    usual_images: int
    usual_classes: int


FULL = Growth((1000, 2000, 4000, 8000), (4, 8, 16, 32), (32, 64, 128), 4000, 8)
QUICK = Growth((250, 500, 1000), (2, 4, 8), (32, 64), 500, 4)
LARGE = Growth((20_000, 50_000, 100_000), (), (), 0, 64)
QUICK_LARGE = Growth((1000, 2500, 5000), (), (), 0, 16)


def growth_of(*, quick: bool, large: bool, n_classes: int | None) -> Growth:
    """Return what is asked for; a number of classes is that of the sets whose size varies."""
    growth = (QUICK_LARGE if quick else LARGE) if large else (QUICK if quick else FULL)
    return growth if n_classes is None else replace(growth, usual_classes=n_classes)


def first_images(stack: Path, n_images: int) -> Path:
    """Write the first images of a stack as a stack of their own, a few at a time."""
    header = read_mrc_header(stack)
    pixels = np.memmap(stack, header.dtype, "r", header.data_offset, header.shape)
    path = stack.with_name(f"first_{n_images}_{stack.name}")
    write_stack(path, pixels[:n_images], FIELD_OF_VIEW_ANGSTROM / pixels.shape[1])
    return path


def growth_rows(growth: Growth, folder: Path) -> list[Row]:
    """Vary images, classes and box, one at a time, on one thread."""
    stack = simulated_stack(folder, max(*growth.images, growth.usual_images))
    fixed: dict[str, Any] = {"resolution_angstrom": FIXED_RESOLUTION_ANGSTROM, "threads": 1}
    rows = []
    for n_images in growth.images:
        path = first_images(stack, n_images)
        outcome = run_fresh(path, n_classes=growth.usual_classes, **fixed)
        path.unlink()
        rows.append(_growth_row("images", n_images, outcome))
    if growth.classes:
        usual = first_images(stack, growth.usual_images)
        for n_classes in growth.classes:
            outcome = run_fresh(usual, n_classes=n_classes, **fixed)
            rows.append(_growth_row("classes", n_classes, outcome))
    for box in growth.boxes_px:
        path = simulated_stack(folder, growth.usual_images // 2, box)
        for what, options in (("box, 20 A", fixed), ("box, automatic", {"threads": 1})):
            outcome = run_fresh(path, n_classes=growth.usual_classes, **options)
            rows.append(_growth_row(what, box, outcome))
    return sorted(rows, key=lambda row: str(row["varied"]))


def exponent_rows(rows: Sequence[Row]) -> list[Row]:
    """Fit processor time as a power of what is varied."""
    fitted: list[Row] = []
    for what in dict.fromkeys(row["varied"] for row in rows):
        some = [row for row in rows if row["varied"] == what]
        exponents: Row = {"varied": what}
        for figure in ("cpu_s", "levels_cpu_s", "us_per_comparison"):
            exponents[figure] = exponent(
                [float(row["to"]) for row in some], [float(row[figure]) for row in some]
            )
        fitted.append(exponents)
    return fitted


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return p of the least-squares fit values ~ sizes^p, on logarithmic axes."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def _growth_row(varied: str, to: int, outcome: Outcome) -> Row:
    return {
        "varied": varied,
        "to": to,
        "grid": outcome.grid,
        "classes": outcome.n_classes,
        "shifts": outcome.n_shifts,
        "iterations": outcome.iterations,
        "cpu_s": outcome.cpu_s,
        "levels_cpu_s": outcome.levels_cpu_s,
        "us_per_comparison": outcome.us_per_comparison,
        "private_mb": outcome.private_bytes / 1e6,
    }
