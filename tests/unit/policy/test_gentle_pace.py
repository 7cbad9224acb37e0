"""When a run works and rests, by what a server counts of others: a server that is computed, second by second."""

from __future__ import annotations

import pytest

from bulkq.model.run import LimitOptions
from bulkq.policy.gentle_pace import GentlePace, ServerLoad, chooses_pace

CLIENTS = 8


class Server:
    """A server on which others are never idle, and a run with ranges of a second.

    Args:
        slower: by what share the others are slower for each lane that works.
        most: lanes of the run.
        own_s: seconds of a range in which statements of the run are executed.
        transactions: of a range.
    """

    def __init__(self, slower: float, most: int = 2, *, own_s: float = 1.0, transactions: int = 1) -> None:
        self.pace = GentlePace()
        self.own_s, self.transactions = own_s, transactions
        self.pace.most = most
        self.slower = slower
        self.clients, self.mean_s = CLIENTS, 0.005
        self.now_s, self.seconds, self.count = 100.0, 50.0, 1000.0
        self.busy_s = 0.0
        self.working: list[int] = []
        self.idle = False

    def load(self) -> ServerLoad:
        """What it has counted."""
        return ServerLoad({"a": (self.seconds, self.count), "b": (1.0, 1.0)}, self.clients)

    def start(self) -> Server:
        """Begin the run."""
        self.pace.start(self.load(), self.now_s)
        return self

    def run(self, seconds: int) -> float:
        """Let time pass. Return the share of it that one lane would have worked."""
        before_s = self.busy_s
        for _ in range(seconds):
            lanes = 0 if self.pace.resting or self.idle else self.pace.lanes or self.pace.most
            for _ in range(lanes):
                self.pace.begin()
                self.pace.end(self.own_s, self.transactions)
            self.working.append(lanes)
            self.now_s += 1
            self.busy_s += lanes
            self.seconds += self.clients + lanes * self.own_s
            self.count += self.clients / (self.mean_s * (1 + self.slower * lanes)) + lanes * self.transactions
            self.pace.observe(self.load(), self.now_s)
        return (self.busy_s - before_s) / seconds


def test_without_others_a_run_has_its_speed() -> None:
    """If no other session is at work, all lanes work from the first moment on, and nothing is said."""
    server = Server(0.5)
    server.clients = 0
    server.start()
    assert (server.pace.resting, server.pace.lanes, server.pace.why, server.pace.pause) == (False, None, "", 0.0)
    assert server.run(30) == 2


def test_idle_sessions_and_few_transactions_do_not_hold_it() -> None:
    """Sessions that seem busy delay the first batch by two seconds, unless they have ten transactions in a second."""
    server = Server(0.5)
    server.clients, server.mean_s = 1, 0.5
    server.start()
    assert server.pace.resting
    server.run(2)
    assert not server.pace.resting
    assert server.run(20) == 2


def test_a_run_that_is_felt_rests_for_most_of_the_time() -> None:
    """Where one lane makes others slower by half, the run works alone, and for about a quarter of the time."""
    server = Server(0.5).start()
    assert server.pace.resting
    assert server.pace.why == "nice=auto measures how long the transactions of others take without the run, and with it"
    assert server.run(60) < 0.3
    share = server.run(300)
    assert 0.15 < share < 0.35
    assert share * 0.5 < 0.15
    assert max(server.working) == 1
    assert server.pace.felt == pytest.approx(1.5, abs=0.02)
    assert server.pace.lanes == 1
    assert server.pace.pause > 2
    assert server.pace.why.startswith(
        "nice=auto: the transactions of others take 1.50 times as long while 1 lane works, so "
    )


def test_a_run_that_is_not_felt_works_with_all_lanes_within_a_minute() -> None:
    """On idle processors it rests for a few percent of the time."""
    server = Server(0.0).start()
    server.run(60)
    assert server.pace.lanes is None
    assert "while 2 lanes work" in server.pace.why
    assert server.run(600) > 1.85


def test_a_run_that_is_felt_a_little_has_few_lanes() -> None:
    """Lanes come one by one, and go again when they are felt."""
    server = Server(0.01, most=8).start()
    server.run(600)
    assert 2 <= (server.pace.lanes or 8) <= 8
    server.slower = 0.5
    server.run(200)
    assert server.pace.lanes == 1
    assert server.run(200) < 0.4


