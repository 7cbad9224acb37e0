"""Find the text values that the server cannot convert, before anything is executed.

From PostgreSQL 16 on the server says it of a whole column (`pg_input_error_info`: 100,000 values in 54 ms), unless an input function or a
domain's check raises an error that it cannot catch. Then, and before, a column is converted in one pipelined batch, which is sent again
from behind each culprit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg

from bulkq.dialects import postgresql
from bulkq.dialects.postgresql_bad_texts import BadTextSearch, Error, groups, of_the_value, texts_of
from bulkq.dialects.sqlstates import READ_ONLY
from bulkq.model import BadValue, Limits, PlaceholderKind
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from bulkq.dialects.postgresql_bad_texts import Entry
    from bulkq.dialects.postgresql_text_cast import Conversion
    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession
    from bulkq.drivers.asyncpg.statement import AsyncpgStatement
    from bulkq.model import ParameterSet, Server

Finding = tuple[int, str, str]
"""Index of a value, SQLSTATE, message."""

SoundTexts = tuple[Sequence[str], str, bool, tuple[str, ...]]
"""Values that a type takes: the search path, the type as SQL, whether they are lists, the values."""

MOST_VALUES, MOST_KEPT = 100, 1000
"""Longer questions are not kept; with more of them, all are forgotten."""

OWN = compile_late(r"pg_catalog\.(?!reg)")
"""The server's own types, whose values do not depend on what is in the database."""

CHECK_S = 60.0
PIECE = 20_000
LIMITS = Limits(timeout_s=30.0, lock_timeout_s=5.0, read_only=True)
"""A check that writes cannot be asked in our READ ONLY transaction: its values are left to the run."""


@frozen
class _Kind:
    """What parameters of one type are converted to."""

    conversion: Conversion
    type: str
    is_list: bool
    secret: bool

    def bad(self, position: int, index: int, value: str, state: str, message: str) -> BadValue:
        """Return a `BadValue` of this type. If the parameter is secret, `value` is masked in `message`."""
        if self.secret and value:
            message = message.replace(value, MASK)
        return BadValue(position, index, self.type, state, message)


