"""What every sink promises, whatever its format: order, marks, names of files, empty results, hostile values."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import RefusedError, StoppedError, UsageError
from bulkq.model import Batch, BatchResult, Column, Query, StatementClass
from bulkq.sinks import open_sink
from bulkq.sinks.row_queue import RowsSink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulkq.sinks.open import OpenedSink

ID_NAME = (Column("id", "int8"), Column("name", "text"))
QUERY = Query("users", "select id, name from users")

HOSTILE = [
    "plain",
    "",
    " ",
    "\\.",
    ",",
    '"',
    '""',
    "a,b",
    'say "hi"',
    "two\nlines",
    "two\r\nlines",
    "tab\there",
    "%s %d %%",
    "{}",
    "null",
    "NULL",
    "\\N",
    "ünïcödé 🐘",
    "\u2028",
    "\x00\x1b[31m",
    "\\",
    "'; drop table x; --",
]


def batch_result(first: int, rows: list[tuple[int, str | None]], columns: tuple[Column, ...] = ID_NAME) -> BatchResult:
    """A batch in which every set gave one row."""
    values = list(zip(*rows, strict=True)) if rows else [[] for _ in columns]
    sets = [(row[0],) for row in rows]
    return BatchResult(Batch(0, first, sets), QUERY, "shop", columns, values, range(len(rows)), ok=len(rows))


def from_csv(delimiter: str) -> Callable[[str], list[tuple[int, str]]]:
    """CSV as the standard library reads it."""

    def read(text: str) -> list[tuple[int, str]]:
        return [(int(a), b) for a, b in list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:]]

    return read


def from_json(text: str) -> list[tuple[int, str]]:
    """One array."""
    return [(row["id"], row["name"]) for row in json.loads(text)]


def from_jsonl(text: str) -> list[tuple[int, str]]:
    """One object per line."""
    return [(row["id"], row["name"]) for row in map(json.loads, text.split("\n")[:-1])]


def from_table(text: str) -> list[tuple[int, str]]:
    """Two columns below a line."""
    return [(int(a), b.strip()) for a, _, b in (line.strip().partition("  ") for line in text.splitlines()[2:])]


@dataclass(frozen=True)
class Kind:
    """A format, how to read it back, and what it is without rows."""

    name: str
    read: Callable[[str], list[tuple[int, str]]]
    empty: str
    faithful: bool = True


KINDS = [
    Kind("csv", from_csv(","), "id,name\n"),
    Kind("tsv", from_csv("\t"), "id\tname\n"),
    Kind("json", from_json, "[]\n"),
    Kind("jsonl", from_jsonl, ""),
    Kind("table", from_table, "id   name\n─────────\n", faithful=False),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Every format that writes."""
    return request.param


def opened(kind: Kind | str, path: Path | None, stdout: io.BytesIO | None = None, **more: object) -> OpenedSink:
    """A sink at `path`, or at `stdout`."""
    name = kind if isinstance(kind, str) else kind.name
    arguments: dict[str, object] = {
        "path": None if path is None else str(path),
        "format": name,
        "include": (),
        "run": "01kb4x",
        "queries": [QUERY],
        "target": "shop",
        "stdout": stdout or io.BytesIO(),
        "terminal": False,
    }
    return open_sink(**{**arguments, **more})


async def put(sink: OpenedSink, *results: BatchResult) -> None:
    """Encode and write, in order."""
    for result in results:
        payload, weight = sink.encode(result)
        assert weight >= 0
        await sink.write(payload)


async def test_rows_come_back_in_the_order_of_writing(kind: Kind, tmp_path: Path) -> None:
    """Batches encoded out of order are written in order."""
    sink = opened(kind, tmp_path / "out")
    sink.describe(QUERY, ID_NAME)
    second, _ = sink.encode(batch_result(3, [(3, "c"), (4, "d")]))
    first, _ = sink.encode(batch_result(1, [(1, "a"), (2, "b")]))
    await sink.write(first)
    await sink.write(second)
    await sink.close(complete=True)
    assert kind.read((tmp_path / "out").read_text()) == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]


