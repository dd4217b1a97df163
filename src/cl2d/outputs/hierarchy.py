"""hierarchy.json and hierarchy.txt: classes of all levels, how particles moved between them."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cl2d.io import atomic_path
from cl2d.outputs.core_files import core_member_counts
from cl2d.outputs.folder import HIERARCHY, HIERARCHY_TEXT
from cl2d.outputs.tables import class_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from cl2d.cores import LevelCores
    from cl2d.results import LevelResult

_LEAST_PERCENT = 0.05


def hierarchy(levels: Sequence[LevelResult], cores: Sequence[LevelCores] = ()) -> dict[str, Any]:
    """Return levels, classes and flows as plain values; classes are numbered as in files.

    ``flows`` of a level lists where its particles came from: the class of the level before, the
    class of this one, and how many particles took that way; ways that none took are left out.
    With cores, classes also tell how many members are in them.
    """
    return {
        "levels": [
            {
                "level": level.level,
                "classes": _classes(level, cores[i] if cores else None),
                "flows": _flows(levels[i - 1], level) if i else [],
            }
            for i, level in enumerate(levels)
        ]
    }


def hierarchy_text(levels: Sequence[LevelResult]) -> str:
    """Return the shares that classes of consecutive levels have of each other, to be read.

    For each pair of levels and each class of one: its members, and what percentages of them are
    in which classes of the other; largest first, those below 0.05 % left out.
    """
    parts = [
        _shares(before, level) + _shares(level, before)
        for before, level in itertools.pairwise(levels)
    ]
    if not parts:
        return "one level: there is nothing to compare\n"
    rule = "-" * 72 + "\n"
    return rule.join(parts)


def write_hierarchy(
    out: Path, levels: Sequence[LevelResult], cores: Sequence[LevelCores] = ()
) -> None:
    """Write the hierarchy of all levels, from level 0, for programs and for people."""
    text = json.dumps(hierarchy(levels, cores)) + "\n"
    for name, content in ((HIERARCHY, text), (HIERARCHY_TEXT, hierarchy_text(levels))):
        with atomic_path(out / name) as temporary:
            temporary.write_text(content, encoding="utf-8")


def _classes(level: LevelResult, core: LevelCores | None) -> list[dict[str, int | None]]:
    """Return number, sizes and parent of each class; the parent of level 0 is null."""
    parents = class_numbers(level.parents).tolist()
    counts = {} if core is None else core_member_counts(level, core)
    return [
        {
            "class_number": k + 1,
            "members": members,
            **{name: int(count[k]) for name, count in counts.items()},
            "parent": parents[k] or None,
        }
        for k, members in enumerate(level.class_sizes().tolist())
    ]


def _shares(level: LevelResult, other: LevelResult) -> str:
    """Return a line for each class of a level: where its members are at another level."""
    counts = _common_members(level, other)
    sizes = level.class_sizes()
    lines = [f"level {level.level} ({level.n_classes} classes) in level {other.level}"]
    for k, size in enumerate(sizes.tolist()):
        percent = 100 * counts[k] / max(size, 1)
        order = np.argsort(-percent, kind="stable")
        shares = [f"{percent[m]:.1f} % in {m + 1}" for m in order if percent[m] >= _LEAST_PERCENT]
        lines.append(f"class {k + 1:>4} {size:>8} members: {', '.join(shares)}".rstrip())
    return "\n".join(lines) + "\n\n"


def _common_members(before: LevelResult, level: LevelResult) -> npt.NDArray[np.int64]:
    """Return how many images each class of one level shares with each of another."""
    used = (before.labels >= 0) & (level.labels >= 0)
    counts = np.zeros((before.n_classes, level.n_classes), dtype=np.int64)
    np.add.at(counts, (before.labels[used], level.labels[used]), 1)
    return counts


def _flows(before: LevelResult, level: LevelResult) -> list[dict[str, int]]:
    counts = _common_members(before, level)
    return [
        {"from": int(k) + 1, "to": int(m) + 1, "members": int(counts[k, m])}
        for k, m in np.argwhere(counts)
    ]
