"""Whatever is written by the standard library's writers comes back, and whatever else is written gets one line."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkq.errors import ParameterError
from bulkq.model import Column
from bulkq.sinks.csv_tsv import Delimited
from bulkq.sinks.json_rows import JsonArray, JsonLines
from tests.support.sources import opened, query, sets

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.sinks.text_sink import Format

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
TRICKY = st.text(st.sampled_from(list('",\n\r\t;\\ aé\u2028\x0b\ufeff')), max_size=8)
FIELDS = st.one_of(TEXT, TRICKY)
ABC = query("a", "b", "c")
FEW = settings(max_examples=60, deadline=None)
ENDS = st.sampled_from(["\n", "\r\n"])


@FEW
@given(st.lists(st.tuples(FIELDS, FIELDS, FIELDS), max_size=12), st.integers(1, 14), ENDS, st.booleans())
@example([("\n", "", '"')] * 5, 1, "\n", True)
async def test_csv(rows: list[tuple[str, ...]], size: int, end: str, tabs: bool) -> None:
    """Delimiters, quotes, line ends and any Unicode, in batches of any size; empty without quotes is NULL."""
    out = io.StringIO(newline="")
    # With LF as its end of line, csv.writer forgets to quote a carriage return, which no reader of CSV takes.
    quoting = csv.QUOTE_ALL if end == "\n" and any("\r" in v for row in rows for v in row) else csv.QUOTE_MINIMAL
    writer = csv.writer(out, lineterminator=end, delimiter="\t" if tabs else ",", quoting=quoting)
    writer.writerows([("a", "b", "c"), *rows])
    stdin = io.BytesIO(out.getvalue().encode())
    found = await sets(await opened("-", ABC, stdin=stdin, fmt="tsv" if tabs else "csv"), size)
    empty = "" if quoting == csv.QUOTE_ALL else None
    assert found == [tuple(value or empty for value in row) for row in rows]


@FEW
@given(st.lists(FIELDS, max_size=12), st.integers(1, 14), ENDS)
async def test_csv_of_one_column(values: list[str], size: int, end: str) -> None:
    """Of one column, csv.writer quotes what would be a blank line, so nothing is skipped."""
    out = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if end == "\n" and any("\r" in v for v in values) else csv.QUOTE_MINIMAL
    csv.writer(out, lineterminator=end, quoting=quoting).writerows([("a",), *((v,) for v in values)])
    stdin = io.BytesIO(out.getvalue().encode())
    found = await sets(await opened("-", query("a"), stdin=stdin, fmt="csv", null="\x01"), size)
    assert found == [(None if v == "\x01" else v,) for v in values]


WRITTEN = st.one_of(
    st.none(), st.sampled_from(["", "\\N", '""', "\\.", " ", "\r", "\\", '"', "NULL", "1", "\t"]), FIELDS
)
LAYOUTS: dict[str, Callable[[], Format]] = {
    "csv": lambda: Delimited(","),
    "tsv": lambda: Delimited("\t"),
    "json": JsonArray,
    "jsonl": JsonLines,
}


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 3), st.data(), st.sampled_from(list(LAYOUTS)), st.integers(1, 14))
async def test_what_is_written_is_read(width: int, data: st.DataObject, fmt: str, size: int) -> None:
    """NULL, the empty text, markers, quotes, delimiters, line ends and blanks come back as they were, in every format."""
    rows = data.draw(st.lists(st.tuples(*[WRITTEN] * width), max_size=12))
    names = "abc"[:width]
    layout, columns = LAYOUTS[fmt](), tuple(map(Column, names))
    body = layout.encode(columns, list(zip(*rows, strict=True)), len(rows)) if rows else b""
    content = (layout.head(columns) + body if rows else b"") + layout.tail(columns, empty=not rows)
    found = await sets(await opened("-", query(*names), stdin=io.BytesIO(content), fmt=fmt), size)
    assert found == rows


@FEW
@given(st.lists(st.tuples(WRITTEN, WRITTEN), max_size=12), st.integers(1, 14), ENDS)
@example([("\\N", None), (None, ""), ("\\", "\t\n\r")], 1, "\r\n")
async def test_text_of_copy(rows: list[tuple[str | None, ...]], size: int, end: str) -> None:
    """What COPY writes as text comes back: backslashes, tabs and line breaks are escaped, quotes are not."""
    escapes = str.maketrans(
        {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\x0b": "\\v", "\b": "\\b", "\f": "\\f"}
    )
    lines = ["a\tb", *("\t".join("\\N" if v is None else v.translate(escapes) for v in row) for row in rows)]
    content = "".join(line + end for line in lines).encode()
    found = await sets(await opened("-", query("a", "b"), stdin=io.BytesIO(content), fmt="copy"), size)
    assert found == rows


@FEW
@given(
    st.lists(st.tuples(FIELDS, FIELDS), min_size=1, max_size=12),
    st.integers(1, 14),
    st.sampled_from(["", "\\N", 'x"', ","]),
)
async def test_a_quoted_marker_is_text(rows: list[tuple[str, ...]], size: int, null: str) -> None:
    """The marker for NULL counts only without quotes, as in COPY."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows, (null, null)])
    stdin = io.BytesIO(out.getvalue().encode())
    found = await sets(await opened("-", query("a", "b"), stdin=stdin, fmt="csv", null=null or None), size)
    assert found == [*rows, (null, null)]


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), FIELDS)


@FEW
@given(st.lists(st.tuples(SCALARS, SCALARS, SCALARS), max_size=8), st.integers(1, 9), st.booleans(), st.booleans())
async def test_json(rows: list[tuple[object, ...]], size: int, lines: bool, ascii_only: bool) -> None:
    """Both formats of JSON give every scalar back, as itself and as the text it was written as."""
    written = [json.dumps(dict(zip("abc", row, strict=True)), ensure_ascii=ascii_only) for row in rows]
    content = ("\n".join(written) if lines else f"[{','.join(written)}]").encode()
    fmt = "jsonl" if lines else "json"
    found = await sets(await opened("-", ABC, text=False, stdin=io.BytesIO(content), fmt=fmt), size)
    assert found == rows
    found = await sets(await opened("-", ABC, stdin=io.BytesIO(content), fmt=fmt), size)
    assert found == [tuple(v if v is None or isinstance(v, str) else json.dumps(v) for v in row) for row in rows]


BYTES = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from([b"a", b"b", b",", b'"', b"\n", b"\r", b"{", b"}", b"[", b"]", b":", b"1", b"\\", b"\t"])
    ).map(b"".join),
)


@settings(max_examples=100, deadline=None)
@given(BYTES, st.sampled_from(["csv", "tsv", "json", "jsonl"]), st.booleans(), st.booleans(), st.integers(1, 5))
async def test_anything(content: bytes, fmt: str, header: bool, text: bool, size: int) -> None:
    """Any bytes are parameter sets or errors of one printable line each, never a traceback."""
    stdin = io.BytesIO((b"a,b\n" if header else b"") + content)
    wanted = query("a:int", "b*")
    try:
        found = await sets(await opened("-", wanted, text=text, stdin=stdin, fmt=fmt, extra=True), size)
    except ParameterError as error:
        for line in str(error).split("\n"):
            assert line.isprintable()
            assert 0 < len(line) <= 200
    else:
        assert all(len(one) == 2 for one in found)
