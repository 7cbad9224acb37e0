"""`sql:QUERY`, `sql:FILE.sql`: a query of the user's says whether the lanes wait."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, QueryFileError, UsageError
from bulkq.model import Decoding, Limits, Phase
from bulkq.policy.throttle_expressions import names_file
from bulkq.text.characters import escape_unprintable
from bulkq.text.message_parts import quoted
from bulkq.throttles.base import READ_S
from bulkq.throttles.database_throttle import DatabaseThrottle

if TYPE_CHECKING:
    from bulkq.model import Query, Target
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.throttles.throttle_context import ThrottleContext

LIMITS = Limits(timeout_s=READ_S, lock_timeout_s=READ_S, read_only=True)
MOST_SHOWN = 120


class SqlThrottle(DatabaseThrottle):
    """Holds the lanes while the first column of the first row is a number above 0, true, or a text, which is the reason."""

    alone = True

    def __init__(self, expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target) -> None:
        super().__init__(expression, context, label, target)
        file = f" {expression.argument}" if names_file(expression.argument) else ""
        self.name = context.title(f"sql{file}", label)
        self._query = _query(expression, dialect_of(target.url))

    async def read(self) -> str | None:
        """Run the query in a read-only transaction.

        Raises:
            DatabaseError, TargetError: it failed, or the server cannot be asked.
        """
        connection = await self.connected()
        statement = await connection.prepare(self._query, Decoding.PYTHON, typed=True, identifiers={})
        reply = await connection.attempt(statement, [()], LIMITS)
        if reply.errors:  # of a driver that reports the errors of reads by set
            raise DatabaseError(reply.errors[0].message, sqlstate=reply.errors[0].sqlstate, phase=Phase.SENT)
        value = reply.values[0][0] if reply.values and len(reply.values[0]) else None
        self._note(value)
        if value is None or value == "" or (isinstance(value, bool | int | float | Decimal) and value <= 0):
            return None
        shown = value if isinstance(value, str) else "true" if value is True else f"{value} > 0"
        return f"{self.name}: {escape_unprintable(str(shown))[:MOST_SHOWN]}"

    def _note(self, value: object) -> None:
        number = float(value) if isinstance(value, int | float | Decimal) else None
        self.note("" if value is None else escape_unprintable(str(value))[:MOST_SHOWN], number)


def _query(expression: ThrottleExpression, dialect: str) -> Query:
    """The query of an expression.

    Raises:
        UsageError: the file cannot be read, or the text is not one query without parameters.
    """
    text, place = expression.argument, "--throttle sql"
    if names_file(text):
        try:
            text, place = Path(text).read_text(encoding="utf-8"), f"--throttle sql:{text}"
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "is not UTF-8"
            raise UsageError(f"{expression.option} {quoted(expression.text)}: cannot read the file: {why}") from error
    try:
        query = queries.inline(text, dialect)
    except QueryFileError as error:
        raise UsageError(f"{place}: {str(error).partition(': ')[2] or error}") from error
    if query.parameters:
        raise UsageError(f"{place}: a query of a throttle cannot have parameters (:{query.parameters[0].name})")
    return query
