"""A table for each query, below its heading."""

from __future__ import annotations

import io

from bulkq.model import Batch, BatchResult, Column, Query
from bulkq.sinks.extra_columns import ExtraColumns
from bulkq.sinks.stream_output import StreamOutput
from bulkq.sinks.table_sections import TableSections

TITLES = {"a": "First.", "b": "Second.", "c": "Third.", "d": "Fourth."}


def result(name: str, columns: str, *rows: tuple[object, ...], target: str = "t") -> BatchResult:
    """The answer of one query."""
    named = tuple(Column(column, "text") for column in columns.split())
    values = list(zip(*rows, strict=True))
    return BatchResult(Batch(0, 1, [()], []), Query(name, "select"), target, named, values, [0] * len(rows), ok=1)


async def page(*results: BatchResult, answered: str = "", targets: bool = False, **more: object) -> str:
    """What is printed."""
    out = io.BytesIO()
    sink = TableSections(StreamOutput(out, "stdout"), ExtraColumns((), targets=targets), TITLES, **more)  # type: ignore[arg-type]
    for one in results:
        payload, _ = sink.encode(one)
        await sink.write(payload)
    sink.note_answers(answered)
    await sink.close(complete=True)
    return out.getvalue().decode()


async def test_sections_in_the_order_of_the_queries() -> None:
    """A query has its own columns; what was answered without rows says so, and what was not answered is not there."""
    found = await page(result("b", "x", ("1",)), result("a", "y z", ("2", None), ("3", "4")), answered="abc")
    lines = [line.rstrip() for line in found.splitlines()]
    assert lines[0] == "a: First. 2 rows."
    assert lines[1].split() == ["y", "z"]
    assert lines[3].split() == ["2", "NULL"]
    assert "b: Second. 1 row." in lines
    assert lines[-1] == "c: Third. No rows."
    assert "d:" not in found


async def test_rows_of_targets_share_a_table_if_their_columns_are_equal() -> None:
    """A variant with other columns has a table of its own below the same heading."""
    some = [
        result("a", "x", ("1",), target="t"),
        result("a", "x", ("2",), target="u"),
        result("a", "z", ("3",), target="v"),
    ]
    found = await page(*some, targets=True)
    assert found.count("_target") == 2
    assert found.startswith("a: First. 3 rows.\n_target   x\n")


async def test_a_narrow_terminal_has_records() -> None:
    """A table whose values would be cut to pieces is shown one value per line; more rows are counted."""
    rows = [("a" * 20, "b" * 20, "c" * 20), ("d", "e", "f")]
    found = await page(result("a", "first second third", *rows), width=60, limit=1)
    assert found.splitlines()[1].startswith("-[ 1 ]")
    assert "... 1 more row, use -o FILE" in found
    assert "first" in (await page(result("a", "first second third", *rows), width=100)).splitlines()[1]


async def test_pieces_can_be_taken_back() -> None:
    """A failed answer leaves nothing; a discarded output prints nothing."""
    out = io.BytesIO()
    sink = TableSections(StreamOutput(out, "stdout"), ExtraColumns(()), TITLES)
    sink.describe(Query("a", "select"), (Column("x", "text"),))
    mark = sink.mark()
    await sink.write(sink.encode(result("a", "x", ("1",)))[0])
    sink.back_to(mark)
    await sink.fsync()
    assert (sink.positions(), sink.finished) == ((), False)
    await sink.close(complete=True)
    sink.discard()
    assert out.getvalue() == b""
