"""How many lanes help."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from bulkq.model import Capabilities
from bulkq.policy.useful_lanes import FAST_S, STUCK_S, TICK_S, is_fast, is_worth_connecting, useful_lanes, wants_lane

SERVER = Capabilities("server", True, True, True, True, True, False)
FILE = replace(SERVER, name="file", in_process=True, concurrent_writes=False)
FAST, SLOW = FAST_S / 2, FAST_S * 2

lanes = partial(useful_lanes, read_only=True, latency_s=None, total=None, processors=4, most=(8, "given"))


def test_fast_queries_in_this_process_have_one_lane_and_one_more() -> None:
    """The other one is added if the first is stuck."""
    assert is_fast(FILE, FAST)
    assert not is_fast(SERVER, FAST)
    assert lanes(FILE, latency_s=FAST) == (2, "fast queries in this process need no more")
    assert not wants_lane(FILE, FAST, TICK_S)
    assert wants_lane(FILE, FAST, STUCK_S)


def test_slow_queries_in_this_process_have_the_processors() -> None:
    """More threads than processors only wait. Before the first result, the timer waits for a moment."""
    assert not wants_lane(FILE, None, 0.0)
    assert wants_lane(FILE, None, TICK_S)
    assert wants_lane(FILE, SLOW, 0.0)
    assert lanes(FILE, latency_s=SLOW) == (4, "the database runs in this process, which has 4 processors")
    assert lanes(FILE, most=(2, "given")) == (2, "given")


def test_a_server_has_the_lanes_that_are_allowed() -> None:
    """Its lanes are added as batches are cut, not by the timer."""
    assert lanes(SERVER, latency_s=FAST) == (8, "given")
    assert not wants_lane(SERVER, SLOW, 100.0)


def test_few_sets_need_few_lanes() -> None:
    """No more lanes than parameter sets, and one if there is none."""
    assert lanes(SERVER, total=3) == (3, "there are no more parameter sets")
    assert lanes(SERVER, total=0) == (1, "there are no more parameter sets")
    assert lanes(SERVER, total=100) == (8, "given")


def test_a_database_that_takes_one_write_at_a_time_has_one_lane() -> None:
    """Reads are not concerned."""
    assert lanes(FILE, read_only=False) == (1, "the database executes one query at a time")


def test_a_lane_is_worth_its_connection_while_it_saves_more_time() -> None:
    """2,000 queries of 20 ms are worth a hundred lanes, 10,000 of 20 microseconds a dozen; what is unknown may be long."""
    assert is_worth_connecting(2_000, 0.02, 99)
    assert is_worth_connecting(10_000, 0.00002, 13)
    assert not is_worth_connecting(10_000, 0.00002, 14)
    assert not is_worth_connecting(0, 10.0, 1)
    assert is_worth_connecting(None, 0.00002, 99)
    assert is_worth_connecting(100, None, 99)
