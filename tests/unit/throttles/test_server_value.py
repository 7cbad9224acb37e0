"""Values of a server."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from tests.support.throttles import AnsweredValue, answered


async def test_a_value_at_its_limit_is_a_reason() -> None:
    """The reason has the value, the limit, and whose it is."""
    slot = answered(AnsweredValue, "slot<10GB")
    await slot.begin()
    assert await slot.read() is None
    slot.rows = [(5.0 * 1024**3, "cdc")]
    assert await slot.read() is None
    assert slot.load() == 0.5
    slot.rows = [(12.5 * 1024**3, "cdc")]
    assert await slot.read() == "slot 12 GB >= 10 GB (cdc)"


async def test_a_number_names_whose_it_is_only_if_there_is_one() -> None:
    """No session that waits has no name."""
    waiters = answered(AnsweredValue, "waiters<1")
    await waiters.begin()
    waiters.rows = [(0.0, None)]
    assert await waiters.read() is None
    waiters.rows = [(2.0, "pid 7")]
    assert await waiters.read() == "waiters 2 >= 1 (pid 7)"


async def test_autovacuum_is_that_of_the_table_of_the_run() -> None:
    """A run that is no backfill has to name it."""
    vacuum = answered(AnsweredValue, "autovacuum", table="orders")
    await vacuum.begin()
    assert await vacuum.read() is None
    vacuum.rows = [(1.0, "orders, pid 7")]
    assert await vacuum.read() == "autovacuum: a worker is on orders, pid 7"
    with pytest.raises(UsageError, match=r"^--throttle autovacuum: name the table: autovacuum\(TABLE\)$"):
        await answered(AnsweredValue, "autovacuum").begin()
