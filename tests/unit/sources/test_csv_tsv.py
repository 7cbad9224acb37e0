"""CSV and TSV files: values, NULL, lines, and what is said about files that are broken."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import ParameterError
from bulkq.sources import Request, open_source
from tests.support.sources import batches, opened, origins, query, sets

if TYPE_CHECKING:
    from pathlib import Path

AB = query("a", "b")


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(tmp_path: Path, content: object, name: str = "rows.csv") -> str:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else str(content).encode())
    return name


GOOD: dict[str, tuple[str, list[tuple[str | None, ...]], list[int]]] = {
    "plain": ("a,b\n1,2\n3,4\n", [("1", "2"), ("3", "4")], [2, 3]),
    "no end of line at the end": ("a,b\n1,2", [("1", "2")], [2]),
    "CR LF": ("a,b\r\n1,2\r\n3,4\r\n", [("1", "2"), ("3", "4")], [2, 3]),
    "byte order mark": ("\ufeffa,b\n1,2\n", [("1", "2")], [2]),
    "order of the query": ("b,a\n2,1\n", [("1", "2")], [2]),
    "empty is NULL": ("a,b\n,2\n1,\n,\n", [(None, "2"), ("1", None), (None, None)], [2, 3, 4]),
    "quoted empty is text": (
        'a,b\n"",2\n"a,"",b",""\r\n"",""\n"\n""",""',
        [("", "2"), ('a,",b', ""), ("", ""), ('\n"', "")],
        [2, 3, 4, 5],
    ),
    "blank lines": ("a,b\n\n1,2\n\n\n3,4\n\n", [("1", "2"), ("3", "4")], [3, 6]),
    "blank lines between quotes": ('a,b\n\n"1",2\n\n\n3,4\n\n', [("1", "2"), ("3", "4")], [3, 6]),
    "blank lines above the header": ("\n\na,b\n1,2\n", [("1", "2")], [4]),
    "only blank lines below": ("a,b\n\n\n\n\n\n", [], []),
    "quoted": ('a,b\n"1,1","2 ""x"""\n', [("1,1", '2 "x"')], [2]),
    "lines inside quotes": (
        'a,b\n"1\n1",2\n3,"4\r\n\n4"\n5,6\n',
        [("1\n1", "2"), ("3", "4\r\n\n4"), ("5", "6")],
        [2, 4, 7],
    ),
    "a header over two lines": ('"a",b,"c\nd"\n1,2,3\n', [("1", "2")], [3]),
    "a quote within a field": ('a,b\n5" pipe,2\n', [('5" pipe', "2")], [2]),
    "separators of Unicode end no line": ("a,b\n1\u20281,\x0b2\x1c\n", [("1\u20281", "\x0b2\x1c")], [2]),
    "spaces stay": ("a,b\n 1 ,2\n", [(" 1 ", "2")], [2]),
}


@pytest.mark.parametrize("size", [1, 2, 50])
@pytest.mark.parametrize("case", GOOD)
async def test_rows_of_csv(tmp_path: Path, case: str, size: int) -> None:
    """Values and lines come out as written, in batches of any size."""
    content, rows, lines = GOOD[case]
    name = write(tmp_path, content)
    assert await sets(await opened(name, AB, extra=True), size) == rows
    assert await origins(await opened(name, AB, extra=True), size) == lines


ONE_COLUMN: dict[str, tuple[str, list[str | None]]] = {
    "an empty line": ("a\n1\n\n3\n", ["1", None, "3"]),
    "CR LF": ("a\r\n1\r\n\r\n3\r\n", ["1", None, "3"]),
    "first and last": ("a\n\n1\n\n", [None, "1", None]),
    "no end of line at the end": ("a\n\n1", [None, "1"]),
    "nothing else": ("a\n\n\n", [None, None]),
    "between quotes": ('a\n"1"\n\n""\n3\n\n', ["1", None, "", "3", None]),
    "CR LF between quotes": ('a\r\n"1"\r\n\r\n""\r\n', ["1", None, ""]),
    "above the header": ("\n\na\n\n1\n", [None, "1"]),
}


