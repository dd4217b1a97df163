"""What the parts of a run on workers cost, as measured, and the clusters it may run on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

GIGABIT = 1e9 / 8
"""Bytes a second of a network of 1 Gbit/s."""


@dataclass(frozen=True)
class GridCosts:
    """What the engine takes on one thread for images of one box; seconds are those of a block.

    Attributes
    ----------
    box_px, grid, n_shifts
        Box of the images, working box and last ring, shifts that are searched.
    image_bytes, coefficient_bytes
        Of an image in its file, and as a worker holds it.
    class_bytes, sum_bytes
        Of a reference, and of the sum of a class.
    read_seconds, sum_seconds, average_seconds
        Reading and transforming, adding to class sums, adding to averages of one level.
    cut_seconds, judge_seconds
        Cutting one class by a sample of its members, and judging whether it is of one view; not of
        a block.
    classes, exhaustive_seconds, fast_seconds
        Searches for some numbers of classes.
    """

    box_px: int
    grid: str
    n_shifts: int
    image_bytes: int
    coefficient_bytes: int
    class_bytes: int
    sum_bytes: int
    read_seconds: float
    sum_seconds: float
    average_seconds: float
    cut_seconds: float
    judge_seconds: float
    classes: tuple[int, ...]
    exhaustive_seconds: tuple[float, ...]
    fast_seconds: tuple[float, ...]

    def assign_seconds(self, n_classes: int, *, fast: bool) -> float:
        """Return the time of the search for a block of images."""
        return on_the_line(
            n_classes, self.classes, self.fast_seconds if fast else self.exhaustive_seconds
        )


@dataclass(frozen=True)
class ClusterCosts:
    """What the process that runs the program pays for having workers, in its processor time.

    Attributes
    ----------
    task_seconds
        Of a task that does nothing, Dask's scheduler included, which is in this process.
    round_trip_seconds
        Wall time of one such task alone.
    roll_call_seconds
        Asking the scheduler which workers there are, for each of them.
    roll_calls
        Times it is asked in an iteration.
    byte_seconds
        Of a byte that is sent or received, packed and unpacked.
    merge_byte_seconds
        On a worker, of a byte of class sums that is packed, unpacked and added.
    sent_bytes_per_image, received_bytes_per_image, sent_bytes_per_task
        Messages of an iteration, without what is sent of classes.
    pack_seconds
        What else messages take in an iteration for each image: to be made, and joined.
    image_seconds, class_seconds
        What levels do in an iteration for each image and class: poses are centred, changes
        counted, references made.
    client_bytes_per_image
        Memory.
    """

    task_seconds: float
    round_trip_seconds: float
    roll_call_seconds: float
    roll_calls: float
    byte_seconds: float
    merge_byte_seconds: float
    sent_bytes_per_image: float
    received_bytes_per_image: float
    sent_bytes_per_task: float
    pack_seconds: float
    image_seconds: float
    class_seconds: float
    client_bytes_per_image: float


@dataclass(frozen=True)
class Cluster:
    """Workers, and what joins them.

    Attributes
    ----------
    n_workers
    threads_each
        Of the engine on each; taken to share its work without loss.
    speed_spread
        Standard deviation of the speeds of workers, as a fraction of their mean.
    network_bytes_per_second
        Of the connection of each machine; each worker is taken to have one of its own.
    latency_seconds
        Of a message.
    files_bytes_per_second
        Of the file system that all share.
    """

    n_workers: int
    threads_each: int = 1
    speed_spread: float = 0.1
    network_bytes_per_second: float = 10 * GIGABIT
    latency_seconds: float = 1e-4
    files_bytes_per_second: float = 2e9


@dataclass(frozen=True)
class Costs:
    """All that was measured, and where."""

    machine: dict[str, Any]
    grids: tuple[GridCosts, ...]
    cluster: ClusterCosts
    checks: tuple[dict[str, Any], ...] = ()

    def grid(self, box_px: int) -> GridCosts:
        """Return the costs of a box."""
        found = [grid for grid in self.grids if grid.box_px == box_px]
        if not found:
            boxes = ", ".join(str(grid.box_px) for grid in self.grids)
            message = f"box_px must be one that was measured ({boxes}), not {box_px}"
            raise ValueError(message)
        return found[0]


def on_the_line(at: float, known: tuple[int, ...], values: tuple[float, ...]) -> float:
    """Return a value between two that are known, or on the line through the nearest two."""
    last = len(known) - 2
    i = min(max(sum(at > one for one in known) - 1, 0), last)
    slope = (values[i + 1] - values[i]) / (known[i + 1] - known[i])
    return max(0.0, values[i] + slope * (at - known[i]))


def kept(costs: Costs, path: Path) -> None:
    """Write what was measured to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(costs), indent=1) + "\n", encoding="utf-8")


def read_costs(path: Path) -> Costs:
    """Return what was measured earlier."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return Costs(
        machine=found["machine"],
        grids=tuple(_grid(one) for one in found["grids"]),
        cluster=ClusterCosts(**found["cluster"]),
        checks=tuple(found["checks"]),
    )


def _grid(found: dict[str, Any]) -> GridCosts:
    lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
    return GridCosts(**(found | lists))


def free_of(what: str, costs: ClusterCosts, cluster: Cluster) -> tuple[ClusterCosts, Cluster]:
    """Return costs and cluster where one thing costs nothing: so it is told what a run waits for.

    ``what`` is one of "Dask's tasks", "messages packed", "level loop", "network", "latency" and
    "reading".
    """
    without: dict[str, dict[str, float]] = {
        "Dask's tasks": {"task_seconds": 0.0, "roll_call_seconds": 0.0},
        "messages packed": dict.fromkeys(
            ("byte_seconds", "merge_byte_seconds", "pack_seconds"), 0.0
        ),
        "level loop": {"image_seconds": 0.0, "class_seconds": 0.0},
    }
    unlimited: dict[str, dict[str, float]] = {
        "network": {"network_bytes_per_second": float("inf")},
        "latency": {"latency_seconds": 0.0},
        "reading": {"files_bytes_per_second": float("inf")},
    }
    if what not in without | unlimited:
        message = f"what must be one of {', '.join(without | unlimited)}, not {what!r}"
        raise ValueError(message)
    return (
        replace(costs, **without.get(what, {})),
        replace(cluster, **unlimited.get(what, {})),  # type: ignore[arg-type]
    )
