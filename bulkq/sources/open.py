"""Open the source of `-p` specifications: what each names, and its format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from bulkq.errors import ParameterError, RefusedError
from bulkq.model import PlaceholderKind
from bulkq.model.frozen_dataclass import frozen
from bulkq.query.placeholders import RANGE
from bulkq.sources.bind_columns import Terms, bind_columns, check_columns, check_constants, for_backfill, missing_text
from bulkq.sources.csv_tsv import QUOTED_NULL, DelimitedFeed
from bulkq.sources.feed_parameter_source import BoundSource
from bulkq.sources.line_reader import begin_text, decode_lines, open_file, open_stdin
from bulkq.sources.numeric_texts import choose_scalars
from bulkq.text.characters import escape_unprintable
from bulkq.text.message_parts import MOST_SHOWN, listed, quoted, suggestion

if TYPE_CHECKING:
    from bulkq.model import Query, SourcePosition
    from bulkq.protocols import ParameterSource
    from bulkq.sources.column_feed import Feed
    from bulkq.sources.cross_product import CrossProduct, Factor
    from bulkq.sources.line_reader import LineReader
    from bulkq.sources.object_reader_protocol import ObjectReader
    from bulkq.sources.source_request import Request, Rows

COLUMNAR = {".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow"}
FORMATS = ("csv", "tsv", "copy", "json", "jsonl", "parquet", "arrow")
SAY_WHICH = "give the format with --params-format: csv, tsv, copy, json, jsonl, parquet or arrow"
SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@frozen
class OpenFeed:
    """A feed, and how a message about its columns begins."""

    feed: Feed
    where: str


class SourceOpener:
    """One call of `open_source`."""

    def __init__(
        self,
        request: Request,
        query: Query,
        *,
        text: bool,
        dynamic: bool,
        mixed: bool,
        rows: Rows | None,
        start: SourcePosition | None = None,
        several: bool = False,
    ) -> None:
        """Take the arguments of `open_source`; `several` says that the run has other queries too."""
        self._request = request
        self._query = query
        self._text = text
        self._rows = rows
        self._start = start
        self._several = several
        if not several:
            check_constants([query], request.constants)
        mine = {p.name for p in query.parameters}
        constants = {name: self._marked(value) for name, value in request.constants.items() if name in mine}
        loose = choose_scalars(query, mixed=mixed) if dynamic and not text else {}
        self._terms = Terms(query, constants, text, request.ignore_extra_columns, request.others, loose)

    async def source(self) -> ParameterSource:
        """Open everything, or nothing: after an error all that was opened is closed."""
        specs = self._request.specs
        if self._request.format not in (None, *FORMATS):
            near = suggestion(str(self._request.format), FORMATS)
            raise ParameterError(f"--params-format {quoted(self._request.format)}: one of {', '.join(FORMATS)}{near}")
        if len(specs) > 1 and not self._request.grid:
            raise ParameterError(
                f"-p was given {len(specs)} times: use it once, or add --grid to run the product of the sources"
            )
        if specs.count("-") > 1:
            raise ParameterError("-p -: standard input can only be read once")
        for spec in specs if self._start else ():
            if spec == "-" or spec.startswith(("sql:", "@")):
                raise _no_way_back(spec)
        if len(specs) > 1:
            return await self._grid(specs)
        return await self._single(specs[0]) if specs else await self._constant()

    def _marked(self, value: str) -> str | None:
        """A constant by the rules of a CSV field."""
        null = None if self._request.null == QUOTED_NULL else self._request.null
        return (value or None) if null is None else (None if value == null else value)

    async def _constant(self) -> BoundSource:
        missing = [
            f":{p.name}" for p in self._query.parameters if not p.has_default and p.name not in self._terms.constants
        ]
        if f":{RANGE}" in missing:
            raise ParameterError(f"{self._query.place} needs :{RANGE}: {for_backfill(self._query.place)}")
        if missing:
            raise ParameterError(
                f"{self._query.place} needs {', '.join(missing)}: "
                "give a source with -p, or a value with --param NAME=VALUE"
            )
        from bulkq.sources.constants_and_ranges import SingleRow

        return await self._behind_start(OpenFeed(SingleRow(), "-p"))

    async def _single(self, spec: str) -> BoundSource:
        opened = await self._open(spec)
        try:
            return await self._behind_start(opened)
        except BaseException:
            await opened.feed.close()
            raise

    async def _behind_start(self, opened: OpenFeed) -> BoundSource:
        source = self._bound(opened, self._terms)
        if self._start is not None:
            await source.go_on(self._start)
        return source

    def _bound(self, opened: OpenFeed, terms: Terms) -> BoundSource:
        feed = opened.feed
        columns = None if getattr(feed, "nameless", False) else feed.columns
        binding = bind_columns(terms, columns, name=feed.name, where=opened.where, plain=feed.plain, typed=feed.native)
        return BoundSource(feed, binding, typed=not self._text)

    async def _grid(self, specs: tuple[str, ...]) -> CrossProduct:
        from bulkq.sources.constants_and_ranges import SingleRow
        from bulkq.sources.cross_product import CrossProduct, Factor

        opened: list[OpenFeed] = []
        try:
            for spec in specs:
                opened.append(await self._open(spec))  # noqa: PERF401 - what is open must be known when the next fails
            factors = [await self._factor(one) for one in opened]
            self._check_factors(factors, opened)
            names = tuple(p.name for p in self._query.parameters)
            given = {name for factor in factors for name in factor.names}
            rest = replace(self._query, parameters=tuple(p for p in self._query.parameters if p.name not in given))
            fixed = self._bound(OpenFeed(SingleRow(), "--grid"), replace(self._terms, query=rest))
            fixed_factor = Factor(fixed, tuple(p.name for p in rest.parameters))
            grid = CrossProduct([*factors, fixed_factor], names)
            await grid.open()
            if self._start is not None:
                await grid.go_on(self._start)
        except BaseException:
            for one in opened:
                await one.feed.close()
            raise
        return grid

    async def _factor(self, opened: OpenFeed) -> Factor:
        """The part of the query's parameters that one source of a grid gives, bound to it."""
        from bulkq.sources.cross_product import Factor
        from bulkq.sources.json_objects import ObjectFeed

        feed = opened.feed
        columns = await feed.look() if isinstance(feed, ObjectFeed) else feed.columns or ()
        mine = tuple(p for p in self._query.parameters if p.name in columns and p.name not in self._terms.constants)
        terms = replace(self._terms, query=replace(self._query, parameters=mine))
        check_columns(opened.where, columns, {p.name for p in mine}, ignore=self._terms.ignore_extra)
        return Factor(self._bound(opened, terms), tuple(p.name for p in mine))

    def _check_factors(self, factors: list[Factor], opened: list[OpenFeed]) -> None:
        given = [name for factor in factors for name in factor.names]
        for factor, one in zip(factors, opened, strict=True):
            for name in factor.names:
                if given.count(name) > 1:
                    raise ParameterError(f"{one.where}: :{name} is given by two sources of the grid")
        for p in self._query.parameters:
            if p.name not in given and p.name not in self._terms.constants and not p.has_default:
                raise ParameterError(f"--grid: {missing_text('column', p.name, given, self._query.place)}")

    async def _open(self, spec: str) -> OpenFeed:
        if spec.startswith("range:"):
            from bulkq.sources.constants_and_ranges import RangeFeed

            return OpenFeed(RangeFeed(spec, text=self._text), f"-p {spec[:MOST_SHOWN]}")
        if spec.startswith("sql:"):
            return await self._queried(spec, spec.removeprefix("sql:"))
        if spec.startswith("@"):
            return await self._queried(spec, _query_of(spec))
        form = _columnar_form(spec, self._request)
        if form:
            return self._columnar(spec, form)
        return await self._file(spec)

    def _columnar(self, spec: str, form: str) -> OpenFeed:
        name = "Parquet" if form == "parquet" else "Arrow"
        pipe = spec == "-"
        if not pipe:
            reader = open_file(spec)  # says why a file cannot be opened
            pipe = reader.waits
            reader.close()
        if pipe:
            raise ParameterError(
                f"-p {quoted(spec)}: {name} is not read from a pipe, because its footer is at the end: use a file"
            )
        from bulkq.columnar.load_pyarrow import require_pyarrow

        require_pyarrow(f"-p {quoted(spec)}")
        from bulkq.sources.columnar import ColumnarFeed

        feed = ColumnarFeed(spec, form, text=self._text)
        return OpenFeed(feed, feed.name)

    async def _queried(self, spec: str, source: str | Query) -> OpenFeed:
        if self._rows is None:
            raise ParameterError(f"-p {quoted(spec)}: a query cannot supply the parameters here: use a file")
        from bulkq.sources.sql import QueryFeed

        name = escape_unprintable(" ".join(spec.split()))
        feed = QueryFeed(name if len(name) <= MOST_SHOWN else f"{name[: MOST_SHOWN - 3]}...", self._rows(source))
        try:
            await feed.open()
        except BaseException:
            await feed.close()
            raise
        return OpenFeed(feed, feed.name)

    async def _file(self, spec: str) -> OpenFeed:
        if spec == "-":
            if self._request.stdin is None:
                raise ParameterError("-p -: standard input is not available here: use a file")
            reader = open_stdin(self._request.stdin)
        else:
            reader = open_file(spec)
        try:
            if self._start is not None:
                await _prove(reader, spec, self._start)
            format_ = self._request.format or _format_of(spec) or await _format_seen(reader, spec)
            return await self._feed(reader, format_, spec)
        except BaseException:
            reader.close()
            raise

    async def _feed(self, reader: LineReader, format_: str, spec: str) -> OpenFeed:
        if format_ in ("csv", "tsv", "copy"):
            feed = self._delimited(reader, format_)
            await feed.open()
            return OpenFeed(feed, f"{reader.name}:{feed.header_line}")
        from bulkq.sources.failures_of_one_query import FeedQuery
        from bulkq.sources.json_objects import ObjectFeed

        async def again() -> ObjectReader:
            return await self._objects(open_file(spec), format_)

        whose = FeedQuery(self._query.name, self._several, again if reader.replayable else None)
        return OpenFeed(ObjectFeed(await self._objects(reader, format_), whose), reader.name)

    def _delimited(self, reader: LineReader, format_: str) -> DelimitedFeed:
        null = self._request.null
        if format_ == "csv":
            return DelimitedFeed(reader, ",", null)
        from bulkq.sources.copy_text import COPY_NULL, CopyText, EitherText

        if format_ == "copy":
            return CopyText(reader, null)
        if null == COPY_NULL and self._request.format is None:
            return EitherText(reader)
        return DelimitedFeed(reader, "\t", null)

    async def _objects(self, reader: LineReader, format_: str) -> ObjectReader:
        from bulkq.sources.json_array import JsonArrayReader  # CSV needs no JSON
        from bulkq.sources.json_lines import JsonLinesReader

        try:
            await begin_text(reader)
        except BaseException:
            reader.close()
            raise
        if format_ == "json":
            return JsonArrayReader(reader, text=self._text)
        names = any(p.kind is PlaceholderKind.IDENTIFIER for p in self._query.parameters)
        return JsonLinesReader(reader, text=self._text, told_apart=names)