@pytest.mark.parametrize("size", [1, 2, 50])
@pytest.mark.parametrize("case", ONE_COLUMN)
async def test_an_empty_line_of_one_column(tmp_path: Path, case: str, size: int) -> None:
    """It is an empty field as in COPY: NULL, or with a marker for NULL the empty text; and a resumed run counts it."""
    content, values = ONE_COLUMN[case]
    name, one = write(tmp_path, content), query("a")
    assert await sets(await opened(name, one), size) == [(value,) for value in values]
    assert await sets(await opened(name, one, null="\\N"), size) == [(value or "",) for value in values]
    above = content.index("a")
    assert await origins(await opened(name, one), size) == [above + 2 + at for at in range(len(values))]
    for batch in await batches(await opened(name, one), size):
        request = Request(specs=(name,))
        rest = await sets(await open_source(request, one, text=True, start=batch.end), size)
        assert rest == [(value,) for value in values[batch.first + len(batch.sets) - 1 :]]


async def test_tabs(tmp_path: Path) -> None:
    """In TSV, a comma is a character like others and a quoted tab is one."""
    name = write(tmp_path, 'a\tb\n1,1\t2\n"x\ty"\tz\n', "rows.TSV")
    assert await sets(await opened(name, AB)) == [("1,1", "2"), ("x\ty", "z")]


async def test_a_marker_for_null(tmp_path: Path) -> None:
    """With a marker only the marker is NULL, and empty is the empty text, quoted or not."""
    name = write(tmp_path, 'a,b\n\\N,\n"",\\N\n1,2\n')
    assert await sets(await opened(name, AB, null="\\N"), 1) == [(None, ""), ("", None), ("1", "2")]


async def test_lines_are_a_range_on_the_short_way(tmp_path: Path) -> None:
    """A million line numbers are not kept where they only count up."""
    found = await batches(await opened(write(tmp_path, "a,b\n1,2\n3,4\n"), AB))
    assert found[0].lines == range(2, 4)
    assert found[0].origin(1) == "rows.csv:3"


async def test_header_without_rows(tmp_path: Path) -> None:
    """No rows is no error; the total is known to be 0 at once."""
    source = await opened(write(tmp_path, "a,b\n"), AB)
    assert (source.total, source.fraction()) == (0, 1.0)
    assert await source.take(5, 0) is None
    await source.close()


async def test_total_is_known_at_the_end(tmp_path: Path) -> None:
    """A file tells its total only by its end."""
    source = await opened(write(tmp_path, "a,b\n1,2\n3,4\n"), AB)
    assert source.total is None
    await sets(source)
    assert source.total == 2


async def test_fraction_counts_bytes_exactly(tmp_path: Path) -> None:
    """What was read ahead and given back is not counted."""
    source = await opened(write(tmp_path, 'a,b\n1,"x\nx"\n3,4\n5,6\n'), AB)
    assert source.fraction() == 4 / 20
    await source.take(1, 0)
    assert source.fraction() == 12 / 20
    await source.take(1, 1)
    assert source.fraction() == 16 / 20
    await source.close()


async def test_compressed(tmp_path: Path) -> None:
    """A .csv.gz is read like a .csv; how far one is nobody can tell."""
    name = write(tmp_path, gzip.compress(b"\xef\xbb\xbfa,b\n1,2\n", mtime=0), "rows.csv.gz")
    source = await opened(name, AB)
    assert source.fraction() is None
    assert await sets(source) == [("1", "2")]


async def test_field_of_a_document(tmp_path: Path) -> None:
    """A quoted document larger than the limit of the csv module is a value like others."""
    document = "x\n" * 100_000
    assert await sets(await opened(write(tmp_path, f'a,b\n1,"{document}"\n2,3\n'), AB)) == [("1", document), ("2", "3")]


