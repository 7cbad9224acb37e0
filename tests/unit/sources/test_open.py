"""What -p, --param and defaults become: specifications, formats, and columns that do not fit the query."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import ParameterError, QueryFileError
from bulkq.model import Parameter
from bulkq.sources import Request, open_source
from tests.support.sources import batches, opened, query, sets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

AB = query("a", "b")


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    (tmp_path / "wide.csv").write_text("a,b,c,d\n1,2,3,4\n")
    (tmp_path / "only_a.csv").write_text("a\n1\n2\n")
    (tmp_path / "semicolons.csv").write_text("a;b\n1;2\n")
    (tmp_path / "columns_apart.csv").write_text("a\tb\n1\t2\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    (tmp_path / "rows.xml").write_text("<a/>")
    (tmp_path / "rows").write_text("a,b\n1,2\n")


DEFAULTED = query("a", Parameter("b", default="7", has_default=True))

FITS = {
    "default": ("only_a.csv", DEFAULTED, {}, False, [("1", "7"), ("2", "7")]),
    "constant": ("only_a.csv", AB, {"b": "9"}, False, [("1", "9"), ("2", "9")]),
    "constant before default": ("only_a.csv", DEFAULTED, {"b": "9"}, False, [("1", "9"), ("2", "9")]),
    "empty constant is NULL": ("only_a.csv", AB, {"b": ""}, False, [("1", None), ("2", None)]),
    "column before default": ("rows.csv", DEFAULTED, {}, False, [("1", "2")]),
    "default NULL": (
        "only_a.csv",
        query("a", Parameter("b", has_default=True)),
        {},
        False,
        [("1", None), ("2", None)],
    ),
    "extra columns": ("wide.csv", query("d", "a"), {}, True, [("4", "1")]),
    "constant before an extra column": ("rows.csv", AB, {"b": "9"}, True, [("1", "9")]),
    "no parameters at all": ("only_a.csv", query(), {}, True, [(), ()]),
}


@pytest.mark.parametrize("case", FITS)
async def test_what_fits(case: str) -> None:
    """Columns, constants and defaults together make the sets."""
    spec, wanted, constants, extra, rows = FITS[case]
    assert await sets(await opened(spec, wanted, constants=constants, extra=extra)) == rows


MISFITS = {
    "semicolons": (
        "semicolons.csv",
        AB,
        {},
        'semicolons.csv:1: no column "a" for :a of q.sql:q; there is "a;b": separate the columns by commas, not by ";"',
    ),
    "tabs": (
        "columns_apart.csv",
        AB,
        {},
        'columns_apart.csv:1: no column "a" for :a of q.sql:q; there is "a\\tb": use --params-format tsv',
    ),
    "missing": ("only_a.csv", AB, {}, 'only_a.csv:1: no column "b" for :b of q.sql:q; there is "a"'),
    "misspelt": (
        "rows.csv",
        query("a", "bb"),
        {},
        'rows.csv:1: no column "bb" for :bb of q.sql:q; there are "a", "b" (did you mean "b"?)',
    ),
    "range": (
        "rows.csv",
        query("a", "range"),
        {},
        (
            'rows.csv:1: no column "range" for :range of q.sql:q; there are "a", "b": '
            "use bulkq backfill q.sql:q, which fills it, or give a value with --param range=VALUE"
        ),
    ),
    "unused": (
        "wide.csv",
        AB,
        {},
        'wide.csv:1: columns "c", "d" are not used by q.sql:q: remove them, or use --extra-columns ignore',
    ),
    "constant of nothing": (
        "rows.csv",
        AB,
        {"aa": "1"},
        '--param aa: q.sql:q has no parameter :aa (did you mean "a"?)',
    ),
    "constant and column": (
        "rows.csv",
        AB,
        {"b": "1"},
        "rows.csv:1: :b is given by --param and by a column: use one of them",
    ),
    "no such file": ("row.csv", AB, {}, 'row.csv: no such file (did you mean "rows.csv"?)'),
    "nothing near": ("zzzzzzz.csv", AB, {}, "zzzzzzz.csv: no such file"),
    "no such folder": ("nowhere/rows.csv", AB, {}, "nowhere/rows.csv: no such file"),
    "a value": ("region=eu", AB, {}, 'region=eu: no such file (for one value write --param "region=eu")'),
    "two lines": ("a\nb.csv", AB, {}, "a\\nb.csv: no such file"),
    "NUL": ("a\0.csv", AB, {}, "a\\x00.csv: cannot be opened: embedded null byte"),
    "folder": ("folder", AB, {}, "folder: is a directory: give the path of a file"),
    "nothing": ("", AB, {}, "-p: the file name is empty"),
    "Parquet": (
        "rows.parquet",
        AB,
        {},
        "rows.parquet: is not a complete Parquet file: it has no footer",
    ),
    "suffix": (
        "rows.xml",
        AB,
        {},
        'rows.xml: unknown suffix ".xml": give the format with --params-format: csv, tsv, copy, json, jsonl, parquet or arrow',
    ),
    "no suffix": (
        "rows",
        AB,
        {},
        '-p "rows": the name has no suffix: give the format with --params-format: csv, tsv, copy, json, jsonl, parquet or arrow',
    ),
    "no stdin": ("-", AB, {}, "-p -: standard input is not available here: use a file"),
    "no database": ("sql:select 1", AB, {}, '-p "sql:select 1": a query cannot supply the parameters here: use a file'),
}


@pytest.mark.parametrize("case", MISFITS)
async def test_what_does_not_fit(case: str) -> None:
    """Each misfit is one line with the value and the next step."""
    spec, wanted, constants, message = MISFITS[case]
    with pytest.raises(ParameterError) as caught:
        await opened(spec, wanted, constants=constants)
    assert str(caught.value) == message


async def test_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is the operating system's."""

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ParameterError, match=r"^rows\.csv: cannot be opened: permission denied$"):
        await opened("rows.csv", AB)


