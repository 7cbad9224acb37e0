"""The sink of Parquet and Arrow files."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bulkq.errors import RefusedError, StoppedError, UsageError
from bulkq.model import Batch, BatchResult, Column, Query, StatementClass
from bulkq.sinks.open import OpenedSink, open_sink

QUERY = Query("users", "select id, d")
COLUMNS = (Column("id", "bigint"), Column("d", "date"))


def opened(path: Path | str | None, **more: object) -> OpenedSink:
    """A sink over `path`."""
    arguments: dict[str, object] = {"include": (), "run": "r", "queries": [QUERY], "target": "t", "terminal": False}
    return open_sink(**{"path": path and str(path), "format": None, "stdout": io.BytesIO(), **arguments, **more})  # type: ignore[arg-type]


def result_of(columns: tuple[Column, ...], *values: list[object], query: Query = QUERY) -> BatchResult:
    """A result of one batch."""
    count = len(values[0]) if values else 0
    return BatchResult(Batch(0, 1, [()] * count), query, "t", columns, values, range(count), ok=count)


async def put(sink: OpenedSink, result: BatchResult) -> None:
    """Encode and write."""
    payload, _ = sink.encode(result)
    await sink.write(payload)


async def test_included_columns_have_types(tmp_path: Path) -> None:
    """`--include` stands before the columns of the result."""
    sink = opened(tmp_path / "x.parquet", include=("n", "query"))
    sink.describe(QUERY, COLUMNS)
    await put(sink, result_of(COLUMNS, [7], ["2026-01-01"]))
    await put(sink, result_of(COLUMNS, [], []))
    await sink.close(complete=True)
    assert [(f.name, str(f.type)) for f in pq.read_schema(tmp_path / "x.parquet")] == [
        ("_query", "string"), ("_n", "int64"), ("id", "int64"), ("d", "date32[day]"),
    ]  # fmt: skip


async def test_unfit_values_stop_the_run(tmp_path: Path) -> None:
    """A value that the type cannot hold is an error of the run, with the place of the query."""
    sink = opened(tmp_path / "x.parquet")
    with pytest.raises(StoppedError, match=r'column "d": "infinity" does not fit the type date'):
        sink.encode(result_of(COLUMNS, [1], ["infinity"]))
    sink.discard()
    assert not list(tmp_path.iterdir())


async def test_columns_that_do_not_agree(tmp_path: Path) -> None:
    """Names that stand twice, other names and other declared types are refused."""
    sink = opened(tmp_path / "x.parquet")
    with pytest.raises(UsageError, match="two result columns"):
        sink.describe(QUERY, (COLUMNS[0], COLUMNS[0]))
    sink.describe(QUERY, COLUMNS)
    sink.describe(QUERY, (Column("id", "int8"), COLUMNS[1]))
    with pytest.raises(UsageError, match='column "id" is bigint in "users" and text in "users"'):
        sink.describe(QUERY, (Column("id", "text"), COLUMNS[1]))
    with pytest.raises(UsageError, match="one table cannot hold both"):
        sink.describe(QUERY, COLUMNS[:1])
    sink.discard()


async def test_counts_of_changed_rows(tmp_path: Path) -> None:
    """A statement without rows gives its count, unless that is not wanted."""
    write = Query("w", "delete from t", statement=StatementClass.WRITE)
    count = (Column("rowcount", "bigint"),)
    sink = opened(tmp_path / "x.parquet", queries=[write], rowcounts=False)
    assert sink.encode(result_of(count, [1], query=write)) == (None, 0)
    await sink.write(None)
    sink.discard()


async def test_mixed_values_are_text(tmp_path: Path) -> None:
    """A column without a declared type whose values have several is text, which is said at the end."""
    sink = opened(tmp_path / "x.parquet")
    await put(sink, result_of((Column("a"),), [1]))
    await put(sink, result_of((Column("a"),), ["x"]))
    await sink.close(complete=True)
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == [{"a": "1"}, {"a": "x"}]
    assert "has values of several types" in sink.notices[-1]


async def test_another_schema_is_not_continued(tmp_path: Path) -> None:
    """A resume whose columns have other types is refused."""
    sink = opened(tmp_path / "x.parquet")
    await put(sink, result_of(COLUMNS, [1], [None]))
    known = {p.path: p.offset for p in sink.positions()}
    await sink.close(complete=False)
    again = opened(tmp_path / "x.parquet", continue_at=known)
    with pytest.raises(
        RefusedError, match=r"holds id \(int64\), d \(date32\[day\]\), but this process would write id \(string\)"
    ):
        again.describe(QUERY, (Column("id", "text"), COLUMNS[1]))
    again.discard()
    untyped = opened(tmp_path / "x.parquet", continue_at=known)
    untyped.describe(QUERY, (Column("id"), Column("d")))
    untyped.discard()


@pytest.mark.parametrize("path", [None, "-", "/dev/null"])
@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_not_to_a_pipe(path: str | None, form: str) -> None:
    """A file with a footer needs a file."""
    with pytest.raises(UsageError, match=rf"--format {form}: .* use -o FILE\.{form}"):
        opened(path, format=form)
