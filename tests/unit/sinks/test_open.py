"""From options to sinks: formats, paths, folders, placeholders."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import StoppedError, UsageError
from bulkq.model import Batch, BatchResult, Column, Parameter, Query
from bulkq.sinks import open_sink
from bulkq.sinks import open_sinks as open_all
from bulkq.sinks.extra_columns import ExtraColumns
from bulkq.sinks.open import format_of
from bulkq.sinks.paths import make_slug
from bulkq.sinks.text_sink import EncodedSink

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.sinks.open import OpenedSink

ONE = Query("one", "select 1")
TWO = Query("two", "select 2")


def arguments(path: object, *queries: Query, **more: object) -> dict[str, object]:
    """Of `open_sink` and `open_sinks`."""
    every: dict[str, object] = {
        "path": None if path is None else str(path),
        "format": None,
        "include": (),
        "run": "01kb4x",
        "queries": queries or (ONE,),
        "target": "shop",
        "stdout": io.BytesIO(),
        "terminal": False,
    }
    return {**every, **more}


def open_sinks(**arguments: object) -> dict[str, OpenedSink]:
    """The sinks of one target, by query."""
    target = arguments.pop("target")
    return {query: sink for (_, query), sink in open_all(**arguments, targets=[target]).items()}


@pytest.mark.parametrize(
    ("path", "given", "terminal", "name"),
    [
        (None, None, False, "jsonl"),
        (None, None, True, "table"),
        ("-", None, True, "jsonl"),
        ("x.csv", None, False, "csv"),
        ("x.TSV", None, False, "tsv"),
        ("x.json", None, False, "json"),
        ("x.ndjson", None, False, "jsonl"),
        ("x.log", None, False, "jsonl"),
        ("x.csv", "json", False, "json"),
        ("x.parquet", "csv", False, "csv"),
        (None, "ndjson", True, "jsonl"),
        (None, "none", True, "none"),
    ],
)
def test_which_format_is_meant(path: str | None, given: str | None, terminal: bool, name: str) -> None:
    """The option, then the suffix, then who reads stdout."""
    assert format_of(path, given, terminal=terminal) == name


def test_unknown_formats_are_refused() -> None:
    """The message has the choices; a suffix that promises something else is not filled with JSON."""
    with pytest.raises(UsageError, match=r'"xml" is unknown: choose from table, csv'):
        format_of(None, "xml", terminal=False)
    with pytest.raises(UsageError, match=r"unknown suffix \.gz"):
        format_of("x.csv.gz", None, terminal=False)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "empty"),
        ("{home}", "is a folder"),
        ("{home}/no/out.csv", "no folder"),
        ("{home}/no/{{query}}.csv", "no folder"),
        ("{home}/{{run}}.csv", r"\{run\} is unknown: use \{query\} and \{target\}"),
        ("{home}/{{}}.csv", "is unknown"),
        ("{home}/{{target}}/../../x.csv", "leaves its folder"),
    ],
)
def test_paths_that_cannot_be(tmp_path: Path, path: str, message: str) -> None:
    """Found before anything runs, and nothing is left behind."""
    with pytest.raises(UsageError, match=message):
        open_sink(**arguments(path.format(home=tmp_path)))
    assert list(tmp_path.iterdir()) == []


async def test_a_file_per_query_and_target(tmp_path: Path) -> None:
    """Folders below the literal part are made; names are slugs."""
    odd = Query("../x y", "select 1")
    path = f"{tmp_path}/{{target}}/{{query}}.csv"
    sinks = open_sinks(**arguments(path, ONE, odd, target="postgresql://u@h:5432/db"))
    assert list(sinks) == ["one", "../x y"]
    for sink in sinks.values():
        await sink.close(complete=True)
    folder = tmp_path / "postgresql_u_h_5432_db"
    assert sorted(p.name for p in folder.iterdir()) == ["one.csv", "x_y.csv"]


async def test_the_target_alone_is_one_file_for_all(tmp_path: Path) -> None:
    """`{target}` does not split queries."""
    sinks = open_sinks(**arguments(f"{tmp_path}/{{target}}.csv", ONE, TWO))
    assert sinks["one"] is sinks["two"]
    await sinks["one"].close(complete=True)
    assert (tmp_path / "shop.csv").exists()


async def test_several_targets(tmp_path: Path) -> None:
    """One file for all has the column `_target`; a place in the path makes a file each, with a name that a file can have."""
    more = arguments(f"{tmp_path}/all.jsonl", ONE)
    more.pop("target")
    shared = open_all(**more, targets=["a", "b/c"])
    assert shared["a", "one"] is shared["b/c", "one"]
    await written(shared["a", "one"], ONE)
    assert (tmp_path / "all.jsonl").read_text().startswith('{"_target":"shop","id":1,"x":"a"}\n')
    each = open_all(**{**more, "path": f"{tmp_path}/{{target}}.csv"}, targets=["a", "b/c"])
    for sink in each.values():
        await written(sink, ONE)
    assert {path.name for path in tmp_path.iterdir()} == {"all.jsonl", "a.csv", "b_c.csv"}
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == "id,x"
    with pytest.raises(UsageError, match='the targets "b/c" and "b c" would both write'):
        open_all(**{**more, "path": f"{tmp_path}/{{target}}.csv"}, targets=["b/c", "b c"])


def test_collisions_are_refused(tmp_path: Path) -> None:
    """Two queries never write one file, and no file is left of the attempt."""
    again = Query("o/ne", "select 1")
    same = Query("o ne", "select 1")
    with pytest.raises(UsageError, match='"o/ne" and "o ne" would both write'):
        open_sinks(**arguments(f"{tmp_path}/{{query}}.csv", again, same))
    with pytest.raises(UsageError, match="holds the rows of one query"):
        open_sink(**arguments(f"{tmp_path}/{{query}}.csv", ONE, TWO))
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_gives_back_what_was_opened(tmp_path: Path) -> None:
    """When the second file cannot be opened the first is removed again."""
    (tmp_path / "two.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        open_sinks(**arguments(f"{tmp_path}/{{query}}.csv", ONE, TWO))
    assert [p.name for p in tmp_path.iterdir()] == ["two.csv"]


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    """A folder that cannot be made is one line."""
    (tmp_path / "shop").write_text("")
    with pytest.raises(UsageError, match="cannot create the folder"):
        open_sink(**arguments(f"{tmp_path}/{{target}}/{{query}}.csv"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a", "a"),
        ("../../etc/passwd", "etc_passwd"),
        (".hidden", "hidden"),
        ("..", "_"),
        ("ü-1.2", "ü-1.2"),
        ("x" * 99, "x" * 80),
    ],
)
def test_slugs(name: str, text: str) -> None:
    """A name is one part of a path, never hidden, never empty."""
    assert make_slug(name) == text


def test_the_umask_is_honoured(tmp_path: Path) -> None:
    """A new file has the mode that any program would give it."""
    before = os.umask(0o027)
    try:
        open_sink(**arguments(tmp_path / "x.csv"))
        assert (tmp_path / "x.csv.partial").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("more", "delimiter"),
    [
        ({"format": "csv"}, ","),
        ({"format": "tsv"}, "\t"),
        ({"format": "jsonl"}, None),
        ({"format": "csv", "include": ("n",)}, None),
        ({"format": "csv", "queries": (ONE, TWO)}, None),
    ],
)
def test_when_the_server_may_write(more: dict[str, object], delimiter: str | None) -> None:
    """COPY is for CSV and TSV of one query without added columns."""
    sink = open_sink(**arguments(None, **more))
    assert isinstance(sink, EncodedSink)
    assert sink.copy_delimiter() == delimiter


def test_what_shows_late_stops_the_run() -> None:
    """Columns that are known only with the rows are checked then."""
    columns = (Column("id"), Column("id"))
    sink = open_sink(**arguments(None, format="jsonl"))
    sink.describe(ONE, ())
    with pytest.raises(StoppedError, match="AS other_name"):
        sink.encode(BatchResult(Batch(0, 1, [()]), ONE, "shop", columns, [[1], [2]], [0], ok=1))


async def test_bytes_of_copy_stand_alone() -> None:
    """COPY sends the header itself; no second one is added."""
    stdout = io.BytesIO()
    sink = open_sink(**arguments(None, format="csv", stdout=stdout))
    assert isinstance(sink, EncodedSink)
    sink.describe(ONE, (Column("a"),))
    mark = sink.mark()
    sink.write_bytes(b"a\n1\n")
    sink.back_to(mark)
    sink.write_bytes(b"a\n2\n")
    await sink.close(complete=True)
    assert stdout.getvalue() == b"a\n2\n"


async def written(sink: OpenedSink, query: Query) -> None:
    """One row for each of two sets, the second twice."""
    columns = (Column("id", "int4"), Column("x", "text"))
    batch = Batch(0, 5, [("7", "s3cret"), (8, "t0psecret")])
    sink.describe(query, columns)
    payload, _ = sink.encode(BatchResult(batch, query, "shop", columns, [[1, 2, 3], ["a", "b", "c"]], [0, 1, 1], ok=2))
    await sink.write(payload)
    await sink.close(complete=True)


async def test_included_columns() -> None:
    """Numbers repeat per row, parameters clash politely, secrets are masked."""
    query = Query("q", "select", parameters=(Parameter("id"), Parameter("pw", secret=True)))
    stdout = io.BytesIO()
    include = ("params", "n", "target", "query")
    await written(open_sink(**arguments(None, query, format="csv", include=include, stdout=stdout)), query)
    assert stdout.getvalue().decode().splitlines() == [
        "_target,_query,_n,param_id,pw,id,x",
        "shop,q,5,7,***,1,a",
        "shop,q,6,8,***,2,b",
        "shop,q,6,8,***,3,c",
    ]


async def test_several_queries_say_which() -> None:
    """Two queries into one output add `_query` by themselves."""
    stdout = io.BytesIO()
    await written(open_sink(**arguments(None, ONE, TWO, stdout=stdout)), TWO)
    assert stdout.getvalue().splitlines()[0] == b'{"_query":"two","id":1,"x":"a"}'


def test_unknown_names_to_include() -> None:
    """The message has the choices."""
    with pytest.raises(UsageError, match="choose from n, params, query, target"):
        ExtraColumns(("number",))


def test_two_columns_of_one_name_in_json() -> None:
    """Refused before the run with the advice to alias."""
    columns = (Column("id"), Column("id"))
    sink = open_sink(**arguments(None, format="json"))
    with pytest.raises(UsageError, match=r'one: two result columns are named "id".*AS other_name'):
        sink.describe(ONE, columns)
    open_sink(**arguments(None, format="csv")).describe(ONE, columns)
