"""Check on every new connection that the database is the expected one (`expect.*`).

A name in a DNS zone, a forwarded port and a failover all may lead somewhere else than yesterday, between two connections of one run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.model import Decoding, Limits, Query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.protocols import Connection

KEYS = ("database", "user", "host", "version", "system_identifier", "in_recovery", "sql", "value")
"""What may be expected."""

LIMITS = Limits(timeout_s=10.0, lock_timeout_s=2.0, read_only=True)


async def verify_expectations(connection: Connection, expect: Mapping[str, str], target: str) -> None:
    """Compare what `connection` leads to with what was expected.

    Raises:
        RefusedError: it is another; the message names what was expected and what was found.
        TargetError: the connection broke.
    """
    wanted = {key: value for key, value in expect.items() if key not in {"sql", "value"}}
    found = await _found(connection, wanted, target)
    different = [
        f'{key} "{value}" but found "{found[key]}"'
        for key, value in wanted.items()
        if not _same(key, value, found[key])
    ]
    if "sql" in expect:
        row = await _first_row(connection, expect["sql"].strip().rstrip(";"), f"{target}: expect.sql")
        gave = _text(row[0]) if row else ""
        if gave != expect["value"]:
            different.append(f'"{expect["value"]}" from expect.sql but found "{gave}"')
    if different:
        raise RefusedError(f"{target} is not the expected database: expected {', '.join(different)}; nothing was sent")


async def _found(connection: Connection, wanted: Mapping[str, str], target: str) -> dict[str, str]:
    server = connection.server
    asked = dialect_for(server.product).expectations.get(server.product, {})
    known = {"database": server.database, "user": server.user, "version": server.version}
    for key in wanted:
        if key not in asked and not known.get(key):
            raise RefusedError(
                f"{target}: {server.product} does not report its {key}, so expect.{key} cannot be checked: use expect.sql"
            )
    keys = [key for key in wanted if key in asked]
    if keys:
        expressions = ", ".join(asked[key] for key in keys)
        row = await _first_row(connection, f"SELECT {expressions}", f"{target}: expect.{', expect.'.join(keys)}")
        known |= dict(zip(keys, map(_text, row), strict=True))
    return {key: known[key] for key in wanted}


async def _first_row(connection: Connection, sql: str, what: str) -> list[object]:
    """The first row of `sql`, read in a read-only transaction; [] where there is none."""
    query = Query(name="expect", sql=sql)
    try:
        statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
        reply = await connection.attempt(statement, [()], LIMITS)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(f"{what}: the connection was lost: {error}") from error
        raise RefusedError(f"{what} cannot be checked: {error}; nothing was sent") from error
    if reply.errors:
        raise RefusedError(f"{what} cannot be checked: {reply.errors[0].message}; nothing was sent")
    return [column[0] for column in reply.values] if reply.positions else []


def _same(key: str, wanted: str, found: str) -> bool:
    if key != "version":
        return wanted == found
    return found.startswith(wanted) and not found[len(wanted) : len(wanted) + 1].isdigit()


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
