"""Cut a table into ranges of its key while a run goes on. The server compares and orders keys; here their texts are only equal or not.

Two positions in one group of the leading columns begin with the same texts: a group gets its texts once, when the cutter
enters it, and takes them from `end` if `end` is in the group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.dialects import LOCKED, key_ranges
from bulkq.dialects.sqlstates import NOT_NOW
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Decoding, Limits, Phase
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.key_range import KeyRange, RangeForm
from bulkq.policy.retry import TIMEOUTS
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.dialects import Dialect
    from bulkq.model.key_range import Position, TableKey
    from bulkq.protocols import Connection, Statement

TIMEOUT_S = 5.0
LONGEST_S = 80.0
"""Where an index begins with many entries of deleted rows, every query passes over them again until VACUUM removes them."""

SMALLER = 4
"""A boundary that took too long is asked again for so many times fewer rows."""

STATEMENTS = 60
"""Statements kept: each number of rows has its own, because a planner that does not know LIMIT expects a tenth of the table."""

PRECISION = 6
"""Bits of a number of rows that count, so that few numbers occur."""


def closing_ranges(after: Position, end: Position) -> list[KeyRange]:
    """The ranges from `after` to `end`, where no rows are left between them. Empty if they are the same position."""
    ranges = []
    while len(after) > 1 and end[: len(after) - 1] != after[:-1]:
        ranges.append(KeyRange(after, after[:-1]))
        after = after[:-1]
    return [*ranges, KeyRange(after, end)] if after != end else ranges


@frozen
class _KeyPage:
    """The end of a page of rows: its last row, and how many rows it has.

    Attributes:
        form: of the query.
        prefix: the values of the columns that are equal in all rows.
        texts: of the other columns of the last row.
        rows: of the page.
        firsts: for each of these columns but the last, the number of the first row with the values of the last row up to it.
    """

    form: RangeForm
    prefix: Position
    texts: Position
    rows: int
    firsts: tuple[int, ...]


class KeyCutter:
    """Finds the ends of ranges. Nothing else may use its connection meanwhile; it stays open.

    Args:
        connection: a session, which may be read-only.
        dialect: of its database.
        key: of the table.
        timeout_s: what a query may take, beside those that were too slow and are asked again.

    Raises:
        RefusedError: the database is not known.
    """

    def __init__(
        self, connection: Connection, dialect: Dialect, key: TableKey, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._connection = connection
        self._dialect = dialect
        self._key = key
        self._timeout_s = timeout_s
        self._most: int | None = None  # rows of a page, after one that was too slow
        self._statements: dict[str, Statement] = {}
        self._settings = key_ranges.conversion(dialect).settings

    async def greatest(self) -> Position | None:
        """The key of the last row; None if the table is empty.

        Raises:
            RefusedError: the texts of the key do not lead back to the row.
            DatabaseError: a query failed.
        """
        for _ in range(3):  # the row may be deleted between both queries
            row = await self._ask_again(key_ranges.greatest_query(self._key, self._dialect), {})
            if row is None:
                return None
            position = self._position(row)
            values = {f"bulkq_{place}": text for place, text in enumerate(position, 1)}
            found = await self._ask_again(key_ranges.row_query(self._key, self._dialect), values)
            if found is not None and (self._position(found) == position or await self._is_last(position)):
                return position
        raise self._lossy(position)

    async def next_range(self, after: Position, end: Position | None, rows: int) -> KeyRange | None:
        """The next range behind `after`, not past `end`; None if no row is left in front of `end`.

        Where a group of the leading columns ends, the rest of the group is a range, even if it has no rows; else ranges have
        at least one row.

        Args:
            after: a position.
            end: a position behind `after`; None for the end of the table.
            rows: about how many rows the range has, at most.

        Raises:
            RefusedError: the text of a key does not lead back to it.
            DatabaseError: a query failed.
        """
        if after == end:
            return None
        level = max(len(after) - 1, 0)
        prefix, lower = after[:level], len(after) > 0
        while True:
            bounded = end is not None and len(end) > level and end[:level] == prefix
            size, page = await self._page(prefix, after[level:] if lower else (), end if bounded else None, rows)
            if page is not None:
                upto, count = await self._upto(page, after, end if bounded else None, full=page.rows >= size)
                return self._checked(KeyRange(after, upto, count))
            if not bounded:
                return KeyRange(after, prefix) if level else None
            assert end is not None
            if len(end) == level + 1 or (lower and not await self._is_later(end[: level + 1], after[level:])):
                return None
            level, lower = level + 1, False
            prefix = end[:level]

    async def middle(self, cut: KeyRange) -> Position | None:
        """A position about in the middle of the rows of `cut`; None if it has less than two rows or cannot be split.

        `closing_ranges` gives the ranges between this position and the end of `cut`.
        """
        count = await self._ask_again(key_ranges.count_query(self._key, cut.form, self._dialect), cut.values)
        rows = int(str(count[0])) if count is not None else 0
        half = await self.next_range(cut.after, cut.upto, rows // 2) if rows > 1 else None
        return half.upto if half is not None and half.upto != cut.upto else None

    async def _is_last(self, position: Position) -> bool:
        """Whether no row stands behind `position`. Equal values may have several texts; other values are another row."""
        for level in range(len(position)):
            _, page = await self._page(position[:level], position[level:], None, 1)
            if page is not None:
                return False
        return True

    async def _is_later(self, group: Position, lower: Position) -> bool:
        """Whether `group` has rows behind `lower`: it is not the same group in another text, whose rows would come twice."""
        text = key_ranges.later_group_query(self._key, len(group) - 1, self._dialect)
        return await self._ask_again(text, _values(group, lower, ())) is not None

    async def _page(
        self, prefix: Position, lower: Position, end: Position | None, rows: int
    ) -> tuple[int, _KeyPage | None]:
        """The next rows of the group `prefix`, behind `lower` in it: how many were asked for, and the page."""
        level = len(prefix)
        form = RangeForm(level, lower=bool(lower), upper=end is not None)
        values = _values(prefix, lower, () if end is None else end[level:])
        whole = end is None or len(end) == level + 1
        timeout_s = self._timeout_s
        while True:
            size = _rounded(rows if self._most is None else min(rows, self._most))
            try:
                page = await self._full_page(form, prefix, values, size, timeout_s)
                if page is None:
                    text = key_ranges.page_query(self._key, form, size, self._dialect, whole=whole)
                    row = await self._ask(text, values, timeout_s)
                    page = None if row is None else self._read_page(form, prefix, row)
            except DatabaseError as error:
                timeout_s = _more_time(error, timeout_s, first=self._most is None)
                self._most = max(size // SMALLER, 1)
                continue
            self._most = None if self._most is None or self._most >= rows else self._most * 2
            return size, page

    async def _full_page(
        self, form: RangeForm, prefix: Position, values: Mapping[str, str], size: int, timeout_s: float
    ) -> _KeyPage | None:
        """The next page of `size` rows, if only the last column of the key differs in it; None if it has fewer, or if others do."""
        if form.level < len(self._key.columns) - 1:
            return None
        row = await self._ask(key_ranges.boundary_query(self._key, form, size, self._dialect), values, timeout_s)
        return None if row is None else _KeyPage(form, prefix, self._position(row, form.level), size, ())

    def _read_page(self, form: RangeForm, prefix: Position, row: Sequence[object]) -> _KeyPage:
        columns = len(self._key.columns) - form.level
        texts = self._position(row[:columns], form.level)
        number, *firsts = (int(str(value)) for value in row[columns:])
        return _KeyPage(form, prefix, texts, number, tuple(firsts))

    async def _upto(self, page: _KeyPage, after: Position, end: Position | None, *, full: bool) -> tuple[Position, int]:
        """Where the range ends that begins with `page`, and how many of the rows it has."""
        if full:
            return await self._last_group(page, after)
        level = len(page.prefix)
        if end is None:
            return page.prefix or page.texts[:1], page.rows
        return end if len(end) == level + 1 else (*page.prefix, page.texts[0]), page.rows

    async def _last_group(self, page: _KeyPage, after: Position) -> tuple[Position, int]:
        """The last group that ends within a full page, of as few columns as possible; else its last row."""
        for depth, first in enumerate(page.firsts):
            if first == 1:
                continue
            prefix = (*page.prefix, *page.texts[:depth])
            lower = after[len(prefix) :] if depth == 0 and page.form.lower else ()
            form = RangeForm(len(prefix), lower=bool(lower), upper=True)
            text = key_ranges.group_query(self._key, form, self._dialect)
            row = await self._ask_again(text, _values(prefix, lower, page.texts[depth:]))
            if row is not None:
                return (*prefix, *self._position(row, form.level)), first - 1
        return (*page.prefix, *page.texts), page.rows

    async def _ask_again(self, text: str, values: Mapping[str, str]) -> Sequence[object] | None:
        """The first row of a query that cannot be made smaller, with more time if it was too slow."""
        timeout_s, first = self._timeout_s, True
        while True:
            try:
                return await self._ask(text, values, timeout_s)
            except DatabaseError as error:
                timeout_s, first = _more_time(error, timeout_s, first=first), False

    async def _ask(self, text: str, values: Mapping[str, str], timeout_s: float) -> Sequence[object] | None:
        statement = await self._prepare(text)
        params = tuple(values[parameter.name] for parameter in statement.query.parameters)
        limits = Limits(timeout_s=timeout_s, read_only=True)
        try:
            reply = await self._connection.attempt(statement, [params], limits)
        except DatabaseError:
            self._statements.clear()  # some may be stale
            raise
        for failed in reply.errors:
            raise DatabaseError(failed.message, sqlstate=failed.sqlstate, phase=Phase.SENT, hint=failed.hint)
        return [column[0] for column in reply.values] if reply.positions else None

    async def _prepare(self, text: str) -> Statement:
        if self._settings:
            settings, self._settings = self._settings, ""
            if not self._connection.server.pooled:  # else they would stay with the next client of the session
                await self._connection.administer([settings])
        found = self._statements.get(text)
        if found is None:
            query = queries.inline(text, self._dialect.name)
            found = await self._connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
            while len(self._statements) >= STATEMENTS:
                del self._statements[next(iter(self._statements))]
            self._statements[text] = found
        return found

    def _position(self, row: Sequence[object], level: int = 0) -> Position:
        """The texts of a row, which begins with column `level`.

        Raises:
            RefusedError: a value has no text.
        """
        for value, column in zip(row, self._key.columns[level:], strict=False):
            if value is None:
                raise RefusedError(
                    f"{self._key.table}: a value of the key column {quoted(column.name)} has no text: use another key (--key)"
                )
        return tuple(map(str, row))

    def _checked(self, cut: KeyRange) -> KeyRange:
        if cut.upto == cut.after:
            raise self._lossy(cut.upto)
        return cut

    def _lossy(self, position: Position) -> RefusedError:
        shown = ", ".join(map(quoted, position))
        return RefusedError(f"{self._key.table}: the key {shown} is not found by its text: use another key (--key)")


def _values(prefix: Position, lower: Position, upper: Position) -> dict[str, str]:
    """The values of placeholders; of `lower` and `upper` only the first is compared."""
    equal = {f"bulkq_{place}": text for place, text in enumerate(prefix, 1)}
    return equal | dict(zip(("bulkq_lo",), lower, strict=False)) | dict(zip(("bulkq_hi",), upper, strict=False))


def _more_time(error: DatabaseError, timeout_s: float, *, first: bool) -> float:
    """How long a query may take that was too slow; the second one has no more time than the first.

    Raises:
        DatabaseError: `error`, if the query was not too slow, or if it has had all the time.
    """
    slow = error.sqlstate in TIMEOUTS | LOCKED | NOT_NOW and not error.connection_lost
    if not slow or timeout_s >= LONGEST_S:
        raise error
    return timeout_s if first else timeout_s * 2


def _rounded(rows: int) -> int:
    """`rows` with few bits, not less than 1."""
    spare = max(rows.bit_length() - PRECISION, 0)
    return max(rows >> spare << spare, 1)