def test_others_that_come_are_measured_and_those_that_leave_are_forgotten() -> None:
    """A run that was free rests when others begin; if they end, it is free again after a second of rest."""
    server = Server(0.5)
    server.clients = 0
    server.start()
    server.run(10)
    server.clients = CLIENTS
    server.run(4)
    assert server.pace.resting
    server.run(60)
    assert server.pace.felt is not None
    server.clients = 0
    server.run(30)
    assert (server.pace.felt, server.pace.lanes, server.pace.pause) == (None, None, 0.0)


def test_a_load_that_grows_by_itself_does_not_slow_the_run() -> None:
    """The run rests to look when others get slower, and finds that it is not because of itself."""
    server = Server(0.0).start()
    server.run(120)
    server.mean_s = 0.015
    assert server.run(5) < 2
    assert server.run(300) > 1.7


def test_a_rest_begins_when_the_last_range_has_ended() -> None:
    """A range that is still running is waited for; what is measured meanwhile does not count."""
    server = Server(0.3).start()
    server.run(4)
    assert not server.pace.resting
    server.pace.observe(server.load(), server.now_s + 0.1)  # too early to count
    server.pace.begin()
    server.run(5)
    assert server.pace.resting
    server.run(40)
    assert server.pace.resting
    assert server.pace.felt is None
    server.pace.end(40.0)
    server.run(13)
    assert not server.pace.resting


def test_work_without_batches_says_nothing() -> None:
    """A run that a throttle holds while it might work has nothing to compare."""
    server = Server(0.5).start()
    server.idle = True
    server.run(60)
    assert server.pace.felt is None


def test_ranges_that_compute_beside_their_statements_are_not_felt_for_that() -> None:
    """Only the time of its statements, and each of its transactions, is taken off what the server has counted."""
    server = Server(0.0, own_s=0.3, transactions=40).start()
    server.clients, server.mean_s = 2, 0.02
    server.run(100)
    assert server.pace.felt == pytest.approx(1.0, abs=0.01)


def test_it_can_be_switched_off() -> None:
    """A person who sets a number has all lanes back."""
    server = Server(0.5).start()
    server.run(20)
    server.pace.on = False
    assert (server.pace.resting, server.pace.lanes, server.pace.why, server.pace.pause) == (False, None, "", 0.0)


def test_a_server_that_counts_no_time_says_nothing() -> None:
    """Without the time of the transactions nothing is known of them, and the run goes on gently."""
    pace = GentlePace()
    pace.start(ServerLoad({"a": (0.0, 0.0)}, 1), 0.0)
    for second in range(1, 40):
        pace.observe(ServerLoad({"a": (0.0, 100.0 * second)}, 1), float(second))
        if not pace.resting:
            pace.begin()
            pace.end(0.5)
    assert pace.felt is None


def test_only_databases_that_are_in_both_readings_count() -> None:
    """A database that was dropped or made meanwhile has no part in the difference."""
    then = ServerLoad({"a": (1.0, 10.0), "dropped": (500.0, 9000.0)}, 0)
    now = ServerLoad({"a": (3.0, 40.0), "made": (70.0, 100.0)}, 0)
    assert now.since(then) == (2.0, 30.0)


@pytest.mark.parametrize(
    ("limits", "throttles", "backfill", "chosen"),
    [
        ({"nice": "auto"}, (), False, True),
        ({"nice": 0.0, "concurrency_given": False}, ("commit<20ms",), True, False),
        ({"concurrency_given": False}, ("commit<20ms",), True, True),
        ({"concurrency_given": False}, ("file:/x", "lag<2s"), True, True),
        ({"concurrency_given": False}, ("lag<2s",), False, False),
        ({"concurrency_given": False}, ("waiters<1",), True, False),
        ({"concurrency_given": True}, ("commit<20ms",), True, False),
        ({"concurrency_given": False, "max_rate": "9rows/s"}, ("commit<20ms",), True, False),
    ],
)
def test_who_finds_its_pace(
    limits: dict[str, object], throttles: tuple[str, ...], backfill: bool, chosen: bool
) -> None:
    """By the option, or a backfill with a throttle of latency or lag without `--nice`, `--max-rate` and `-j`."""
    assert chooses_pace(LimitOptions(**limits), throttles, backfill=backfill) is chosen  # type: ignore[arg-type]
