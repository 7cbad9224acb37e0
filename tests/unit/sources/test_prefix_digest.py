"""A source that goes on behind a position gives what it would have given, or says that it is not the same any more."""

from __future__ import annotations

import csv
import gzip
import io
import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkq.errors import ParameterError, RefusedError
from bulkq.model import SourcePosition
from bulkq.sources import Request, open_source
from bulkq.sources.line_reader import LineReader, open_file
from bulkq.sources.sql import QueryFeed
from tests.support.sources import batches, query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bulkq.model import Batch
    from bulkq.protocols import ParameterSource

AB = query("a", "b")
FORMATS = ["csv", "tsv", "jsonl", "json", "failures.jsonl", "csv.gz", "json.gz"]
TEXT = st.text(st.sampled_from(list('x1",\n\r\\é\u2028\t {}[]')), max_size=5)
ROWS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=9)
SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=12)
GAPS = st.lists(st.integers(0, 2), min_size=10, max_size=10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Files of this module, which are read in pieces that end anywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bulkq.sources.json_array.CHUNK", 7)
        patch.setattr("bulkq.sources.prefix_digest.BLOCK", 50)
        yield tmp_path_factory.mktemp("resuming")


def written(fmt: str, rows: list[tuple[str, str]], gaps: list[int], *, mark: bool = False) -> bytes:
    """`rows` in a format, with blank lines between them."""
    kind = fmt.removesuffix(".gz")
    out = io.StringIO(newline="")
    blanks = ["\n" * gap for gap in gaps]
    if kind in ("csv", "tsv"):
        writer = csv.writer(out, delimiter="\t" if kind == "tsv" else ",", lineterminator="\r\n")
        writer.writerow(("a", "b"))
        for row, blank in zip(rows, blanks, strict=False):
            out.write(blank)
            writer.writerow(row)
    else:
        objects = [{"a": a, "b": b} for a, b in rows]
        lines = [
            json.dumps({"n": 1, "params": one, "outcome": "unknown"} if "failures" in kind else one, ensure_ascii=False)
            for one in objects
        ]
        spaced = [blank + line for blank, line in zip(blanks, lines, strict=False)]
        out.write("\n".join(spaced) if kind != "json" else "\n[" + ",\n".join(spaced) + "\n]\n")
    data = out.getvalue().encode("utf-8-sig" if mark else "utf-8")
    return gzip.compress(data, mtime=0) if fmt.endswith(".gz") else data


async def go_on(path: Path | str, start: SourcePosition | None, **options: bool) -> ParameterSource:
    return await open_source(Request(specs=(str(path),)), AB, text=True, start=start, **options)


def flat(found: list[Batch]) -> list[tuple[int, tuple[object, ...], str]]:
    """Number, values and origin of every set."""
    return [(b.first + i, one, b.origin(i)) for b in found for i, one in enumerate(b.sets)]


async def cut(source: ParameterSource, sizes: list[int]) -> list[Batch]:
    """All batches, of `sizes` by turns."""
    found: list[Batch] = []
    try:
        while (batch := await source.take(sizes[len(found) % len(sizes)], len(found))) is not None:
            found.append(batch)
    finally:
        await source.close()
    return found


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(FORMATS), ROWS, GAPS, st.booleans(), SIZES, SIZES, st.data())
async def test_the_rest_is_the_same(
    folder: Path,
    fmt: str,
    rows: list[tuple[str, str]],
    gaps: list[int],
    mark: bool,
    sizes: list[int],
    other: list[int],
    data: st.DataObject,
) -> None:
    """Stopped after any batch, in any format, the rest has the same values, numbers, lines and positions."""
    path = folder / f"rows.{fmt}"
    path.write_bytes(written(fmt, rows, gaps, mark=mark))
    found = await cut(await go_on(path, None), sizes)
    assert [b.end.n for b in found if b.end is not None] == [b.first + len(b.sets) - 1 for b in found]
    stop = data.draw(st.integers(1, len(found)))
    start = found[stop - 1].end
    assert start is not None
    assert start.digest
    rest = await cut(await go_on(path, start), other)
    assert flat(rest) == flat(found[stop:])
    if rest:
        assert rest[-1].end == found[-1].end
        assert all(a.end and b.end and a.end.offset < b.end.offset for a, b in pairwise(found))


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "json", "failures.jsonl"])
async def test_any_byte_that_changed(fmt: str, folder: Path) -> None:
    """Whichever byte of the consumed part is another, or is not there: refused; behind it nobody looks."""
    path = folder / f"bytes.{fmt}"
    content = written(fmt, [("1", "x"), ("2", "y"), ("3", "z")], [0, 0, 1])
    path.write_bytes(content)
    source = await go_on(path, None)
    batch = await source.take(2, 0)
    await source.close()
    assert batch is not None
    start = batch.end
    assert start is not None
    assert 0 < start.offset < len(content)
    message = f"{path} changed since the run began (the first 2 parameter sets are not the same): start a new run"
    for at in range(start.offset):
        for other in (bytes([content[at] ^ 1]), b""):
            path.write_bytes(content[:at] + other + (content[at + 1 :] if other else b""))
            with pytest.raises(RefusedError) as caught:
                await go_on(path, start)
            assert str(caught.value) == message
    path.write_bytes(content[: start.offset])
    await (await go_on(path, start)).close()