class AsyncpgTextValidator:
    """Checks text sets against the parameter types of a statement, on one session.

    `sound` keeps what the session has found sound: hundreds of checks often have the same parameters.
    """

    def __init__(self, session: AsyncpgSession, server: Server, path: Sequence[str], sound: set[SoundTexts]) -> None:
        self._session = session
        self._version = server.version_number
        self._pooled = server.pooled
        self._path = tuple(path)
        self._sound = sound

    async def check(self, statement: AsyncpgStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """The bad values, by position, then by parameter.

        Raises:
            asyncpg.PostgresError, InterfaceError, OSError: the session broke.
        """
        numbers = {index: number for number, index in enumerate(statement.shape.bound)}
        found: list[BadValue] = []
        for kind, indexes in groups((index, _kind(statement, index, n)) for index, n in numbers.items()).items():
            convert = None if kind.is_list else statement.shape.convert[numbers[indexes[0]]]
            texts = texts_of(sets, indexes, is_list=kind.is_list, convert=convert)
            found += [kind.bad(*refused) for refused in texts.refused]
            for start in range(0, len(texts.sound), PIECE):
                found += await self._piece(kind, texts.sound[start : start + PIECE])
        return sorted(found, key=lambda bad: (bad.position, bad.parameter))

    async def _piece(self, kind: _Kind, entries: Sequence[Entry]) -> list[BadValue]:
        values = [value for _, _, value in entries]
        question = self._question(kind, values)
        if question in self._sound:
            return []
        bad = await self._values(kind, values)
        if question is not None and not bad:
            if len(self._sound) >= MOST_KEPT:
                self._sound.clear()
            self._sound.add(question)
        return [kind.bad(*entries[i], state, message) for i, state, message in bad]

    def _question(self, kind: _Kind, values: Sequence[str]) -> SoundTexts | None:
        """What is kept of a question, if its answer will be the same; None if it is not kept."""
        if kind.secret or len(values) > MOST_VALUES or not OWN.match(kind.conversion.cast):
            return None
        return self._path, kind.conversion.cast, kind.is_list, tuple(values)

    async def _values(self, kind: _Kind, values: Sequence[str]) -> Sequence[Finding]:
        if self._version >= 160000:
            try:
                return await self._softly(kind, values)
            except asyncpg.PostgresError as error:
                if self._session.is_closed() or not of_the_value(error.sqlstate, error.server_source_function):
                    raise
        return await self._hard(kind, values)

    async def _softly(self, kind: _Kind, values: Sequence[str]) -> list[Finding]:
        """PostgreSQL 16: errors as rows."""
        text = "(ARRAY[v.value])::text" if kind.is_list else "v.value"
        sql = (
            "SELECT v.n - 1, e.sql_error_code, e.message FROM unnest($1::text[]) WITH ORDINALITY AS v(value, n),"
            f" LATERAL pg_input_error_info({text}, $2::text) AS e WHERE e.sql_error_code IS NOT NULL ORDER BY v.n"
        )
        await self._session.execute(
            self._session.following(self._opening(ordinals=False)), timeout=self._session.opening_s
        )
        try:
            rows = await self._session.fetch(sql, values, kind.conversion.cast, timeout=CHECK_S)
        except BaseException:
            if not self._session.is_closed():
                await self._session.recover()
            raise
        if self._pooled:
            await self._session.recover()
        else:
            self._session.linger()  # what follows ends the transaction
        return [tuple(row) for row in rows]

    def _opening(self, *, ordinals: bool) -> str:
        return postgresql.opening(LIMITS, ordinals=ordinals, path=self._path, local=self._session.local)

    async def _hard(self, kind: _Kind, values: Sequence[str]) -> Sequence[Finding]:
        """By conversions, up to the first error, and on from behind it."""
        search = BadTextSearch(len(values))
        while (span := search.next()) is not None:
            search.answer(span, await self._first_error(kind, values[span.start : span.stop]))
        return search.found

    async def _first_error(self, kind: _Kind, values: Sequence[str]) -> Error | None:
        """The first error of converting `values`."""
        converted = kind.conversion.of("ARRAY[$1::text]" if kind.is_list else "$1::text")
        opening = self._opening(ordinals=self._version >= 130000 and not kind.secret)
        await self._session.execute(self._session.following(opening), timeout=self._session.opening_s)
        try:
            statement = await self._session.prepare(f"SELECT ({converted}) IS NULL, $2::int8", name="")
            await statement.fetchmany([(value, i) for i, value in enumerate(values)], timeout=CHECK_S)
        except asyncpg.PostgresError as error:
            if self._session.is_closed() or not of_the_value(error.sqlstate, error.server_source_function):
                raise
            if error.sqlstate == READ_ONLY:
                return None
            return _ordinal(error, len(values)), str(error.sqlstate), str(error.args[0])
        finally:
            if not self._session.is_closed():
                await self._session.recover()
        return None


def _kind(statement: AsyncpgStatement, index: int, number: int) -> _Kind:
    """Of the parameter at `index` of the query, which is `$number` + 1."""
    parameter = statement.query.parameters[index]
    is_list = parameter.kind is PlaceholderKind.LIST
    return _Kind(statement.shape.casts[number], statement.parameter_types[index], is_list, parameter.secret)


def _ordinal(error: asyncpg.PostgresError, most: int) -> int | None:
    """Which value it was; None: an old server, a secret, or a text that could not even be read, of which nothing is told."""
    if most == 1:
        return 0
    found = re.findall(r"\$2 = '(\d+)'", error.context or "")
    return int(found[-1]) if found and int(found[-1]) < most else None
