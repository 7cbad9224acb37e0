"""Report values that the target cannot convert, with `file:line`, before anything is executed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.errors import ParameterError, join_errors
from bulkq.model import PlaceholderKind
from bulkq.text.mask import MASK
from bulkq.text.message_parts import a_or_an

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from bulkq.model import BadValue, Batch, Query
    from bulkq.protocols import Connection, Statement

SYNTAX = frozenset({"22P02", "22007", "22008", "22023"})
"""The text is not a value of the type at all; for other states the server's own words say more."""


async def check_values(
    connection: Connection,
    statement: Statement,
    batch: Batch,
    constants: Container[str] = (),
    positions: Sequence[int] | None = None,
) -> None:
    """Ask the target about the text values of `batch`.

    Args:
        connection: to the target.
        statement: prepared there.
        batch: the sets.
        constants: names that --param gives, which is where they are to be corrected.
        positions: of the sets that are meant; None: all.

    Raises:
        ParameterError: one line per bad value, up to twenty.
    """
    if positions is None:
        bad = await connection.check(statement, batch.sets)
    else:
        found = await connection.check(statement, [batch.sets[position] for position in positions])
        bad = [replace(one, position=positions[one.position]) for one in found]
    if bad:
        lines = [describe(statement.query, batch, one, constants) for one in bad]
        raise join_errors(ParameterError, dict.fromkeys(lines))


def check_identifiers(query: Query, batch: Batch) -> None:
    """See that every `:{name}` of `batch` names something: a text.

    Raises:
        ParameterError: one line per value that is none, up to twenty.
    """
    if not any(parameter.kind is PlaceholderKind.IDENTIFIER for parameter in query.parameters):
        return  # as for most queries: nothing is done for each set
    wrong = [(at, i) for at, values in enumerate(batch.sets) for i in queries.find_unnamed(query, values)]
    if wrong:
        lines = (
            f"{_place(query, batch, at, i)}: {queries.describe_missing_identifier(query, i, batch.sets[at])}"
            for at, i in wrong
        )
        raise join_errors(ParameterError, lines)


def describe(query: Query, batch: Batch, bad: BadValue, constants: Container[str] = ()) -> str:
    """`rows.csv:88: column "id": "12a" is not a bigint (:id of users.sql:norm_phone)`."""
    name = query.parameters[bad.parameter].name
    secret = query.parameters[bad.parameter].secret
    value = MASK if secret else str(batch.sets[bad.position][bad.parameter])
    wrong = f'"{value}" is not {a_or_an(bad.type)}'
    if bad.sqlstate not in SYNTAX and not secret:
        wrong = f"{wrong}: {bad.message}"
    place = f"--param {name}" if name in constants else _place(query, batch, bad.position, bad.parameter)
    return f"{place}: {wrong} (:{name} of {query.place})"


def _place(query: Query, batch: Batch, position: int, parameter: int) -> str:
    name = query.parameters[parameter].name
    origin = batch.origin(position)
    return f'{origin}: column "{name}"' if origin else f'parameter set {batch.number(position)}: "{name}"'