async def test_compressed_files_that_changed(folder: Path) -> None:
    """A .gz that is cut off or no .gz any more is not the same; one set is spoken of as one."""
    path = folder / "cut.csv.gz"
    content = written("csv.gz", [(str(i), "x" * i) for i in range(200)], [0] * 200)
    path.write_bytes(content)
    found = await cut(await go_on(path, None), [1])
    for broken in (content[:-30], b"a,b\n1,2\n", content[:20] + b"\xff" * 40 + content[60:]):
        path.write_bytes(broken)
        with pytest.raises(RefusedError, match=r"\(the first parameter set is not the same\)|\(the first 200 "):
            await go_on(path, found[0].end if broken[:1] == b"a" else found[-1].end)


async def test_a_disk_that_fails_while_the_beginning_is_read(folder: Path) -> None:
    """That is no changed file."""

    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            return offset

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            raise OSError(5, "Input/output error")

    reader = LineReader(io.BufferedReader(Broken()), "rows", size=None, replayable=True)
    with pytest.raises(ParameterError, match=r"^rows:1: reading failed: input/output error$"):
        await reader.prove(SourcePosition(1, 4, 1, "00"))
    reader.close()


async def test_a_file_that_grew(folder: Path) -> None:
    """What was appended comes after what was there."""
    path = folder / "grown.csv"
    path.write_text("a,b\n1,2\n")
    (batch,) = await batches(await go_on(path, None))
    path.write_text("a,b\n1,2\n3,4\n")
    assert flat(await batches(await go_on(path, batch.end))) == [(2, ("3", "4"), f"{path}:3")]


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("spec", ["range:id=5..20", "range:id=5..20/3"])
async def test_ranges(spec: str, text: bool) -> None:
    """A range goes on by count; its total is that of the whole."""
    wanted = query("id") if spec.endswith("20") else query("lo", "hi")
    request = Request(specs=(spec,))
    found = await batches(await open_source(request, wanted, text=text), 2)
    for stop, batch in enumerate(found, 1):
        assert batch.end == SourcePosition(batch.first + len(batch.sets) - 1, 0, 0, "")
        source = await open_source(request, wanted, text=text, start=batch.end)
        assert source.total == len(flat(found))
        assert flat(await batches(source, 2)) == flat(found[stop:])
    with pytest.raises(RefusedError, match=r"^range:id=5..20\S* changed since the run began \(the first 30 parameter"):
        await open_source(request, wanted, text=text, start=SourcePosition(30, 0, 0, ""))


async def test_grids_and_constants(folder: Path) -> None:
    """What cannot be sought is made once more and skipped."""
    path = folder / "grid.csv"
    path.write_text("a\n1\n2\n3\n")
    request = Request(specs=(str(path), "range:b=1..2"), grid=True)
    found = await batches(await open_source(request, AB, text=True), 2)
    for stop, batch in enumerate(found, 1):
        assert batch.end == SourcePosition(2 * stop, 0, 0, "")
        assert flat(await batches(await open_source(request, AB, text=True, start=batch.end), 3)) == flat(found[stop:])
    with pytest.raises(RefusedError, match=r"^--grid changed since the run began \(the first 9 parameter sets are"):
        await open_source(request, AB, text=True, start=SourcePosition(9, 0, 0, ""))
    one = Request(constants={"a": "1", "b": "2"})
    (batch,) = await batches(await open_source(one, AB, text=True))
    assert batch.end == SourcePosition(1, 0, 0, "")
    assert await batches(await open_source(one, AB, text=True, start=batch.end)) == []


@pytest.mark.parametrize("fmt", ["csv", "jsonl", "json"])
async def test_a_position_without_digest(fmt: str, folder: Path) -> None:
    """Sets are counted where nothing else is known."""
    path = folder / f"counted.{fmt}"
    path.write_bytes(written(fmt, [("1", "x"), ("2", "y"), ("3", "z")], [0, 1, 0]))
    found = await batches(await go_on(path, None), 1)
    rest = await batches(await go_on(path, SourcePosition(2, 0, 0, "")), 1)
    assert flat(rest) == flat(found[2:])
    assert rest[-1].end == found[-1].end


async def nothing() -> AsyncIterator[tuple[tuple[str, ...], list[list[object]]]]:
    """A query without rows."""
    for piece in ():
        yield piece


async def test_what_comes_but_once(folder: Path) -> None:
    """Pipes and queries have no positions, and nobody tries to read them again."""
    stdin = io.BytesIO(b"a,b\n1,2\n")
    (batch,) = await batches(await open_source(Request(specs=("-",), format="csv", stdin=stdin), AB, text=True))
    assert batch.end is None
    start = SourcePosition(1, 8, 2, "00")
    assert not await QueryFeed("sql:select 1", nothing()).go_on(start)
    for spec in ("-", "sql:select 1", "@q.sql:x", "/dev/null"):
        with pytest.raises(RefusedError) as caught:
            await open_source(Request(specs=(spec,), format="csv", stdin=stdin), AB, text=True, start=start)
        assert str(caught.value) == f'-p "{spec}": cannot be read a second time: start a new run'


async def test_reading_begins_again(folder: Path) -> None:
    """A reader goes nowhere unless the way there was proven."""
    path = folder / "plain.txt"
    path.write_bytes(b"x\ny\n")
    reader = open_file(str(path))
    assert not reader.go_on(SourcePosition(1, 2, 1, "00"))
    with pytest.raises(RefusedError):
        await reader.prove(SourcePosition(1, 2, 1, "00"))
    reader.close()
