"""How many lanes help, on a SQLite file."""

from __future__ import annotations

import os
from dataclasses import replace

from bulkq.engine.lane_bound import STUCK_S, TICK_S, is_fast, useful_lanes, wants_lane
from tests.support.lanes import part


def test_fast_queries_in_this_process_have_one_lane(database: str) -> None:
    """Another one is added if the first is stuck."""
    one = part(database, "select 1", [{}] * 1_000)
    one.size.record(10, 0.001, 10)
    assert is_fast(one)
    assert useful_lanes(one, 8) == (1, "fast queries in this process need no more")
    assert not wants_lane(one, TICK_S)
    assert wants_lane(one, STUCK_S)


def test_slow_queries_in_this_process_have_the_processors(database: str) -> None:
    """More threads than processors only wait."""
    processors = os.cpu_count() or 1
    one = part(database, "select 1", ({} for _ in range(1_000)))
    assert not wants_lane(one, 0.0)
    assert wants_lane(one, TICK_S)
    one.size.record(1, 0.1, 1)
    assert wants_lane(one, 0.0)
    assert useful_lanes(one, 1_000)[0] == processors
    assert useful_lanes(one, 1) == (1, "the run is allowed no more")
    one.sessions.limit(1, "the server is full")
    assert useful_lanes(one, 1) == (1, "the server is full")


def test_few_sets_need_few_lanes(database: str) -> None:
    """No more lanes than parameter sets."""
    one = part(database, "select 1", [{}])
    one.source.total = 1
    assert useful_lanes(one, 8) == (1, "there are no more parameter sets")


def test_a_database_that_takes_one_write_at_a_time_has_one_lane(database: str) -> None:
    """SQLite executes one write at a time."""
    one = part(database, "update t set v = 1", [{}] * 1_000, write=True)
    assert useful_lanes(one, 8) == (1, "the database executes one query at a time")


def test_a_server_adds_lanes_by_itself(database: str) -> None:
    """The timer adds lanes only for a database in this process."""
    one = part(database, "select 1", [{}])
    driver = one.sessions.driver
    driver.capabilities = replace(driver.capabilities, in_process=False)
    assert not wants_lane(one, 100.0)