BAD = {
    "empty file": ("", "rows.csv: the file is empty: write the column names on the first line"),
    "blank file": ("\n\n", "rows.csv: the file is empty: write the column names on the first line"),
    "too few": ("a,b\n1,2\n3\n", "rows.csv:3: 1 field, the header has 2; an empty field keeps its comma"),
    "too many": ("a,b\n1,2,3\n", "rows.csv:2: 3 fields, the header has 2; quote a field that holds a comma"),
    "several": (
        "a,b\n1\n1,2\n1,2,3\n",
        "rows.csv:2: 1 field, the header has 2; an empty field keeps its comma\nrows.csv:4: 3 fields, the header has 2; quote a field that holds a comma",
    ),
    "too few, quoted": ('a,b\n"1"\n', "rows.csv:2: 1 field, the header has 2; an empty field keeps its comma"),
    "not UTF-8": (
        b"a,b\n1,2\n3,\xe9\n",
        "rows.csv:3: byte 0xe9 is not UTF-8: convert the file, for example with iconv -f latin1 -t utf-8",
    ),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "rows.csv:1: encoded as UTF-16: save the file as UTF-8"),
    "gzip": (gzip.compress(b"a,b\n", mtime=0), "rows.csv:1: compressed with gzip: add .gz to the name"),
    "NUL": (b"a,b\n1,\x002\n", "rows.csv:2: a NUL character, which no database accepts in text: remove it"),
    "NUL far down": (
        b"a,b\n" + b"1,2\n" * 9000 + b"1,\x00\n",
        "rows.csv:9002: a NUL character, which no database accepts in text: remove it",
    ),
    "two columns of a name": ("a,b,a\n", 'rows.csv:1: two columns are named "a"'),
    "a column without name": (
        "a,,b\n",
        "rows.csv:1: column 2 has no name: use --extra-columns ignore if no query needs it",
    ),
    "unclosed quote": (
        'a,b\n1,2\n3,"4\n5,6\n7,8\n',
        'rows.csv:3: the quote (") opened here is not closed: close it, or write a literal quote twice',
    ),
    "unclosed quote in the header": (
        'a,"b\n1,2\n',
        'rows.csv:1: the quote (") opened here is not closed: close it, or write a literal quote twice',
    ),
    "text after a quote": (
        'a,b\n1,2\n"3"x,4\n',
        'rows.csv:3: text after a closing quote ("): write a quote inside a quoted field twice',
    ),
    "carriage return": (
        "a,b\n1,2\n3\r,4\n",
        "rows.csv:3: a carriage return outside quotes that is not part of a line end: end lines with LF or CR LF",
    ),
    "carriage return beside quotes": (
        'a,b\n"1",2\n3\r,4\n',
        "rows.csv:3: a carriage return outside quotes that is not part of a line end: end lines with LF or CR LF",
    ),
}


@pytest.mark.parametrize("size", [1, 2, 50_000])
@pytest.mark.parametrize("case", BAD)
async def test_broken_csv(tmp_path: Path, case: str, size: int) -> None:
    """Every broken file gets one clear line each, whatever the size of batches."""
    content, message = BAD[case]
    name = write(tmp_path, content)
    with pytest.raises(ParameterError) as caught:
        await sets(await opened(name, AB), size)
    expected = message if size > 1 or case != "several" else message.partition("\n")[0]
    expected = expected.partition("\n")[0] if case == "several" and size == 2 else expected
    assert str(caught.value) == expected


async def test_an_error_is_final(tmp_path: Path) -> None:
    """Who asks again after an error gets the error, not the rows behind it."""
    source = await opened(write(tmp_path, "a,b\n1\n1,2\n"), AB)
    for _ in range(2):
        with pytest.raises(ParameterError, match="1 field"):
            await source.take(1, 0)
    await source.close()


async def test_unclosed_quote_in_a_huge_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quote that is never closed does not take the whole file into memory."""
    monkeypatch.setattr("bulkq.sources.csv_tsv.MOST_RECORD", 1 << 20)
    name = write(tmp_path, 'a,b\n1,"2\n' + "3,4\n" * 700_000)
    with pytest.raises(ParameterError, match=r'^rows.csv:2: the quote \("\) opened here is not closed within 1 MB$'):
        await sets(await opened(name, AB))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a,b\n", "not compressed with gzip: remove .gz from the name"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9000, mtime=0)[:-20], "compressed file ended before"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-8] + b"\0" * 8, "cRC check failed"),
    ],
)
async def test_broken_compression(tmp_path: Path, content: bytes, reason: str) -> None:
    """A cut or damaged .gz is an error with the line that was reached."""
    name = write(tmp_path, content, "rows.csv.gz")
    with pytest.raises(ParameterError) as caught:
        await sets(await opened(name, AB), 10_000)
    assert str(caught.value).startswith("rows.csv.gz:")
    assert reason in str(caught.value)


async def test_files_that_quote_everything(tmp_path: Path) -> None:
    """With `""` as the marker, an empty field is NULL in quotes too."""
    name = write(tmp_path, 'a,b\n"","2"\n,"x"\n')
    assert await sets(await opened(name, AB, null='""')) == [(None, "2"), (None, "x")]
    assert await sets(await opened((), AB, constants={"a": "", "b": "1"}, null='""')) == [(None, "1")]


COPIED = 'a\tb\n1\ta\\tb\\\\c\n2\t\\N\n3\t"quoted"\n4\tline1\\nline2\n5\t\n\\303\\xa9\t\\q\\\\N\n'
"""As `COPY (...) TO ... WITH (HEADER)` of PostgreSQL writes it, and two escapes more that it reads."""


async def test_the_text_format_of_copy(tmp_path: Path) -> None:
    """Named as a format, COPY's text is read with its escapes, its NULL and quotes that are characters."""
    values = [("1", "a\tb\\c"), ("2", None), ("3", '"quoted"'), ("4", "line1\nline2"), ("5", ""), ("é", "q\\N")]
    name = write(tmp_path, COPIED, "rows.tsv")
    assert await sets(await opened(name, AB, fmt="copy"), 2) == values
    assert await sets(await opened(write(tmp_path, "\n\na\tb\r\n1\t-\r\n"), AB, fmt="copy", null="-")) == [("1", None)]
    for batch in await batches(await opened(name, AB, fmt="copy"), 1):
        request = Request(specs=(name,), format="copy")
        rest = await sets(await open_source(request, AB, text=True, start=batch.end), 1)
        assert rest == values[batch.first :]


