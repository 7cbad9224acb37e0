"""Check the parameter values of checks before the first statement: with a bad value, nothing is executed.

Of queries that give parameters nothing is asked: they are the user's.
"""

from __future__ import annotations

import contextlib
from collections import deque
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError, ParameterError, RefusedError, TargetError
from bulkq.lifecycle.check_parameter_values import check_values
from bulkq.lifecycle.preflight import PEEKED
from bulkq.lifecycle.statements_by_identifier import StatementsByIdentifier
from bulkq.lifecycle.untyped_parameters import find_untyped, warning
from bulkq.model.frozen_dataclass import frozen
from bulkq.sources import open_source_for, texts_of
from bulkq.sources.peekable_source import PeekableSource
from bulkq.targets.bounded_concurrency import gather_concurrently

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.engine.pool import ConnectionPool
    from bulkq.model import Batch, Capabilities, PartSpec, Query
    from bulkq.protocols import Connection, ParameterSource
    from bulkq.sources import Request

SIDE_BY_SIDE = 4
"""Sessions over which questions are asked. A question is mostly waiting: three round trips, and the server's parser."""

WORTH_A_SESSION = 8
"""Questions that take about as long as a session to begin."""


async def first_sets(wanted: Request, query: Query, source: object, can: Capabilities) -> Batch | None:
    """The first sets of a source: read a second time where that can be done, so that nothing is held; None where there are none.

    Raises:
        ParameterError: one of them cannot be read, or is no value of its declared type.
    """
    if isinstance(source, PeekableSource):
        return await source.peek(PEEKED)
    again = PeekableSource(await open_source_for(can, wanted, query, unused_constants_ok=True))
    try:
        return await again.peek(PEEKED)
    finally:
        await again.close()


@frozen
class ValueQuestion:
    """Whether a target takes the first parameter sets of a check.

    Attributes:
        place: in the order of the report.
        part: the check on the target.
        wanted: where its sets come from.
    """

    place: int
    part: PartState
    wanted: Request


class ValueQuestions:
    """Questions about parameter values, asked side by side. What targets would say alike is asked once."""

    def __init__(self) -> None:
        self._asked: set[tuple[object, ...]] = set()
        self._bad: dict[int, ParameterError] = {}  # by the place of the question

    async def ask(self, questions: Sequence[ValueQuestion], *, sessions: int) -> None:
        """Ask all, over at most so many sessions of each target.

        A statement that cannot be prepared, or a target that goes away, is for the run to tell.

        Raises:
            ParameterError: one line per bad value, up to twenty; of the first check that has any.
        """
        waiting: dict[ConnectionPool, deque[ValueQuestion]] = {}
        for question in questions:
            waiting.setdefault(question.part.sessions, deque()).append(question)
        many = sessions if len(waiting) == 1 else 1
        workers = [
            partial(self._work, own, extra=number > 0)
            for own in waiting.values()
            for number in range(min(many, 1 + len(own) // WORTH_A_SESSION))
        ]
        await gather_concurrently(workers, lambda work: work(), at_once=max(SIDE_BY_SIDE, sessions))
        if self._bad:
            raise self._bad[min(self._bad)]

    async def _work(self, waiting: deque[ValueQuestion], *, extra: bool) -> None:
        """Ask the questions of `waiting` one after the other over one session. If an `extra` one cannot be had, the others do it."""
        connection: Connection | None = None
        sessions = waiting[0].part.sessions if waiting else None
        try:
            while sessions is not None and waiting and waiting[0].place < min(self._bad, default=inf):
                if connection is None:
                    try:
                        connection = await sessions.first()
                    except (TargetError, RefusedError):
                        if extra:
                            return
                        waiting.popleft()
                    continue
                if not await self._fits(waiting.popleft(), connection):
                    await connection.close()
                    connection = None
        except BaseException:
            if connection is not None:
                await connection.close()
            raise
        if sessions is not None and connection is not None:
            sessions.give_back(connection)

    async def _fits(self, question: ValueQuestion, connection: Connection) -> bool:
        """Ask one question. Return False if the session is of no use any more."""
        try:
            part = question.part
            head = await first_sets(question.wanted, part.spec.query, part.source, part.sessions.driver.capabilities)
            if head is not None:
                await _ask(part.spec, head, connection, self._asked)
        except ParameterError as error:
            self._bad[question.place] = error
        except (DatabaseError, TargetError):
            return False
        return True


async def untyped_warnings(
    query: Query, source: ParameterSource, can: Capabilities, sessions: ConnectionPool
) -> list[str]:
    """Warnings of values of `query` that the target compares as numbers or as text.

    A statement that cannot be prepared, or a target that goes away, is for the run to tell.
    """
    names = texts_of(source)
    if not names or not can.dynamic_types:
        return []
    with contextlib.suppress(DatabaseError, TargetError, RefusedError):
        connection = await sessions.first()
        try:
            found = await find_untyped(connection, query, names)
        except BaseException:
            await connection.close()
            raise
        sessions.give_back(connection)
        return [*map(warning, found)]
    return []


async def _ask(spec: PartSpec, head: Batch, connection: Connection, asked: set[tuple[object, ...]]) -> None:
    by_identifier = StatementsByIdentifier(spec)
    await by_identifier.prepare(connection, head)
    server = connection.server
    for statement, positions in by_identifier.each(head):
        question = (spec.query.place, server.product, server.version_number, statement.parameter_types, positions)
        if question not in asked:
            asked.add(question)
            await check_values(connection, statement, head, positions=positions)
