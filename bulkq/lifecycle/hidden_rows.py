"""Find out whether row level security hides rows of tables that a statement reads: its answer is then wrong without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.dialects.sqlstates import NO_RIGHT
from bulkq.errors import DatabaseError
from bulkq.lifecycle.literal_statement import is_explained, write_literals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model import Query
    from bulkq.protocols import Connection

HIDDEN = "hidden"
"""Of `--allow`."""

STRICT = 'PGOPTIONS="-c row_security=off" makes it an error'
"""What a user may do who wants no such answer."""


async def find_hidden_rows(connection: Connection, queries: Iterable[Query], dialect: str) -> dict[str, Query]:
    """What the database says of tables whose rows it hides from the role -> the first of `queries` that reads such a table.

    Nothing is executed. A statement that the database does not explain, or that has a mistake, is left out.

    Args:
        connection: idle.
        queries: statements.
        dialect: of the connection.

    Raises:
        DatabaseError: the connection broke.
    """
    known = dialect_for(dialect)
    found: dict[str, Query] = {}
    if known.plans is None or not known.plans.hides_rows or not await _ask(connection, [known.plans.hides_rows]):
        return found
    for query in queries:
        if not is_explained(query):
            continue
        text = known.plans.explain.format(statement=write_literals(query, (), known))
        try:
            await connection.administer([known.plans.shows_all_rows, text])
        except DatabaseError as error:
            if error.connection_lost:
                raise
            if error.sqlstate == NO_RIGHT and "row-level security" in str(error):
                found.setdefault(str(error), query)
    return found


async def _ask(connection: Connection, statements: list[str]) -> list[tuple[object, ...]]:
    try:
        return await connection.administer(statements)
    except DatabaseError as error:
        if error.connection_lost:
            raise
        return []