async def test_hostile_strings_come_back(kind: Kind, tmp_path: Path) -> None:
    """What a reader of the format gets is what the database gave."""
    rows = list(enumerate(HOSTILE))
    sink = opened(kind, tmp_path / "out")
    await put(sink, batch_result(1, rows), *[batch_result(i + 100, [row]) for i, row in enumerate(rows)])
    await sink.close(complete=True)
    text = (tmp_path / "out").read_bytes().decode()
    if kind.faithful:
        assert kind.read(text) == rows * 2
    else:
        assert all(c.isprintable() for c in text.replace("\n", ""))
        assert len(text.splitlines()) == 2 + 2 * len(rows)


@pytest.mark.parametrize("to_file", [True, False])
async def test_a_mark_takes_back_half_an_answer(kind: Kind, tmp_path: Path, to_file: bool) -> None:
    """What was written after a mark is gone after `back_to`, also twice, also from the very beginning."""
    stdout = io.BytesIO()
    sink = opened(kind, tmp_path / "out" if to_file else None, stdout)
    beginning = sink.mark()
    await put(sink, batch_result(1, [(9, "half")]))
    sink.back_to(beginning)
    await put(sink, batch_result(1, [(1, "a")]))
    mark = sink.mark()
    for _ in range(2):
        await put(sink, batch_result(2, [(2, "half")]), batch_result(2, [(2, "of it")]))
        sink.back_to(mark)
    await put(sink, batch_result(2, [(2, "b"), (3, "c")]))
    await sink.close(complete=True)
    data = (tmp_path / "out").read_bytes() if to_file else stdout.getvalue()
    assert kind.read(data.decode()) == [(1, "a"), (2, "b"), (3, "c")]


async def test_the_file_has_its_name_only_when_complete(kind: Kind, tmp_path: Path) -> None:
    """Until the end there is a partial; then there is the file and no partial."""
    path = tmp_path / "out"
    sink = opened(kind, path)
    await put(sink, batch_result(1, [(1, "a")]))
    assert not path.exists()
    assert (tmp_path / "out.partial").exists()
    await sink.close(complete=True)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


async def test_an_incomplete_run_leaves_the_partial_and_the_old_file(kind: Kind, tmp_path: Path) -> None:
    """An existing file is replaced on completion only."""
    path = tmp_path / "out"
    path.write_text("of yesterday")
    sink = opened(kind, path)
    await put(sink, batch_result(1, [(1, "a")]))
    await sink.close(complete=False)
    assert path.read_text() == "of yesterday"
    assert "a" in (tmp_path / "out.partial").read_text()
    again = opened(kind, path)
    assert again.notices == ['"out.partial" is left from a run that has ended: it is replaced']
    await put(again, batch_result(1, [(2, "b")]))
    await again.close(complete=True)
    assert kind.read(path.read_text()) == [(2, "b")]


async def test_the_partial_of_a_dead_run_stays_until_the_first_row(kind: Kind, tmp_path: Path) -> None:
    """A run that never begins leaves what a dead one can still be resumed from; one without rows replaces it."""
    sink = opened(kind, tmp_path / "out")
    await put(sink, batch_result(1, [(1, "a")]))
    await sink.close(complete=False)
    left = (tmp_path / "out.partial").read_text()
    opened(kind, tmp_path / "out").discard()
    assert (tmp_path / "out.partial").read_text() == left
    again = opened(kind, tmp_path / "out")
    await again.close(complete=True)
    assert '"a"' not in (tmp_path / "out").read_text()


async def test_a_file_of_a_live_run_is_refused(kind: Kind, tmp_path: Path) -> None:
    """Two runs never write one file; the first is not disturbed."""
    sink = opened(kind, tmp_path / "out")
    with pytest.raises(RefusedError, match="is being written by another run"):
        opened(kind, tmp_path / "out")
    await put(sink, batch_result(1, [(1, "a")]))
    await sink.close(complete=True)
    assert kind.read((tmp_path / "out").read_text()) == [(1, "a")]


async def test_a_result_without_rows(kind: Kind, tmp_path: Path) -> None:
    """Known columns give a header where the format has one."""
    sink = opened(kind, tmp_path / "out")
    sink.describe(QUERY, ID_NAME)
    await put(sink, batch_result(1, []))
    await sink.close(complete=True)
    assert (tmp_path / "out").read_text() == kind.empty


