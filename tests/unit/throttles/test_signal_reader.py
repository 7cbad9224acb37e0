"""The connection of a signal, on SQLite."""

from __future__ import annotations

import pytest

from bulkq.dialects.throttle_signal_catalog import SignalQuery
from bulkq.errors import RefusedError, UsageError
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext
from bulkq.throttles.signal_reader import SignalReader
from tests.support.throttles import DATABASE


def connection(text: str = "slot(it's)<1kB") -> SignalReader:
    """The connection of an expression."""
    return SignalReader(parse_expression(text), ThrottleContext(application_name="bulkq/r1"), "db", DATABASE)


async def test_a_query_is_given_its_literals() -> None:
    """The argument, and the names of both kinds of connections, quoted."""
    one = connection()
    rows = await one.ask("select {name}, {ours}, {reader}")
    assert [tuple(row) for row in rows] == [("it's", "bulkq/r1", "bulkq/r1/throttle")]
    assert (await one.ask("select {name}", "orders"))[0][0] == "orders"
    before = await one.connected()
    await one.close()
    await one.close()
    assert await one.connected() is not before
    await one.close()


async def test_a_signal_is_examined_before_it_is_read() -> None:
    """What the server cannot give is a usage error; a missing right is refused with what would give it."""
    one = connection("active<5")
    query = SignalQuery(sql="select 1", allowed="select 1", impossible="select null")
    assert await one.examine(query) is query
    with pytest.raises(UsageError, match="^--throttle active<5: db: it is off$"):
        await one.examine(SignalQuery(sql="", impossible="select 'it is off'"))
    with pytest.raises(RefusedError, match="^--throttle active<5: db: the role may not see it: GRANT x TO the role$"):
        await one.examine(SignalQuery(sql="", allowed="select 0", grant="GRANT x TO {role}"))
    with pytest.raises(UsageError, match="sqlite does not give the signal active to bulkq$"):
        await one.examine(None)
    await one.close()