async def test_a_column_of_another_case_is_suggested() -> None:
    """Names are compared exactly, and the near one is named."""
    with pytest.raises(ParameterError) as caught:
        await opened("rows.csv", query("a", "B"), extra=True)
    assert str(caught.value) == 'rows.csv:1: no column "B" for :B of q.sql:q; there are "a", "b" (did you mean "b"?)'


async def test_many_columns_are_not_all_listed() -> None:
    """A message stays a line that can be read."""
    header = ",".join(f"quite_a_long_name_{i}" for i in range(300))
    with pytest.raises(ParameterError) as caught:
        await opened("-", AB, stdin=BytesIO(header.encode()), fmt="csv", extra=True)
    assert str(caught.value).endswith('"quite_a_long_name_3" and 296 more')


async def test_format_outranks_suffix() -> None:
    """--params-format says it for files of any name."""
    assert await sets(await opened("rows", AB, fmt="csv")) == [("1", "2")]
    with pytest.raises(ParameterError) as caught:
        await opened("rows.csv", AB, fmt="cvs")
    assert (
        str(caught.value)
        == '--params-format "cvs": one of csv, tsv, copy, json, jsonl, parquet, arrow (did you mean "csv"?)'
    )


@pytest.mark.parametrize(
    ("content", "fmt"),
    [
        (b"a,b\n1,2\n3,4", "csv"),
        (b"a\tb\n1\t2\n3\t4", "tsv"),
        (b'{"a":1,"b":2}\n{"a":3,"b":4}', "jsonl"),
        (b'\xef\xbb\xbf {"a":1,"b":2}\n{"a":3,"b":4}\n', None),
        (b' [{"a":1,"b":2},{"a":3,"b":4}]', None),
    ],
)
async def test_standard_input(content: bytes, fmt: str | None) -> None:
    """All formats come through stdin; JSON is known by its first character."""
    source = await opened("-", AB, stdin=BytesIO(content), fmt=fmt)
    assert not source.replayable
    assert source.fraction() is None
    found = await batches(source, 1)
    assert [one for b in found for one in b.sets] == [("1", "2"), ("3", "4")]
    assert found[-1].origin(0).startswith("stdin:")


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b""])
async def test_standard_input_without_format(content: bytes) -> None:
    """CSV and TSV cannot be told from each other by looking."""
    with pytest.raises(ParameterError) as caught:
        await opened("-", AB, stdin=BytesIO(content))
    assert str(caught.value) == (
        '-p "-": the name has no suffix: give the format with --params-format: csv, tsv, copy, json, jsonl, parquet or arrow'
    )


