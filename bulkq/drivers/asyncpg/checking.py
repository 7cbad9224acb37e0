"""Which text values the server would not convert, before anything is executed. Called by `connection.check`.

From PostgreSQL 16 on the server says it of a whole column (`pg_input_error_info`: 100,000 values in 54 ms). Before, a
column is cast in one pipelined batch, which is sent again from behind each culprit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from bulkq.drivers.asyncpg import wrapping
from bulkq.drivers.lists import list_of_text
from bulkq.model import BadValue, PlaceholderKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.drivers.asyncpg.conversion import Conversion
    from bulkq.drivers.asyncpg.session import Session
    from bulkq.drivers.asyncpg.statement import AsyncpgStatement
    from bulkq.model import ParameterSet

Entry = tuple[int, str]
"""The position of a set and a value of it."""

Finding = tuple[int, str, str]
"""Index of an entry, SQLSTATE, message."""

CHECK_S = 60.0
MOST_BAD = 20
"""Where each costs a round trip, more bad values of a column than a report shows are not looked for."""

PIECE = 20_000
OPEN = "BEGIN READ ONLY; SET LOCAL statement_timeout = 30000; SET LOCAL idle_in_transaction_session_timeout = 30000"
ORDINALS = "; SET LOCAL log_parameter_max_length_on_error = 8"
VALUE_ERRORS = ("22", "23", "42", "P0")
"""Classes that speak of the value: its form, a domain's constraint, a name that a regclass wants."""


@dataclass(frozen=True, slots=True)
class _Column:
    """What a parameter is converted to."""

    index: int  # into Query.parameters
    conversion: Conversion
    type: str
    is_list: bool
    secret: bool

    def bad(self, position: int, value: str, state: str, message: str) -> BadValue:
        if self.secret and value:
            message = message.replace(value, "***")
        return BadValue(position, self.index, self.type, state, message)


class Checker:
    """Checks text sets against the parameter types of a statement, on one session."""

    def __init__(self, session: Session, version_number: int) -> None:
        self._session = session
        self._version = version_number

    async def check(self, statement: AsyncpgStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """The bad values, by position, then by parameter.

        Raises:
            asyncpg.PostgresError, InterfaceError, OSError: the session broke.
        """
        found: list[BadValue] = []
        for number, index in enumerate(statement.shape.bound):
            parameter = statement.query.parameters[index]
            column = _Column(
                index,
                statement.shape.casts[number],
                statement.parameter_types[index],
                parameter.kind is PlaceholderKind.LIST,
                parameter.secret,
            )
            for start in range(0, len(sets), PIECE):
                found += await self._column(column, sets[start : start + PIECE], start)
        return sorted(found, key=lambda bad: (bad.position, bad.parameter))

    async def _column(self, column: _Column, sets: Sequence[ParameterSet], start: int) -> list[BadValue]:
        entries: list[Entry] = []
        found: list[BadValue] = []
        for position, values in enumerate(sets, start):
            value = values[column.index]
            if column.is_list and value is not None:
                try:
                    entries += [(position, item) for item in list_of_text(value) if item is not None]
                except ValueError as error:
                    found.append(column.bad(position, str(value), "22P02", str(error)))
            elif value is not None:
                entries.append((position, str(value)))
        sound: list[Entry] = []
        for position, value in entries:  # a NUL cannot even be sent
            if "\0" in value:
                found.append(column.bad(position, value, "22021", "a text value cannot hold the character NUL"))
            else:
                sound.append((position, value))
        if sound:
            values_only = [value for _, value in sound]
            bad = (
                await self._softly(column, values_only)
                if self._version >= 160000
                else await self._hard(column, values_only)
            )
            found += [column.bad(*sound[i], state, message) for i, state, message in bad]
        return found

    async def _softly(self, column: _Column, values: Sequence[str]) -> list[Finding]:
        """PostgreSQL 16: errors as rows."""
        text = "(ARRAY[v.value])::text" if column.is_list else "v.value"
        sql = (
            "SELECT v.n - 1, e.sql_error_code, e.message FROM unnest($1::text[]) WITH ORDINALITY AS v(value, n),"
            f" LATERAL pg_input_error_info({text}, $2::text) AS e WHERE e.sql_error_code IS NOT NULL ORDER BY v.n"
        )
        if not self._session.local:
            return [
                tuple(row) for row in await self._session.fetch(sql, values, column.conversion.cast, timeout=CHECK_S)
            ]
        await self._session.execute(self._opening())
        try:
            return [
                tuple(row) for row in await self._session.fetch(sql, values, column.conversion.cast, timeout=CHECK_S)
            ]
        finally:
            if not self._session.is_closed():
                await self._session.recover()

    def _opening(self) -> str:
        local = self._session.local
        return f"{OPEN}; {wrapping.local(local)}" if local else OPEN

    async def _hard(self, column: _Column, values: Sequence[str], start: int = 0) -> list[Finding]:
        """Before: casts, up to the first error, and on from behind it."""
        found: list[Finding] = []
        at = 0
        while at < len(values) and len(found) < MOST_BAD:
            error = await self._cast(column, values[at:])
            if error is None:
                break
            place = _ordinal(error, len(values) - at)
            if place is None:  # an old server, or a secret: nobody says which one it was
                middle = at + (len(values) - at) // 2
                found += await self._hard(column, values[at:middle], start + at)
                found += await self._hard(column, values[middle:], start + middle)
                break
            found.append((start + at + place, error.sqlstate, error.args[0]))
            at += place + 1
        return found

    async def _cast(self, column: _Column, values: Sequence[str]) -> asyncpg.PostgresError | None:
        """The first error of casting `values`."""
        value = column.conversion.of("ARRAY[$1::text]" if column.is_list else "$1::text")
        opening = self._opening() + (ORDINALS if self._version >= 130000 and not column.secret else "")
        await self._session.execute(opening)
        try:
            statement = await self._session.prepare(f"SELECT ({value}) IS NULL, $2::int8", name="")
            await statement.fetchmany([(value, i) for i, value in enumerate(values)], timeout=CHECK_S)
        except asyncpg.PostgresError as error:
            if self._session.is_closed() or not (error.sqlstate or "").startswith(VALUE_ERRORS):
                raise
            return error
        finally:
            if not self._session.is_closed():
                await self._session.recover()
        return None


def _ordinal(error: asyncpg.PostgresError, most: int) -> int | None:
    if most == 1:
        return 0
    found = re.findall(r"\$2 = '(\d+)'", error.context or "")
    return int(found[-1]) if found and int(found[-1]) < most else None
