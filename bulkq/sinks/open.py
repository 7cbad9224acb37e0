"""Open the sinks that `-o`, `--format` and `--include` describe."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from bulkq.errors import RefusedError, UsageError
from bulkq.protocols import Sink
from bulkq.sinks.extra_columns import ExtraColumns
from bulkq.sinks.file_output import FileOutput, Output
from bulkq.sinks.json_rows import JsonArray, JsonLines
from bulkq.sinks.open_partial import EarlierOutput
from bulkq.sinks.paths import PLACES, STDOUT, filled_paths, is_special
from bulkq.sinks.stream_output import StreamOutput, open_stream
from bulkq.sinks.text_sink import EncodedSink, Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkq.model import Query


class OpenedSink(Sink, Protocol):
    """A sink that was opened before it is known whether the run will begin."""

    notices: list[str]
    """What people should know of the opening; each is a line for stderr."""

    @property
    def finished(self) -> bool:
        """The output was complete when it was opened to be continued; it refuses more rows."""
        ...

    def discard(self) -> None:
        """Close as if it had never been opened: for a run that ended before its first statement."""
        ...


FORMATS = ("table", "csv", "tsv", "json", "jsonl", "parquet", "arrow", "none")
COLUMNAR = frozenset({"parquet", "arrow"})
"""Formats with a footer, which the extra `parquet` writes."""

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
FOREIGN = frozenset({".gz", ".zst", ".xz", ".bz2", ".zip", ".xlsx", ".sqlite", ".db", ".duckdb"})
"""Suffixes that promise something else than JSON Lines; only an explicit --format writes there."""


def open_sinks(  # noqa: PLR0913 - one per option that says where results go
    *,
    path: str | None,
    format: str | None,  # noqa: A002
    include: tuple[str, ...],
    run: str,
    queries: Sequence[Query],
    targets: Sequence[str],
    stdout: BinaryIO,
    terminal: bool,
    width: int | None = None,
    rowcounts: bool | None = None,
    sections: bool = False,
    continue_at: Mapping[str, int] | None = None,
) -> dict[tuple[str, str], OpenedSink]:
    """A sink for every target and query name: one each where the path holds `{target}` or `{query}`, else the same one for all.

    Folders below the part of the path that holds no placeholder are made. Arguments are those of `open_sink`.

    Raises:
        UsageError: as `open_sink`; two queries or targets of one name or one file name; a path that leaves its folder.
        RefusedError: as `open_sink`; `continue_at` names a file with bytes in it that no sink would go on with.
    """
    opened = partial(
        open_sink,
        format=format,
        include=include,
        run=run,
        stdout=stdout,
        terminal=terminal,
        width=width,
        rowcounts=rowcounts,
        sections=sections,
        continue_at=continue_at,
    )
    sinks: dict[tuple[str, str], OpenedSink] = {}
    try:
        for place, some_queries, some_targets in _groups(path, queries, targets):
            several = len(some_targets) > 1
            sink = opened(path=place, queries=some_queries, target=some_targets[0], several_targets=several)
            sinks.update({(target, query.name): sink for target in some_targets for query in some_queries})
        _refuse_others(continue_at or {}, sinks.values())
    except BaseException:
        for sink in dict.fromkeys(sinks.values()):
            sink.discard()
        raise
    return sinks


def _groups(
    path: str | None, queries: Sequence[Query], targets: Sequence[str]
) -> list[tuple[str | None, Sequence[Query], Sequence[str]]]:
    """Each output with the queries and targets that write into it."""
    if path is None or path == STDOUT or not PLACES.search(path):
        return [(path, queries, targets)]
    paths = filled_paths(path, queries, *targets)
    some_queries = _by_name(queries) if "{query}" in path else [queries]
    some_targets = [[target] for target in targets] if "{target}" in path else [targets]
    return [(paths[ts[0], qs[0].name], qs, ts) for ts in some_targets for qs in some_queries]


def _by_name(queries: Sequence[Query]) -> list[list[Query]]:
    """The queries of each name: variants of one query write into one output."""
    found: dict[str, list[Query]] = {}
    for query in queries:
        found.setdefault(query.name, []).append(query)
    return list(found.values())


def open_sink(  # noqa: PLR0913 - see open_sinks
    *,
    path: str | None,
    format: str | None,  # noqa: A002
    include: tuple[str, ...],
    run: str,
    queries: Sequence[Query],
    target: str,
    stdout: BinaryIO,
    terminal: bool,
    several_targets: bool = False,
    width: int | None = None,
    rowcounts: bool | None = None,
    sections: bool = False,
    continue_at: Mapping[str, int] | None = None,
) -> OpenedSink:
    """The sink for `-o path --format format --include include`.

    Args:
        path: a file, which may hold `{query}` and `{target}`; None or "-" is stdout.
        format: one of `FORMATS`; None decides by suffix, else a table on a terminal, else JSON Lines.
        include: names out of n, params, query, target.
        run: id of the run, for the name of the writing thread; never written into data.
        queries: those whose results come here; several add the column `_query`.
        target: what the target is called in output.
        stdout: where data goes without a path; never closed.
        terminal: whether people look at `stdout`.
        several_targets: rows of more than one come here, which adds the column `_target`.
        width: of the terminal in characters; None asks it.
        rowcounts: whether statements that return no rows give one with `rowcount`; None: where a path or a
            format is given.
        sections: a table shows the rows of each query below a heading of its own.
        continue_at: for a run that is resumed, the offset of every file as `Sink.positions` gave it and `Sink.fsync`
            made it durable. A file that is not in it, or at 0, begins anew. None: a new run.

    Raises:
        UsageError: an unknown format, suffix or placeholder, no such folder, no permission.
        RefusedError: a live run is writing the file; the file is not what `continue_at` says, or cannot be continued.
    """
    several = len({query.name for query in queries}) > 1
    included = ExtraColumns(include, several=several, targets=several_targets)
    shown = format_of(path, format, terminal=terminal)
    if rowcounts is None:
        rowcounts = path is not None or format is not None
    if path is not None and path != STDOUT and PLACES.search(path):
        if several and "{query}" in path:
            raise UsageError(
                f'"{path}" holds the rows of one query: put {{query}} into the path to write a file per query'
            )
        path = filled_paths(path, queries[:1], target)[target, queries[0].name]
    if shown == "none":
        from bulkq.sinks.discard_rows import NoSink

        return NoSink()
    if shown in COLUMNAR:
        return _columnar(path, shown, included, rowcounts=rowcounts, continue_at=continue_at)
    if shown != "table":
        layout = _layout(shown)
        output = _output(path, stdout, run, layout, continue_at)
        return EncodedSink(layout, output, included, rowcounts=rowcounts)
    to_file = path is not None and path != STDOUT
    if to_file and continue_at is not None:
        raise RefusedError(
            f'"{path}" cannot be continued, because a table is written at the end of the run: '
            "start a new run, with .csv or .jsonl to be able to resume it"
        )
    output = _output(path, stdout, run)
    if terminal and width is None and not to_file:
        import shutil  # takes two milliseconds, and few runs print a table

        width = shutil.get_terminal_size().columns
    color = _wants_color(os.environ, terminal=terminal)
    if sections:
        extra = ExtraColumns(include, targets=several_targets)
        return _sections(output, extra, queries, to_file=to_file, width=width, color=color)
    return _table(output, included, rowcounts=rowcounts, to_file=to_file, width=width, color=color)


def _table(
    output: Output, extra: ExtraColumns, *, rowcounts: bool, to_file: bool, width: int | None, color: bool
) -> OpenedSink:
    """All rows, as wide as they are, in a file; else those that people look at."""
    from bulkq.sinks.table import SHOWN_ROWS, TableSink

    if to_file:
        return TableSink(output, extra, rowcounts=rowcounts, limit=None)
    return TableSink(output, extra, rowcounts=rowcounts, limit=SHOWN_ROWS, width=width, color=color)


def format_of(path: str | None, format: str | None, *, terminal: bool) -> str:  # noqa: A002
    """Which of `FORMATS` is meant.

    Raises:
        UsageError: an unknown format, or a suffix that promises one we do not write.
    """
    if format is not None:
        name = "jsonl" if format == "ndjson" else format
        if name not in FORMATS:
            raise UsageError(f'--format "{format}" is unknown: choose from {", ".join(FORMATS)}')
        return name
    if path is None:
        return "table" if terminal else "jsonl"
    suffix = Path(path).suffix.lower()
    if suffix in FOREIGN:
        raise UsageError(
            f'"{path}": unknown suffix {suffix}: use .csv, .tsv, .json, .jsonl, .parquet or .arrow, or give --format'
        )
    return SUFFIXES.get(suffix, "jsonl")


def _layout(name: str) -> Format:
    if name in ("csv", "tsv"):
        from bulkq.sinks.csv_tsv import Delimited

        return Delimited("," if name == "csv" else "\t")
    return JsonArray() if name == "json" else JsonLines()


def _output(
    path: str | None,
    stdout: BinaryIO,
    run: str,
    layout: Format | None = None,
    continue_at: Mapping[str, int] | None = None,
) -> Output:
    if path is None or path == STDOUT:
        return StreamOutput(stdout, "stdout", run=run)
    if is_special(path):
        return open_stream(path, run=run)
    if layout is None or continue_at is None:
        return FileOutput(path)
    offset = _followed(continue_at).get(os.path.realpath(path), 0)
    return FileOutput(path, EarlierOutput(offset, layout.ending, layout.tail(None, empty=False)))


def _sections(
    output: Output, extra: ExtraColumns, queries: Sequence[Query], *, to_file: bool, width: int | None, color: bool
) -> OpenedSink:
    from bulkq.sinks.table import SHOWN_ROWS
    from bulkq.sinks.table_sections import TableSections

    titles = {query.name: query.description.partition("\n")[0] for query in queries}
    if to_file:
        return TableSections(output, extra, titles, limit=None, width=None, color=False)
    return TableSections(output, extra, titles, limit=SHOWN_ROWS, width=width, color=color)


def _columnar(
    path: str | None,
    form: str,
    included: ExtraColumns,
    *,
    rowcounts: bool,
    continue_at: Mapping[str, int] | None,
) -> OpenedSink:
    name = "Parquet" if form == "parquet" else "Arrow"
    if path is None or path == STDOUT or is_special(path):
        raise UsageError(
            f"--format {form}: {name} files end with a footer and are not written to a pipe: use -o FILE.{form}"
        )
    from bulkq.columnar.load_pyarrow import require_pyarrow

    require_pyarrow(f"{name} output")
    from bulkq.sinks.columnar_file import ColumnarFile
    from bulkq.sinks.columnar_sink import ColumnarSink

    known = None if continue_at is None else _followed(continue_at).get(os.path.realpath(path), 0)
    return ColumnarSink(ColumnarFile(path, form, known), included, rowcounts=rowcounts)


def _refuse_others(continue_at: Mapping[str, int], sinks: Iterable[OpenedSink]) -> None:
    """Rows that stand in a file which no sink would go on with would be lost without a word."""
    ours = {position.path for sink in sinks for position in sink.positions()}
    for path, offset in _followed(continue_at).items():
        if offset and path not in ours:
            raise RefusedError(
                f"{offset:,} {'rows' if SUFFIXES.get(Path(path).suffix) in COLUMNAR else 'bytes'} of this run are in "
                f'"{path}", but its output now leads elsewhere: '
                "-o, a link or the folder has changed, so start a new run"
            )


def _followed(continue_at: Mapping[str, int]) -> Mapping[str, int]:
    return {os.path.realpath(path): offset for path, offset in continue_at.items()}


def _wants_color(environ: Mapping[str, str], *, terminal: bool) -> bool:
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (terminal and environ.get("TERM") not in {"dumb", "unknown"})
