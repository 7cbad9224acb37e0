"""The request for sources: the specifications as typed, and a function that runs a query for parameters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, BinaryIO

from bulkq.model import Query
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.model.run import SourceOptions

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


def request_of(options: SourceOptions, stdin: BinaryIO | None = None) -> Request:
    """What sources need to know of the options of a run. `stdin` is what `-p -` reads."""
    return Request(
        specs=options.specs,
        constants=options.constants,
        format=options.format,
        null=options.null,
        ignore_extra_columns=options.ignore_extra_columns,
        grid=options.grid,
        stdin=stdin,
    )
