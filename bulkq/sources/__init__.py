"""Where parameter sets come from: files, pipes, ranges, a query, the products of these. `open_source` is the entrance.

`bulkq.tasks` opens a source for every query of a run; `bulkq.sources.iterable` is its counterpart for the Python API.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, BinaryIO

from bulkq.model import Query, SourcePosition
from bulkq.model.dataclass import frozen

if TYPE_CHECKING:
    from bulkq.protocols import ParameterSource

Rows = Callable[[str | Query], AsyncIterator[tuple[tuple[str, ...], Sequence[Sequence[object]]]]]
"""Runs SQL text, or a `Query` without parameters, read-only and gives its result in pieces: the names of the columns,
and the values as columns (`values[c][r]`), decoded as text (ints and bools may stay). It is the shape of
`Connection.stream`, so who holds a connection writes

    async def rows(source: str | Query) -> AsyncIterator[tuple[tuple[str, ...], Sequence[Sequence[object]]]]:
        query = source if isinstance(source, Query) else inline(source)
        statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
        async for reply in connection.stream(statement, (), limits):
            yield tuple(column.name for column in reply.columns), reply.values

A result without rows should still give one piece with the names. A `DatabaseError` becomes a `ParameterError`.
The iterator is closed (`aclose`) when the source is.
"""

__all__ = ["Request", "Rows", "open_source", "texts_of"]


@frozen(kw_only=True)
class Request:
    """The parameter sources of a request, as typed."""

    specs: tuple[str, ...] = ()  # every -p; () is one set of constants and defaults
    constants: Mapping[str, str] = field(default_factory=dict)  # --param NAME=VALUE, for every set
    format: str | None = None  # csv, tsv, json, jsonl; outranks the suffix
    null: str | None = None  # the marker for NULL in CSV, TSV and constants
    ignore_extra_columns: bool = False
    others: frozenset[str] = frozenset()  # parameters of other queries that the same columns are for
    grid: bool = False  # the product of several specs, the first one varies slowest
    stdin: BinaryIO | None = None


def texts_of(source: ParameterSource) -> frozenset[str]:
    """Names of the parameters whose values a source from `open_source` reads as text (CSV, TSV, `--param`)."""
    found: frozenset[str] = getattr(source, "texts", frozenset())
    return found


async def open_source(
    request: Request,
    query: Query,
    *,
    text: bool,
    dynamic: bool = False,
    mixed: bool = False,
    rows: Rows | None = None,
    start: SourcePosition | None = None,
    unused_constants_ok: bool = False,
) -> ParameterSource:
    """Open what `request` names and bind its columns to the parameters of `query`.

    Args:
        request: the sources and how to read them.
        query: whose parameters are wanted, in this order.
        text: the target converts text itself. True: every value of every set is `str | None` (lists as PostgreSQL
            array literals), `typed` is False. False: JSON scalars stay int, float, str or None, truth values are
            1 and 0, lists are lists; text is converted only for parameters of a declared type; `typed` is True.
        dynamic: a target has no types for expressions (SQLite): plain text that is a number becomes one, see
            `bulkq.sources.untyped_values`.
        mixed: beside a target that is `dynamic` there are others, which take such a value as text.
        rows: runs the query of `sql:...` and `@FILE.sql:NAME`.
        start: `Batch.end` of an earlier opening, behind which to go on: the next set is number `start.n + 1`. The
            `total` stays that of the whole source.
        unused_constants_ok: the run has several queries. A constant may be meant for another of them (see
            `binding.check_constants`), and so may all the lines of a `--failures` file.

    Raises:
        RefusedError: with `start`: what was consumed is not the same now, or cannot be read a second time. A query of
            `sql:...` would change data.
        ParameterError: a source that cannot be read or does not fit the query, in one line.
        QueryFileError: the file of `@FILE.sql:NAME`.
    """
    from bulkq.sources.open import SourceOpener  # who needs `Request` only does not need csv and json

    opening = SourceOpener(
        request, query, text=text, dynamic=dynamic, mixed=mixed, rows=rows, start=start, several=unused_constants_ok
    )
    return await opening.source()
