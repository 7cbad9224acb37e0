"""Where parameter sets come from: files, pipes, ranges, a query, the products of these. `open_source` is the entrance.

open, source_request            from `-p` to a source
csv_tsv, json_lines, json_array, columnar, copy_text    formats; line_reader, json_objects and json_codec below them
constants_and_ranges, sql, iterable, cross_product      no file: `--param`, a query, an iterable of the Python API, a product
key_range_source                ranges of a backfill, one cut ahead of the lanes
maintenance_object_source       objects of `bulkq maintain`
failures_of_one_query           from a file of `--failures`
column_feed, bind_columns, convert_texts, convert_native_values    rows -> columns -> values of parameters; `quoted_fields`,
                                `numeric_texts` and `object_reader_protocol` below them
feed_parameter_source           columns -> batches
subset, shard_source, skip_sets, peekable_source, slice_batches    some of the sets of another source
spool                           a copy of what can be read only once: when it is made, kept, refused
spool_ahead, spool_codec        read to the end ahead of the run; values as JSON and back
fingerprints, prefix_digest     whether a file has changed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.sources.source_request import Request, Rows

if TYPE_CHECKING:
    from bulkq.model import Capabilities, Query, SourcePosition
    from bulkq.protocols import ParameterSource

__all__ = ["Request", "Rows", "open_source", "open_source_for", "texts_of"]


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
    native: bool = False,
) -> ParameterSource:
    """Open what `request` names and bind its columns to the parameters of `query`.

    Args:
        request: the sources and how to read them.
        query: whose parameters are wanted, in this order.
        text: the target converts text itself. True: every value of every set is `str | None` (lists as PostgreSQL
            array literals), `typed` is False. False: JSON scalars stay int, float, str or None, truth values are
            1 and 0, lists are lists; text is converted only for parameters of a declared type; `typed` is True.
        dynamic: a target has no types for expressions (SQLite): plain text that is a number becomes one, see
            `bulkq.sources.numeric_texts`.
        mixed: beside a target that is `dynamic` there are others, which take such a value as text.
        rows: runs the query of `sql:...` and `@FILE.sql:NAME`.
        start: `Batch.end` of an earlier opening, behind which to go on: the next set is number `start.n + 1`. The
            `total` stays that of the whole source.
        unused_constants_ok: the run has several queries. A constant may be meant for another of them (see
            `binding.check_constants`), and so may all the lines of a `--failures` file.
        native: the target takes Python values better than texts (DuckDB), so files with types of their own give those.

    Raises:
        RefusedError: with `start`: what was consumed is not the same now, or cannot be read a second time. A query of
            `sql:...` would change data.
        ParameterError: a source that cannot be read or does not fit the query, in one line.
        QueryFileError: the file of `@FILE.sql:NAME`.
    """
    from bulkq.sources.open import SourceOpener, is_columnar  # who needs `Request` only does not need csv and json

    opening = SourceOpener(
        request,
        query,
        text=text and not (native and is_columnar(request)),
        dynamic=dynamic,
        mixed=mixed,
        rows=rows,
        start=start,
        several=unused_constants_ok,
    )
    return await opening.source()


async def open_source_for(
    can: Capabilities, request: Request, query: Query, *, rows: Rows | None = None, unused_constants_ok: bool = False
) -> ParameterSource:
    """Open what `request` names for one target, with the capabilities `can`; see `open_source`."""
    return await open_source(
        request,
        query,
        text=can.text_parameters,
        dynamic=can.dynamic_types,
        rows=rows,
        unused_constants_ok=unused_constants_ok,
        native=can.in_process,
    )
