"""Whatever is written by the standard library's writers comes back, and whatever else is written gets one line."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkq.errors import ParameterError
from tests.unit.parameters.reading import opened, query, sets

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
    """Delimiters, quotes, line ends and any Unicode, in batches of any size; empty is NULL."""
    out = io.StringIO(newline="")
    # With LF as its end of line, csv.writer forgets to quote a carriage return, which no reader of CSV takes.
    quoting = csv.QUOTE_ALL if end == "\n" and any("\r" in v for row in rows for v in row) else csv.QUOTE_MINIMAL
    writer = csv.writer(out, lineterminator=end, delimiter="\t" if tabs else ",", quoting=quoting)
    writer.writerows([("a", "b", "c"), *rows])
    stdin = io.BytesIO(out.getvalue().encode())
    found = await sets(await opened("-", ABC, stdin=stdin, fmt="tsv" if tabs else "csv"), size)
    assert found == [tuple(value or None for value in row) for row in rows]


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
