"""Ask targets which of the ready questions they can answer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bulkq.drivers import dialect_of
from bulkq.errors import BulkqError
from bulkq.lifecycle.check_requirements import find_skipped
from bulkq.targets import open_target
from bulkq.targets.bounded_concurrency import gather_concurrently
from bulkq.tasks.diag.questions import databases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Target
    from bulkq.tasks.diag.questions import Question

AT_ONCE = 32


async def inspect_targets(
    targets: Sequence[Target], questions: Sequence[Question]
) -> list[dict[str, str] | BulkqError]:
    """For each target, the questions for its database that it would skip, by name, with the reason; or why it cannot be asked."""
    return await gather_concurrently(targets, partial(_inspect, questions), at_once=AT_ONCE)


async def _inspect(questions: Sequence[Question], target: Target) -> dict[str, str] | BulkqError:
    folders = databases([dialect_of(target.url)])
    queries = [query for question in questions if question.database in folders for query in question.queries]
    try:
        driver = open_target(target, application_name="bulkq/diag", read_only=True)
        connection = await driver.connect()
        try:
            reasons = await find_skipped(connection, queries)
        finally:
            await connection.close()
    except BulkqError as error:
        return error
    return {query.name: reason for query, reason in zip(queries, reasons, strict=True) if reason}
