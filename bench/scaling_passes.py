"""One pass over all images on simulated workers, event by event.

The process that runs the program packs and sends tasks one after the other, the network takes them
to the workers, each of which does its own in turn; results come back through the same connection
and are opened one after the other. Class sums are merged by workers, eight at a time. Parts and who
holds them are those of a run (:mod:`cl2d.cluster.parts`), as are the sums that a worker holds
(:class:`cl2d.engine.block_tree.BlockTree`) and what one task is about (:mod:`cl2d.cluster.passes`).
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cl2d.cluster.crew import MERGED_AT_ONCE
from cl2d.cluster.parts import dealt, parts_of
from cl2d.cluster.passes import MANY_WORKERS
from cl2d.engine import BLOCK_IMAGES
from cl2d.engine.block_tree import BlockTree

if TYPE_CHECKING:
    from scaling_costs import Cluster, ClusterCosts

    from cl2d.cluster.parts import Part


@dataclass(frozen=True)
class Work:
    """What a pass does with the images of a part, and what it sends.

    Attributes
    ----------
    block_seconds
        On one thread, of a block of images.
    file_bytes
        Read of each image.
    shared_bytes
        Sent to all workers.
    out_bytes, back_bytes
        Of messages about one image.
    task_bytes
        Of a task beside them.
    pack_seconds
        Of making and joining messages about one image, beside their bytes.
    node_bytes
        Of the sums of all classes, where workers merge them; 0 where results come back.
    """

    block_seconds: float
    file_bytes: float = 0.0
    shared_bytes: float = 0.0
    out_bytes: float = 0.0
    back_bytes: float = 0.0
    task_bytes: float = 0.0
    pack_seconds: float = 0.0
    node_bytes: float = 0.0


@dataclass(frozen=True)
class Spread:
    """The parts of a run, who holds each, and how many sums of blocks each worker comes to hold."""

    parts: list[Part]
    workers: list[int]
    nodes: list[int]

    @property
    def n_images(self) -> int:
        """Number of images."""
        return self.parts[-1].stop


@dataclass(frozen=True)
class Task:
    """What a worker is sent at a time: some of its parts."""

    worker: int
    n_images: int


@cache
def spread_over(n_images: int, n_workers: int) -> Spread:
    """Deal the parts of a run to equal workers, and count the sums that each holds at the end."""
    parts = parts_of(n_images, n_workers)
    names = {f"{number:06d}": 1.0 for number in range(n_workers)}
    owners = dealt(parts, names)
    trees = [BlockTree() for _ in range(n_workers)]
    workers = [int(owners[part]) for part in parts]
    for part, worker in zip(parts, workers, strict=True):
        for block in range(part.first_block, part.end_block):
            trees[worker].add(block, 0)
    nodes = [len(tree.nodes) for tree in trees]
    return Spread(parts, workers, nodes)


def tasks_of(spread: Spread, *, merged: bool) -> list[Task]:
    """Return the tasks of a pass: one for each part or, of many workers and sums, each worker."""
    tasks = [
        Task(worker, part.n_images)
        for worker, part in zip(spread.workers, spread.parts, strict=True)
    ]
    if not merged and len(set(spread.workers)) < MANY_WORKERS:
        return tasks
    images: dict[int, int] = {}
    for task in tasks:
        images[task.worker] = images.get(task.worker, 0) + task.n_images
    return [Task(worker, n_images) for worker, n_images in images.items()]


def worker_speeds(cluster: Cluster, seed: int = 0) -> list[float]:
    """Return the speed of each worker, 1 on average; none drawn more than three deviations off."""
    drawn = np.random.default_rng(seed).standard_normal(cluster.n_workers)
    speeds = np.maximum(1 + cluster.speed_spread * np.clip(drawn, -3, 3), 0.05)
    return [float(speed) for speed in speeds / speeds.mean()]


class Server:
    """Something that does one thing after another."""

    def __init__(self) -> None:
        self.free_at = 0.0

    def serve(self, ready: float, seconds: float) -> float:
        """Return when something is done that is ready then and takes so long."""
        self.free_at = max(self.free_at, ready) + seconds
        return self.free_at


def pass_seconds(work: Work, spread: Spread, costs: ClusterCosts, cluster: Cluster) -> float:
    """Return the wall time of one pass over all images."""
    return _Pass(work, spread, costs, cluster).seconds()


class _Pass:
    """The events of one pass; the client is the process that runs the program."""

    def __init__(self, work: Work, spread: Spread, costs: ClusterCosts, cluster: Cluster) -> None:
        self._work = work
        self._nodes = spread.nodes
        self._tasks = tasks_of(spread, merged=work.node_bytes > 0)
        self._costs = costs
        self._cluster = cluster
        self._client, self._outward, self._inward = Server(), Server(), Server()

    def seconds(self) -> float:
        """Return when it is over."""
        ends = self._computed(self._arrivals(self._shared_at()))
        return self._merged(ends) if self._work.node_bytes else self._received(ends)

    def _shared_at(self) -> float:
        """Return when every worker has what is sent to all."""
        work, costs, cluster = self._work, self._costs, self._cluster
        asked = costs.roll_calls / 2 * costs.roll_call_seconds * cluster.n_workers
        packed = self._client.serve(0.0, asked)
        if not work.shared_bytes:
            return 0.0
        packing = work.shared_bytes * costs.byte_seconds + costs.task_seconds
        packed = self._client.serve(packed, packing)
        one = work.shared_bytes / cluster.network_bytes_per_second
        first = self._outward.serve(packed, one) + cluster.latency_seconds
        # Who has it gives it to another: those who have it double.
        rounds = math.ceil(math.log2(cluster.n_workers))
        return first + rounds * (one + cluster.latency_seconds)

    def _arrivals(self, shared_at: float) -> list[float]:
        """Return when each task can begin at its worker."""
        found = []
        for task in self._tasks:
            n_bytes = self._work.out_bytes * task.n_images + self._work.task_bytes
            packed = self._client.serve(0.0, self._packing(n_bytes, task.n_images))
            sent = self._outward.serve(packed, n_bytes / self._cluster.network_bytes_per_second)
            found.append(max(sent + self._cluster.latency_seconds, shared_at))
        return found

    def _computed(self, arrivals: list[float]) -> list[float]:
        """Return when each task is done; files are read by all workers through one server."""
        speeds, files, tasks = worker_speeds(self._cluster), Server(), self._tasks
        seconds = self._work.block_seconds / self._cluster.threads_each / BLOCK_IMAGES
        file_seconds = self._work.file_bytes / self._cluster.files_bytes_per_second
        queues: dict[int, list[int]] = {}
        for number, task in enumerate(tasks):
            queues.setdefault(task.worker, []).append(number)
        ends = [0.0] * len(tasks)
        waiting = [(arrivals[queue[0]], worker, 0) for worker, queue in queues.items()]
        heapq.heapify(waiting)
        while waiting:
            begun, worker, place = heapq.heappop(waiting)
            number = queues[worker][place]
            end = begun + seconds * tasks[number].n_images / speeds[worker]
            if self._work.file_bytes:
                end = max(end, files.serve(begun, file_seconds * tasks[number].n_images))
            ends[number] = end
            if place + 1 < len(queues[worker]):
                following = max(end, arrivals[queues[worker][place + 1]])
                heapq.heappush(waiting, (following, worker, place + 1))
        return ends

    def _received(self, ends: list[float]) -> float:
        """Return when the client has opened what came of all tasks."""
        done = 0.0
        for end, n_images in sorted(zip(ends, (t.n_images for t in self._tasks), strict=True)):
            n_bytes = self._work.back_bytes * n_images
            came = self._inward.serve(end, n_bytes / self._cluster.network_bytes_per_second)
            opening = self._packing(n_bytes, n_images)
            done = self._client.serve(came + self._cluster.latency_seconds, opening)
        return done

    def _packing(self, n_bytes: float, n_images: int) -> float:
        """Return the time of the client for one way of a message."""
        of_images = self._work.pack_seconds / 2 * n_images
        return self._costs.task_seconds / 2 + n_bytes * self._costs.byte_seconds + of_images

    def _merged(self, ends: list[float]) -> float:
        """Return when the sums of all images have come, merged by workers in rounds."""
        one_node = self._work.node_bytes * self._costs.merge_byte_seconds
        held = [self._nodes[task.worker] for task in self._tasks]
        sums = [(end + one_node * nodes, nodes) for end, nodes in zip(ends, held, strict=True)]
        n_more_tasks = 1  # which finishes
        while len(sums) > MERGED_AT_ONCE:
            sums = [
                self._one_of(sums[i : i + MERGED_AT_ONCE])
                for i in range(0, len(sums), MERGED_AT_ONCE)
            ]
            n_more_tasks += len(sums)
        whole, _ = self._one_of(sums)
        # Half of each of the others was paid for as it was sent: the rest is paid at its end.
        n_told = n_more_tasks + len(ends) / 2
        told = self._client.serve(0.0, n_told * self._costs.task_seconds)
        moved = self._work.node_bytes / self._cluster.network_bytes_per_second
        ready = max(whole, told) + moved + self._cluster.latency_seconds
        return self._client.serve(ready, self._work.node_bytes * self._costs.byte_seconds)

    def _one_of(self, values: list[tuple[float, int]]) -> tuple[float, int]:
        """Return when a worker has merged some values, and the sums it then holds."""
        if len(values) == 1:
            return values[0]
        taken = self._work.node_bytes * sum(nodes for _, nodes in values[1:])
        moved = taken / self._cluster.network_bytes_per_second + 2 * self._cluster.latency_seconds
        of_all = self._work.node_bytes * sum(nodes for _, nodes in values)
        added = of_all * self._costs.merge_byte_seconds
        # Neighbours become one where they can; few are left at the ends of a run of blocks.
        nodes = max(nodes for _, nodes in values)
        return max(end for end, _ in values) + moved + added, nodes
