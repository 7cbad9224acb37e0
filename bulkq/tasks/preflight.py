"""Values that the target would not convert, reported with `file:line` before anything is executed. Called by run and plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import ParameterError, together

if TYPE_CHECKING:
    from bulkq.model import BadValue, Batch, Query
    from bulkq.protocols import Connection, Statement

SYNTAX = frozenset({"22P02", "22007", "22008", "22023"})
"""The text is no value of the type at all; for other states the server's own words say more."""


async def check_values(connection: Connection, statement: Statement, batch: Batch) -> None:
    """Ask the target about every text value of `batch`.

    Raises:
        ParameterError: one line per bad value, up to twenty.
    """
    bad = await connection.check(statement, batch.sets)
    if bad:
        raise together(ParameterError, (describe(statement.query, batch, one) for one in bad))


def describe(query: Query, batch: Batch, bad: BadValue) -> str:
    """`rows.csv:88: column "id": "12a" is not a bigint (:id of users.sql:norm_phone)`."""
    name = query.parameters[bad.parameter].name
    secret = query.parameters[bad.parameter].secret
    value = "***" if secret else str(batch.sets[bad.position][bad.parameter])
    origin = batch.origin(bad.position)
    place = f'{origin}: column "{name}"' if origin else f'parameter set {batch.first + bad.position}: "{name}"'
    article = "an" if bad.type[:1] in "aeiou" else "a"
    wrong = f'"{value}" is not {article} {bad.type}' if bad.sqlstate in SYNTAX or secret else bad.message
    return f"{place}: {wrong} (:{name} of {query.place})"
