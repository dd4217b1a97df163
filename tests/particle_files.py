"""Stacks whose images tell their number, and tables that name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io import write_stack

if TYPE_CHECKING:
    from pathlib import Path

BOX = 6


def numbered_images(n: int, first: int = 0) -> np.ndarray:
    """Return images whose value is their number."""
    numbers = np.arange(first, first + n, dtype=np.float32)
    return np.repeat(numbers, BOX * BOX).reshape(n, BOX, BOX)


def write_table(
    folder: Path, names: list[str], *, columns: dict[str, list[Any]] | None = None, optics: str = ""
) -> Path:
    columns = {"rlnImageName": names, **(columns or {})}
    labels = "".join(f"_{name}\n" for name in columns)
    rows = "".join(" ".join(map(str, row)) + "\n" for row in zip(*columns.values(), strict=True))
    path = folder / "particles.star"
    path.write_text(f"{optics}\ndata_particles\nloop_\n{labels}{rows}")
    return path


def write_two_stacks(folder: Path) -> None:
    """Write ``a.mrcs`` with images 0 to 3 and ``b.mrcs`` with images 100 to 102, of 2 A/px."""
    write_stack(folder / "a.mrcs", numbered_images(4), 2.0)
    write_stack(folder / "b.mrcs", numbered_images(3, first=100), 2.0)