def is_columnar(request: Request) -> bool:
    """Whether one of the sources is a file with types of its own."""
    return any(_columnar_form(spec, request) for spec in request.specs)


def _columnar_form(spec: str, request: Request) -> str:
    """`parquet` or `arrow`; "" of any other source."""
    if spec.startswith(("range:", "sql:", "@")):
        return ""
    form = request.format or COLUMNAR.get(PurePath(spec.lower()).suffix, "")
    return form if form in COLUMNAR.values() else ""


async def _prove(reader: LineReader, spec: str, start: SourcePosition) -> None:
    """See that what was consumed of a file is still there; without a digest the sets are counted instead."""
    if reader.waits:
        raise _no_way_back(spec)
    if start.digest:
        await reader.prove(start)


def _no_way_back(spec: str) -> RefusedError:
    return RefusedError(f"-p {quoted(spec)}: cannot be read a second time: start a new run").for_good()


def _format_of(spec: str) -> str | None:
    """The format that the suffix says; None where there is none."""
    path = PurePath(spec.lower())
    suffix = PurePath(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix in COLUMNAR:
        raise ParameterError(
            f"{escape_unprintable(spec)}: decompress the file: {suffix[1:]} files are compressed inside"
        )
    if not suffix or suffix in SUFFIXES:
        return SUFFIXES.get(suffix)
    raise ParameterError(f"{escape_unprintable(spec)}: unknown suffix {quoted(suffix)}: {SAY_WHICH}")


async def _format_seen(reader: LineReader, spec: str) -> str:
    """JSON from a pipe can be told by its first character; nothing else can."""
    head = (await begin_text(reader)).lstrip() if reader.waits else b""
    if head[:1] in (b"{", b"["):
        return "jsonl" if head[:1] == b"{" else "json"
    raise ParameterError(f"-p {quoted(spec)}: the name has no suffix: {SAY_WHICH}")


def _query_of(spec: str) -> Query:
    """The query that `@FILE.sql:NAME` names; without NAME the only one of the file."""
    from bulkq.query import load, pick  # the tokenizer is a heavy import

    file, _, name = spec[1:].rpartition(":")
    if not file:
        file, name = name, ""
    reader = open_file(file)
    try:
        queries = load(decode_lines(file, b"".join(reader.lines(10**6)), 1), file)
    finally:
        reader.close()
    if not name and len(queries) > 1:
        raise ParameterError(
            f"-p {quoted(spec)}: the file has several queries: write @{file}:{queries[0].name}, for example"
        )
    query = pick(queries, name, file) if name else queries[0]
    if query.parameters:
        names = listed([p.name for p in query.parameters])
        raise ParameterError(
            f"-p {quoted(spec)}: a query that supplies parameters cannot have parameters of its own, this one needs {names}"
        )
    return query