async def test_a_run_without_any_result(kind: Kind, tmp_path: Path) -> None:
    """Unknown columns give no header; the file is there and can be read."""
    sink = opened(kind, tmp_path / "out")
    sink.describe(QUERY, ())
    await put(sink, batch_result(1, [], ()))
    await sink.close(complete=True)
    assert (tmp_path / "out").read_text() == ("[]\n" if kind.name == "json" else "")


async def test_discard_leaves_nothing(kind: Kind, tmp_path: Path) -> None:
    """A run that never began leaves no file."""
    opened(kind, tmp_path / "out").discard()
    assert list(tmp_path.iterdir()) == []


async def test_included_columns_come_first(kind: Kind, tmp_path: Path) -> None:
    """Target, query, number and parameters stand before the result's own columns."""
    sink = opened(kind, tmp_path / "out", include=("n", "query", "target"))
    sink.describe(QUERY, ID_NAME)
    await put(sink, batch_result(7, [(1, "a")]))
    await sink.close(complete=True)
    text = (tmp_path / "out").read_text()
    words = ["_target", "_query", "_n", "id", "name"]
    places = [text.index(word) for word in words]
    assert places == sorted(places)
    assert "shop" in text
    assert "users" in text
    assert "7" in text


@pytest.mark.parametrize("name", ["csv", "tsv", "table"])
async def test_other_columns_are_refused_where_there_is_one_header(name: str, tmp_path: Path) -> None:
    """A second query with other columns is a usage error before, and stops the run when it shows late."""
    sink = opened(name, tmp_path / "out")
    other = Query("orders", "select total from orders")
    sink.describe(QUERY, ID_NAME)
    sink.describe(other, ID_NAME)
    with pytest.raises(UsageError, match=r'"users" has the columns id, name, "orders" has total: .*\{query\}'):
        sink.describe(other, (Column("total"),))
    payload, _ = sink.encode(batch_result(1, [(1, "a")], (Column("id"), Column("called"))))
    with pytest.raises(StoppedError, match="id, called"):
        await sink.write(payload)
    await sink.close(complete=False)


@pytest.mark.parametrize("name", ["json", "jsonl"])
async def test_objects_may_differ(name: str, tmp_path: Path) -> None:
    """JSON rows name their own columns."""
    sink = opened(name, tmp_path / "out")
    sink.describe(QUERY, ID_NAME)
    await put(sink, batch_result(1, [(1, "a")]), batch_result(2, [(2, "b")], (Column("x"), Column("y"))))
    await sink.close(complete=True)
    assert '{"id":1,"name":"a"}' in (tmp_path / "out").read_text()
    assert '{"x":2,"y":"b"}' in (tmp_path / "out").read_text()


async def test_rowcounts_are_data_only_on_demand(kind: Kind) -> None:
    """The count of a changing statement is left out unless it was asked for; a user's own column of that name stays."""
    update = Query("fix", "update t set x = 1", statement=StatementClass.WRITE)
    own = Query("own", "select 7 as rowcount")
    columns = (Column("rowcount", "int8"),)
    for query, rowcounts, there in [(update, False, False), (update, True, True), (own, False, True)]:
        stdout = io.BytesIO()
        sink = opened(kind, None, stdout, rowcounts=rowcounts)
        sink.describe(query, columns)
        await put(sink, BatchResult(Batch(0, 1, [()]), query, "shop", columns, [[7]], [0], ok=1))
        await sink.close(complete=True)
        assert (b"7" in stdout.getvalue()) == there


async def test_none_takes_everything() -> None:
    """`--format none` writes nothing and opens nothing."""
    stdout = io.BytesIO()
    sink = opened("none", None, stdout)
    sink.describe(QUERY, ID_NAME)
    await put(sink, batch_result(1, [(1, "a")]))
    sink.back_to(sink.mark())
    await sink.close(complete=True)
    sink.discard()
    assert stdout.getvalue() == b""


async def test_rows_reach_the_reader_in_order() -> None:
    """The sink of the Python API hands on the results themselves, with marks."""
    sink = RowsSink(ahead=10)
    sink.describe(QUERY, ID_NAME)
    first, second, half = (batch_result(n, [(n, "x")]) for n in (1, 2, 3))
    await put(sink, first)
    mark = sink.mark()
    await put(sink, half)
    sink.back_to(mark)
    await put(sink, second)
    await sink.close(complete=True)
    assert [result async for result in sink] == [first, second]
