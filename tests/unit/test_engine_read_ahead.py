"""Reading ahead: the order of things, how much is held, and how it ends."""

from __future__ import annotations

import threading

import pytest

from cl2d.engine.read_ahead import PORTIONS_AHEAD, read_ahead


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("n_portions", [0, 1, 40])
def test_results_come_in_the_order_of_reading(n_threads, n_portions):
    found = []
    read_ahead(range(n_portions), lambda portion: portion**2, n_threads, found.append)
    assert found == [portion**2 for portion in range(n_portions)]


def test_only_the_calling_thread_reads_and_listens():
    caller, readers, workers, listeners = threading.get_ident(), set(), set(), set()

    def portions():
        for portion in range(20):
            readers.add(threading.get_ident())
            yield portion

    def work(_portion):
        workers.add(threading.get_ident())

    read_ahead(portions(), work, 2, lambda _result: listeners.add(threading.get_ident()))
    assert readers == listeners == {caller}
    assert caller not in workers
    assert len(workers) <= 2


@pytest.mark.parametrize("n_threads", [1, 3])
def test_no_more_is_read_than_threads_will_soon_work_on(n_threads):
    # Nothing is ever done before the last portion that may be read has been read.
    full, read, most = threading.Event(), [], n_threads + PORTIONS_AHEAD

    def portions():
        for portion in range(most + 10):
            read.append(portion)
            if len(read) == most:
                full.set()
            yield portion

    counts = []

    def work(_portion):
        assert full.wait(60)

    read_ahead(portions(), work, n_threads, lambda _result: counts.append(len(read)))
    assert counts[0] == most
    assert all(ahead - done <= most for done, ahead in enumerate(counts))


@pytest.mark.parametrize("culprit", ["reader", "worker", "listener"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_ends_the_work_and_is_raised(culprit, error):
    begun = []

    def fail_in(place, portion):
        if place == culprit and portion == 3:
            raise error(f"in portion {portion}")

    def portions():
        for portion in range(1000):
            fail_in("reader", portion)
            yield portion

    def work(portion):
        begun.append(portion)
        fail_in("worker", portion)
        return portion

    before = threading.active_count()
    with pytest.raises(error, match="in portion 3"):
        read_ahead(portions(), work, 2, lambda portion: fail_in("listener", portion))
    assert threading.active_count() == before
    assert len(begun) < 1000