@pytest.mark.parametrize("line", ['"quoted"', "a\\tb", "x\\N", "\\Nx", "\\\\"])
async def test_tsv_that_may_be_copied(tmp_path: Path, line: str) -> None:
    r"""TSV with `\\N` for NULL is not read where COPY's format and quoted fields differ, until the format is named."""
    name = write(tmp_path, f"a\tb\n1\t\\N\n2\t{line}\n", "rows.tsv")
    with pytest.raises(ParameterError, match=r"rows\.tsv:3: quotes or backslashes: use --params-format copy"):
        await sets(await opened(name, AB, null="\\N"))
    for fmt in ("copy", "tsv"):
        assert (await sets(await opened(name, AB, null="\\N", fmt=fmt)))[0] == ("1", None)


async def test_tsv_that_is_the_same_in_both(tmp_path: Path) -> None:
    """Without quotes and backslashes, TSV with a marker is read as it is."""
    name = write(tmp_path, 'a\tb\n\\N\t\nx"y\t\\N\n', "rows.tsv")
    assert await sets(await opened(name, AB, null="\\N")) == [(None, ""), ('x"y', None)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\nx\n1\\\n", "rows.csv:3: a backslash that ends the line"),
        ("a\n1\n\\.\n", "rows.csv:3: a backslash that ends the line, or \\. alone"),
        ("a\n\\xff\n", "rows.csv:2: byte 0xff is not UTF-8"),
        ("a\nb\n\\0\n", "rows.csv:3: a NUL character"),
        ("a\\xff\n1", "rows.csv:1: byte 0xff is not UTF-8"),
        ("\n\n", "rows.csv: the file is empty"),
        ("a\n1\t2\n", "rows.csv:2: 2 fields, the header has 1"),
    ],
)
async def test_broken_text_of_copy(tmp_path: Path, content: str, message: str) -> None:
    """What COPY would not take, or would end at, is named with its line."""
    with pytest.raises(ParameterError, match=re.escape(message)):
        await sets(await opened(write(tmp_path, content), query("a"), fmt="copy"))


@pytest.mark.parametrize("content", ["a,b,\n1,2,\n", "a,b,,\n1,2,,\n", "x,a,b,x\n0,1,2,3\n", ",a,b,x,x\n0,1,2,3,4\n"])
async def test_columns_that_no_query_needs(tmp_path: Path, content: str) -> None:
    """Columns without a name, or with one name, are ignored with the others; without the option it is named."""
    name = write(tmp_path, content)
    assert await sets(await opened(name, AB, extra=True)) == [("1", "2")]
    with pytest.raises(ParameterError, match=r"rows\.csv:1: .*: use --extra-columns ignore if no query needs"):
        await opened(name, AB)


async def test_a_doubled_column_that_is_needed(tmp_path: Path) -> None:
    """Which of two columns is meant cannot be told, also where others are ignored."""
    name = write(tmp_path, "a,b,a\n1,2,3\n")
    with pytest.raises(ParameterError, match='two columns are named "a"$'):
        await opened(name, AB, extra=True)
    assert await sets(await opened(name, AB, extra=True, constants={"a": "9"})) == [("9", "2")]
