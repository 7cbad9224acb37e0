"""Connect once to each of many targets: whether it works, how long it takes, and which server it is."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError
from bulkq.model.frozen_dataclass import frozen
from bulkq.targets import open_target
from bulkq.targets.bounded_concurrency import map_concurrently

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bulkq.model import Server, Target
    from bulkq.protocols import Driver


@frozen
class Visit:
    """What came of one connection; one of `server` and `error` is there."""

    target: Target
    elapsed_s: float  # from the look-up of the password until the session is ready
    server: Server | None = None
    error: BulkqError | None = None


async def visit_all(targets: Sequence[Target], *, at_once: int) -> AsyncGenerator[Visit, None]:
    """Connect to every target, `at_once` at a time. Yield the visits in the order of `targets`, each as soon as possible.

    A target that is down or hangs (the timeout is ten seconds) does not delay the connections to others.
    """
    pairs = [(target, _opened(target)) for target in targets]
    async with aclosing(map_concurrently(pairs, _visit, at_once=at_once)) as visits:
        async for visit in visits:
            yield visit


def _opened(target: Target) -> Driver | BulkqError:
    """Return the driver, before time is measured: importing a library does not count as a target's time."""
    try:
        return open_target(target, application_name="bulkq targets", read_only=True)
    except BulkqError as error:
        return error


async def _visit(pair: tuple[Target, Driver | BulkqError]) -> Visit:
    target, driver = pair
    if isinstance(driver, BulkqError):
        return Visit(target, 0.0, error=driver)
    began_s = time.monotonic()
    try:
        connection = await driver.connect()
    except BulkqError as error:
        return Visit(target, time.monotonic() - began_s, error=error)
    elapsed_s = time.monotonic() - began_s
    await connection.close()
    return Visit(target, elapsed_s, connection.server)
