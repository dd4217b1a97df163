"""The workers of a run: who holds which part, and getting something done for every part.

Tasks are bound to the worker that holds their part: Dask would have idle workers steal them, who
would read the images again. So they would wait for ever for a worker that is gone; such tasks are
sent again, to others, who read what they lack. What a worker finds does not depend on who it is:
anything may be done again, by anybody, even twice at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from distributed import wait

from cl2d.cluster.account import Account
from cl2d.cluster.begun import Begun, Patience
from cl2d.cluster.parts import cut_for, dealt, moved_from, parts_of
from cl2d.cluster.passes import LOOK_SECONDS, MOST_TRIES, Pass
from cl2d.cluster.roster import LOST, Roster, WorkersLostError
from cl2d.cluster.sealed import run_for_workers, run_sealed, sealed, unsealed
from cl2d.cluster.several_parts import merged_of_each

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from distributed import Client, Future

    from cl2d.cluster.parts import Part
    from cl2d.cluster.work import Outcome

    Shared: TypeAlias = Future | bytes

LEAST_GAIN = 0.15
"""Share of the time of a pass over all images that moving a part must save: it is read again."""

UNEVEN_PASSES = 2
"""Passes in a row after which parts are moved."""

SMALL_BYTES = 1 << 18
"""Messages to all parts that are sent with each task if they are no more than that together."""

TOGETHER_SECONDS = 5.0
"""How long results of several tasks are waited for before each is asked for alone."""

MERGED_AT_ONCE = 8
"""Partial sums that one worker merges."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Arguments:
    """Arguments of a task about a part: those of this part alone, and those sent to all before."""

    own: tuple[Any, ...]
    shared: tuple[Shared, ...] = ()


