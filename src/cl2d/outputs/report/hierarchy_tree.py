"""The classes of all levels as a tree, with the ways that particles took between them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from cl2d.outputs.report.pictures import average_pictures, tree_side_px

if TYPE_CHECKING:
    from cl2d.outputs.report.run_files import RunFiles

    Ways = list[list[int]]

MOST_WAYS = 6
"""Ways told of a class in either direction, those of most particles first."""


def hierarchy_tree(files: RunFiles) -> list[dict[str, Any]]:
    """Return the levels from level 0; classes of the last one have no picture of their own.

    Each class has ``number``, ``members``, ``parent`` (None: it has none), and the ways of most
    particles as pairs of class number and particles: ``came_from`` the level before and
    ``went_to`` the one after.
    """
    n_earlier = sum(len(level["classes"]) for level in files.tree[:-1])
    side = tree_side_px(n_earlier)
    arrivals = [_ways(level["flows"], "to", "from") for level in files.tree]
    departures = [_ways(level["flows"], "from", "to") for level in files.tree[1:]]
    departures.append(defaultdict(list))
    levels = []
    for i, level in enumerate(files.tree):
        last = i == len(files.tree) - 1
        pictures: list[str | None] = [None] * len(level["classes"])
        if not last:
            stack = files.level_averages(level["level"])
            pictures = [*average_pictures(stack, files.mask_radius_px, side)]
        levels.append(
            {
                "level": level["level"],
                "classes": [
                    {
                        "number": entry["class_number"],
                        "members": entry["members"],
                        "parent": entry["parent"],
                        "picture": picture,
                        "came_from": arrivals[i][entry["class_number"]],
                        "went_to": departures[i][entry["class_number"]],
                    }
                    for entry, picture in zip(level["classes"], pictures, strict=True)
                ],
            }
        )
    return levels


def _ways(flows: list[dict[str, int]], end: str, other_end: str) -> dict[int, Ways]:
    """Return for each class at one end of the flows the classes at the other, most first."""
    ways: dict[int, Ways] = defaultdict(list)
    for flow in sorted(flows, key=lambda flow: -flow["members"]):
        found = ways[flow[end]]
        if len(found) < MOST_WAYS:
            found.append([flow[other_end], flow["members"]])
    return ways
