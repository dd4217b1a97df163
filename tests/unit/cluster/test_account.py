"""What a run on workers costs: bytes, waiting and speeds."""

from __future__ import annotations

import pytest

from cl2d.cluster import account as accounts
from cl2d.cluster.account import Account
from cl2d.cluster.work import Work


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the time, which stands until it is changed."""
    now = [100.0]
    monkeypatch.setattr(accounts.time, "monotonic", lambda: now[0])
    return now


def test_an_iteration_lasts_until_the_next_one_begins(clock: list[float]) -> None:
    account = Account()
    account.note_present({"a": 1, "b": 4})
    account.note(7, Work({"a": 3.0}))  # before the first iteration
    account.begin_iteration(4)
    account.sent_bytes += 1000
    account.note(50, Work({"a": 2.0, "b": 1.0}))
    clock[0] += 4.0
    account.begin_iteration(8)
    account.note(5, Work({"b": 1.0}))
    clock[0] += 1.0
    account.end_iteration()
    account.end_iteration()  # nothing goes on: nothing is counted
    use = account.use()
    first, second = use.iterations
    assert (first.n_classes, first.seconds, first.sent_bytes) == (4, 4.0, 1000)
    assert first.received_bytes == 50
    assert first.waiting_share == pytest.approx(1 - 3 / 8)
    assert second.waiting_share == pytest.approx(1 - 1 / 2)
    assert use.waiting_share == pytest.approx((4 * 5 / 8 + 1 / 2) / 5)
    assert (use.sent_bytes, use.received_bytes) == (1000, 62)


def test_workers_that_are_lost_are_told_of_but_do_not_wait(clock: list[float]) -> None:
    account = Account()
    account.note_present({"a": 1, "b": 2})
    account.note_search("b", 1000, 0.5)
    account.note_present({"a": 1})
    account.begin_iteration(2)
    account.note(0, Work({"a": 2.0}))
    clock[0] += 2.0
    account.end_iteration()
    use = account.use()
    assert [(one.address, one.threads) for one in use.workers] == [("a", 1), ("b", 2)]
    assert [one.comparisons_per_second for one in use.workers] == [0.0, 2000.0]
    assert use.iterations[0].waiting_share == 0.0


def test_a_run_without_iterations_has_waited_for_nothing() -> None:
    use = Account().use()
    assert use.iterations == ()
    assert use.waiting_share == 0.0