class Crew:
    """Workers of a Dask cluster with the parts of a run.

    Parameters
    ----------
    client : distributed.Client
    n_images : int
    account : Account, optional
        Where is counted what the run costs; a new one by default.
    roster : Roster, optional
        What is known of the workers; a new one by default.
    """

    def __init__(
        self,
        client: Client,
        n_images: int,
        account: Account | None = None,
        roster: Roster | None = None,
    ) -> None:
        self.client = client
        self.account = account or Account()
        self.roster = roster or Roster(client)
        threads = self.roster.threads()
        self.account.note_present(threads)
        self.parts = parts_of(n_images, len(threads))
        self._n_cut_for = len(threads)
        self._uneven = 0
        self._met = set(threads)
        self.owners = dealt(self.parts, {name: float(n) for name, n in threads.items()})
        self._seconds: dict[Part, tuple[str, float]] = {}
        self._usual_seconds: dict[str, float] = {}

    def check_owners(self) -> None:
        """Give the parts of workers that are gone to those that are there."""
        present = self.roster.threads()
        self.account.note_present(present)
        lost = [part for part, worker in self.owners.items() if worker not in present]
        if not lost:
            return
        held: defaultdict[str, int] = defaultdict(int)
        for part, worker in self.owners.items():
            held[worker] += part.n_images
        for part in lost:
            heir = min(present, key=lambda worker: (held[worker] / present[worker], worker))
            _log.info("worker %s is gone: %s reads its part", self.owners[part], heir)
            self.owners[part] = heir
            held[heir] += part.n_images

    def rebalance(self) -> dict[str, list[Part]]:
        """Move parts from slow workers to fast ones by the durations of the last pass.

        That is done once several passes in a row would have had it: what else a machine does comes
        and goes. A worker that has done nothing yet is taken to be as fast as the others, and gets
        its share at once. Where there are more workers than before, parts become smaller.

        Returns
        -------
        dict
            What is left to each worker that has handed a part on.
        """
        threads = self.roster.threads()
        speeds = self._measured_speeds(set(threads))
        all_there = set(self.owners.values()) <= set(threads)
        if not speeds or not all_there or self.roster.waits_for_late:
            return {}
        of_a_thread = sum(speeds.values()) / sum(threads[worker] for worker in speeds)
        for worker in threads.keys() - speeds.keys():
            speeds[worker] = of_a_thread * threads[worker]
        newcomers = threads.keys() - self._met
        self._met |= threads.keys()
        before = self.owners
        if len(threads) > self._n_cut_for:
            self._n_cut_for = len(threads)
            before = cut_for(self.owners, len(threads))
            self._seconds.clear()  # of parts that are no more
        after = moved_from(before, speeds, LEAST_GAIN)
        self._uneven = self._uneven + 1 if after != before else 0
        if newcomers or self._uneven >= UNEVEN_PASSES:
            self._uneven = 0  # what was measured is of parts that have moved
        else:
            after = before
        self.owners, self.parts = after, sorted(after)
        givers = {before[part] for part in self.parts if self.owners[part] != before[part]}
        return {
            giver: [part for part, worker in self.owners.items() if worker == giver]
            for giver in sorted(givers)
        }

    def speeds(self) -> dict[str, float]:
        """Return the speeds of the workers by the last pass, or their threads, in no unit."""
        threads = self.roster.threads()
        measured = self._measured_speeds(set(threads))
        known = len(measured) == len(threads)
        return measured if known else {worker: float(n) for worker, n in threads.items()}

    def _measured_speeds(self, present: set[str]) -> dict[str, float]:
        """Return the images a second, in the last pass, of those workers that did some."""
        images: Counter[str] = Counter()
        seconds: defaultdict[str, float] = defaultdict(float)
        for part, (worker, duration) in self._seconds.items():
            images[worker] += part.n_images
            seconds[worker] += duration
        return {w: images[w] / seconds[w] for w in images if w in present and seconds[w] > 0}

    def for_each_part(
        self, task: Callable[..., Any], arguments: Callable[[Part, str], Arguments]
    ) -> Iterator[tuple[Part, Outcome]]:
        """Yield the outcome of ``task(*arguments(part, worker))`` for every part as it is there.

        Raises
        ------
        WorkersLostError
            If no worker is left or several were lost over one part.
        """
        self.check_owners()
        started = time.monotonic()
        yield from Pass(self, task, arguments).results()
        self._usual_seconds[task.__name__] = time.monotonic() - started

    def merged(
        self,
        task: Callable[..., Any],
        merge: Callable[..., Any],
        finish: Callable[..., Any],
        arguments: Callable[[Part, str], Arguments],
    ) -> Any:
        """Return what workers make of ``task(*arguments(part, worker))`` of all parts by merging.

        A worker merges what it has, then some workers what several have, and the last few values
        one that finishes: this process gets one value, whatever their number.
        """

        def begin() -> Begun:
            self.check_owners()
            by_worker: defaultdict[str, list[Part]] = defaultdict(list)
            for part in self.parts:
                by_worker[self.owners[part]].append(part)
            of_each = partial(merged_of_each, task, merge)
            steps = {
                worker: self.submit_parts(of_each, some, arguments, worker)
                for worker, some in by_worker.items()
            }
            values = list(steps.values())
            while len(values) > MERGED_AT_ONCE:
                starts = range(0, len(values), MERGED_AT_ONCE)
                values = [self.call(merge, (), values[i : i + MERGED_AT_ONCE]) for i in starts]
            return Begun(self.call(finish, (), values), steps)

        return self.result_of(begin(), begin)

    def result_of(self, begun: Begun, begin: Callable[[], Begun]) -> Any:
        """Return the result of a task, which is begun again where workers are lost over it or late.

        Raises
        ------
        WorkersLostError
            If it has been begun ``MOST_TRIES`` times.
        """
        cause: Exception | None = None
        for attempt in range(MOST_TRIES):
            if attempt > 0:
                begun = begin()
            try:
                outcome = self.received(begun.future, begun.workers) if self._comes(begun) else None
                if outcome is not None:
                    return outcome.value
            except LOST as error:
                cause = error
        message = f"{MOST_TRIES} workers were lost over one task"
        raise WorkersLostError(message) from cause

    def _comes(self, begun: Begun) -> bool:
        """Wait for a task; return False once a worker is gone on which it may wait for ever."""
        patience = Patience(begun.steps)
        while not begun.future.done():
            try:
                wait([begun.future], timeout=LOOK_SECONDS)
            except TimeoutError:
                for worker, step in patience.late().items():
                    self.roster.set_aside(worker, step)
                if not begun.workers <= set(self.workers()) and not begun.future.done():
                    return False
        return True

    def usual_seconds(self, task_name: str) -> float:
        """Return how long the last pass of a kind took; 0 if there was none."""
        return self._usual_seconds.get(task_name, 0.0)

    def workers(self) -> list[str]:
        """Return the addresses of the workers there are."""
        return sorted(self.roster.threads())

    def submit_parts(
        self,
        task: Callable[..., Any],
        parts: Sequence[Part],
        arguments: Callable[[Part, str], Arguments],
        worker: str,
    ) -> Future:
        """Send a task about some parts to a worker, to be done with one after the other."""
        of_parts = [arguments(part, worker) for part in parts]
        own = [of_part.own for of_part in of_parts]
        return self.call(task, (own,), of_parts[0].shared, worker)

    def call(
        self,
        task: Callable[..., Any],
        arguments: tuple[Any, ...],
        more: Sequence[Shared] = (),
        worker: str | None = None,
    ) -> Future:
        """Send a task, with arguments that are there or to come, to a worker or to any of them."""
        message = self._sealed(arguments, more)
        where = self._anywhere() if worker is None else _at(worker)
        return self.client.submit(run_sealed, task, message, *more, pure=False, **where)

    def call_for_workers(
        self,
        task: Callable[..., Any],
        arguments: tuple[Any, ...],
        more: Sequence[Shared],
        worker: str,
    ) -> Future:
        """Send a task whose result goes to another task, not here."""
        message = self._sealed(arguments, more)
        return self.client.submit(run_for_workers, task, message, *more, pure=False, **_at(worker))

    def _anywhere(self) -> dict[str, Any]:
        """Return how Dask is told of a task for any worker, but for one that hangs over another."""
        if not self.roster.leaves_some_out:
            return {}
        return {"workers": self.workers(), "allow_other_workers": True}

    def _sealed(self, arguments: tuple[Any, ...], more: Sequence[Shared]) -> bytes:
        """Return the arguments of a task as they travel; what travels beside them counts, too."""
        message = sealed(arguments)
        beside = sum(len(one) for one in more if isinstance(one, bytes))
        self.account.sent_bytes += len(message) + beside
        return message

    def broadcast(self, value: object, *, for_long: bool = False) -> Shared:
        """Return something that every worker will be given, from here or by another worker.

        It is the result of a task, which Dask can do again where all who had it are lost. What is
        small and not for long goes with each task instead: nobody waits for another one.
        """
        message = sealed(value)
        if not for_long and len(message) * len(self.parts) <= SMALL_BYTES:
            return message
        self.account.sent_bytes += len(message)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            return self.client.submit(bytes, message, pure=False, **self._anywhere())

    def received_together(
        self, ended: Sequence[tuple[Future, Collection[str]]]
    ) -> list[Outcome | None]:
        """Return what has come of tasks that are done, each as :meth:`received` does.

        They are asked for at once: a question of each would take longer than all else that Dask
        does for a task. Where something is lost, one after the other tells what it is.
        """
        messages = self._gathered([future for future, _ in ended]) if len(ended) > 1 else None
        if messages is None:
            return [self.received(future, workers) for future, workers in ended]
        return [self._opened(message) for message in messages]

    def _gathered(self, futures: list[Future]) -> list[bytes] | None:
        """Return the results of tasks that are done, None if they do not all come soon.

        Those that are lost are left out by Dask rather than raised: of several it would forget
        errors that nobody has asked for, which are printed then.
        """

        async def gather() -> list[bytes]:
            coming = self.client.gather(futures, errors="skip", asynchronous=True)
            results: list[bytes] = await asyncio.wait_for(coming, TOGETHER_SECONDS)
            return results

        try:
            messages: list[bytes] = self.client.sync(gather)
        except (TimeoutError, *LOST):
            return None
        return messages if len(messages) == len(futures) else None

    def received(self, future: Future, workers: Collection[str]) -> Outcome | None:
        """Return what has come of a task; None if it went with a worker that is gone.

        Parameters
        ----------
        future : of a task that is done
        workers : those that it, or what it depended on, was sent to
        """
        patience_seconds = LOOK_SECONDS
        while True:
            try:
                message = future.result(timeout=patience_seconds)
                break
            except TimeoutError:
                if not set(workers) <= set(self.workers()):
                    return None
                patience_seconds *= 2  # it may be large
        return self._opened(message)

    def _opened(self, message: bytes) -> Outcome:
        outcome: Outcome = unsealed(message)
        self.account.note(len(message), outcome.work)
        return outcome

    def note(self, part: Part, worker: str, seconds: float) -> None:
        """Remember how long a worker took for a part."""
        self._seconds[part] = (worker, seconds)


def _at(worker: str) -> dict[str, Any]:
    """Return how Dask is told where a task is to be done, and nowhere else."""
    return {"workers": [worker], "allow_other_workers": False}
