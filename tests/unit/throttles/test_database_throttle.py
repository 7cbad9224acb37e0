"""A signal of a database: its name, its target and its connection."""

from __future__ import annotations

from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext
from bulkq.throttles.database_throttle import DatabaseThrottle
from tests.support.throttles import DATABASE


async def test_a_signal_has_the_name_of_its_target_if_there_are_several() -> None:
    """It holds the lanes of that target, and its next reading opens another connection."""
    both = ThrottleContext(targets=(("eu", DATABASE), ("us", DATABASE)))
    throttle = DatabaseThrottle(parse_expression("slot(cdc)<1kB"), both, "eu", DATABASE)
    assert (throttle.name, throttle.of("eu"), throttle.of("us")) == ("eu: slot(cdc)", throttle, None)
    assert (await throttle.ask("select {name}"))[0][0] == "cdc"
    before = await throttle.connected()
    await throttle.give_up()
    assert await throttle.connected() is not before
    await throttle.close()
