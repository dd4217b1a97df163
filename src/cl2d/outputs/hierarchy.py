"""hierarchy.json: the classes of all levels, and how particles moved between them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io import atomic_path
from cl2d.outputs.tables import class_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cl2d.results import LevelResult


def hierarchy(levels: Sequence[LevelResult]) -> dict[str, Any]:
    """Return levels, classes and flows as plain values; classes are numbered as in files.

    ``flows`` of a level lists where its particles came from: the class of the level before, the
    class of this one, and how many particles took that way; ways that none took are left out.
    """
    return {
        "levels": [
            {
                "level": level.level,
                "classes": _classes(level),
                "flows": _flows(levels[i - 1], level) if i else [],
            }
            for i, level in enumerate(levels)
        ]
    }


def write_hierarchy(path: Path, levels: Sequence[LevelResult]) -> None:
    """Write the hierarchy of all levels, from level 0."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(hierarchy(levels)) + "\n", encoding="utf-8")


def _classes(level: LevelResult) -> list[dict[str, int | None]]:
    """Return number, size and parent of each class; the parent of level 0 is null."""
    parents = class_numbers(level.parents).tolist()
    return [
        {"class_number": k + 1, "members": members, "parent": parents[k] or None}
        for k, members in enumerate(level.class_sizes().tolist())
    ]


def _flows(before: LevelResult, level: LevelResult) -> list[dict[str, int]]:
    used = (before.labels >= 0) & (level.labels >= 0)
    counts = np.zeros((before.n_classes, level.n_classes), dtype=np.int64)
    np.add.at(counts, (before.labels[used], level.labels[used]), 1)
    return [
        {"from": int(k) + 1, "to": int(m) + 1, "members": int(counts[k, m])}
        for k, m in np.argwhere(counts)
    ]