async def test_nothing_given() -> None:
    """Without -p a query runs once, if constants and defaults are enough."""
    request = Request(constants={"a": "1"})
    source = await open_source(request, DEFAULTED, text=True)
    assert (source.total, source.typed, source.replayable, source.fraction()) == (1, False, True, 0.0)
    assert await sets(source) == [("1", "7")]
    assert source.fraction() == 1.0
    assert await sets(await open_source(Request(), query(), text=True)) == [()]
    with pytest.raises(ParameterError) as caught:
        await open_source(request, query("a", "b", "c"), text=True)
    assert str(caught.value) == "q.sql:q needs :b, :c: give a source with -p, or a value with --param NAME=VALUE"
    with pytest.raises(
        ParameterError, match=r"^q\.sql:q needs :range: use bulkq backfill q\.sql:q, which fills it, or"
    ):
        await open_source(request, query("a", "range"), text=True)


async def test_null_marker_in_constants() -> None:
    """The marker means NULL in --param too, and empty means empty then."""
    source = await open_source(Request(constants={"a": "\\N", "b": ""}, null="\\N"), AB, text=True)
    assert await sets(source) == [(None, "")]


async def test_several_sources_without_grid() -> None:
    """Two -p could mean two things, so the user says which."""
    with pytest.raises(ParameterError) as caught:
        await open_source(Request(specs=("rows.csv", "only_a.csv")), AB, text=True)
    assert str(caught.value) == "-p was given 2 times: use it once, or add --grid to run the product of the sources"


async def test_bad_constant_and_default() -> None:
    """Values that do not convert are found before the start; a secret one is not printed."""
    for wanted, constants, message in [
        (query("a:bigint"), {"a": "x"}, '--param a: "x" is not a bigint (:a of q.sql:q)'),
        (query("a*"), {"a": ""}, "--param a: NULL is not a list: write a JSON array such as [1,2] (:a of q.sql:q)"),
        (query(Parameter("a", type="int", secret=True)), {"a": "x"}, "--param a: *** is not an int (:a of q.sql:q)"),
        (
            query(Parameter("a", type="int", default="x", has_default=True)),
            {},
            'default of :a: "x" is not an int (:a of q.sql:q)',
        ),
    ]:
        with pytest.raises(ParameterError) as caught:
            await open_source(Request(constants=constants), wanted, text=False)
        assert str(caught.value) == message


async def test_query_file_as_source(tmp_path: Path) -> None:
    """`@FILE.sql:NAME` hands the query to the caller's rows; one with placeholders is refused."""
    (tmp_path / "src.sql").write_text("-- name: ids\nselect a\n-- name: other(x)\nselect :x\n")
    (tmp_path / "one.sql").write_text("select 1 as a")
    asked: list[object] = []

    async def rows(source: object) -> AsyncIterator[tuple[tuple[str, ...], Sequence[Sequence[object]]]]:
        asked.append(source)
        yield ("a",), [["1", "2"]]

    assert await sets(await opened("@src.sql:ids", query("a"), rows=rows)) == [("1",), ("2",)]
    assert await sets(await opened("@one.sql", query("a"), rows=rows)) == [("1",), ("2",)]
    assert [getattr(q, "name", None) for q in asked] == ["ids", "one"]
    for spec, kind, message in [
        ("@src.sql", ParameterError, "the file has several queries: write @src.sql:ids, for example"),
        ("@src.sql:other", ParameterError, 'this one needs "x"'),
        ("@src.sql:idz", QueryFileError, "idz"),
        ("@src.sq:ids", ParameterError, "src.sq: no such file"),
    ]:
        with pytest.raises(kind, match=message):
            await opened(spec, query("a"), rows=rows)
