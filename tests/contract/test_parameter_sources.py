"""What every `ParameterSource` promises, over every implementation."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import ParameterError
from bulkq.model import Parameter, Query
from bulkq.model.shard import Shard
from bulkq.sources import Request, open_source
from bulkq.sources.iterable import MappingSource
from bulkq.sources.peekable_source import PeekableSource
from bulkq.sources.shard_source import ShardSource
from bulkq.sources.spool import SpoolingSource, open_spool
from bulkq.sources.spool_ahead import PrefetchedSource
from bulkq.sources.subset import RemainingSets, SelectedSets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from bulkq.model import Batch
    from bulkq.protocols import ParameterSource

COUNT = 24
QUERY = Query(name="q", sql="select :b, :a", parameters=(Parameter("b"), Parameter("a", type="int")))
ROWS = [(i, f"v{i}") for i in range(COUNT)]

LINES = [json.dumps({"a": a, "b": b}) for a, b in ROWS]
CSV = "a,b\n" + "".join(f"{a},{b}\n" for a, b in ROWS)
QUOTED = "a,b\n" + "".join(f'{a},"{b}"\n' for a, b in ROWS)
FAILURES = "".join(json.dumps({"n": a, "params": {"a": a, "b": b}, "outcome": "unknown"}) + "\n" for a, b in ROWS)

FILES = {
    "rows.csv": CSV.encode(),
    "quoted.csv": QUOTED.encode(),
    "crlf.csv": CSV.replace("\n", "\r\n").encode(),
    "blank.csv": CSV.replace("\n", "\n\n").encode(),
    "rows.tsv": CSV.replace(",", "\t").encode(),
    "rows.csv.gz": gzip.compress(CSV.encode()),
    "rows.jsonl": "\n".join(LINES).encode(),
    "rows.jsonl.gz": gzip.compress("\n".join(LINES).encode()),
    "failures.jsonl": FAILURES.encode(),
    "rows.json": f"[{','.join(LINES)}]".encode(),
}
STDIN = {
    "stdin csv": ("csv", CSV),
    "stdin json": (None, f"[{','.join(LINES)}]"),
    "stdin jsonl": (None, "\n".join(LINES)),
}
MEMORY = ["list", "generator", "asynchronous generator", "peeked"]
OTHERS = ["sql:select a, b from t", "grid"]
OVER = ["remaining", "only", "spooled", "spool", "ahead"]
SHARDS = ["shard"]
EVERY = [*FILES, *STDIN, *MEMORY, *OTHERS, *OVER, *SHARDS]


async def rows(_: object) -> AsyncIterator[tuple[tuple[str, ...], Sequence[Sequence[object]]]]:
    """The result of the query, in uneven pieces."""
    for start, end in ((0, 5), (5, 5), (5, COUNT)):
        part = ROWS[start:end]
        yield ("a", "b"), [[a for a, _ in part], [b for _, b in part]]


def mappings() -> Iterator[dict[str, object]]:
    """One for each set."""
    for a, b in ROWS:
        yield {"a": a, "b": b}


async def mappings_later() -> AsyncIterator[dict[str, object]]:
    """One for each set."""
    for one in mappings():
        yield one


async def make_over(kind: str, folder: Path, *, text: bool) -> ParameterSource:
    """A source over another one that gives `ROWS`."""
    if kind == "remaining":
        return RemainingSets(await make("rows.csv", folder, text=text), ())
    if kind == "only":
        return SelectedSets(await make("rows.csv", folder, text=text), [(1, COUNT)])
    if kind == "ahead":
        spool = folder / f"ahead-{len(list(folder.iterdir()))}"
        return PrefetchedSource(await make("stdin jsonl", folder, text=text), spool, QUERY, patience_s=10.0)
    spooled = SpoolingSource(
        await make("stdin jsonl", folder, text=text), folder / f"spool-{len(list(folder.iterdir()))}"
    )
    if kind == "spooled":
        return spooled
    await drain(spooled, 5)
    await spooled.close()
    return await open_spool(spooled.path, QUERY)


async def make(kind: str, folder: Path, *, text: bool) -> ParameterSource:
    """A source of `kind` that gives `ROWS`."""
    if kind in SHARDS:
        return ShardSource(await make("rows.csv", folder, text=text), Shard(1, 1))
    if kind in OVER:
        return await make_over(kind, folder, text=text)
    if kind == "list":
        return MappingSource(QUERY, list(mappings()))
    if kind == "generator":
        return MappingSource(QUERY, mappings())
    if kind == "asynchronous generator":
        return MappingSource(QUERY, mappings_later())
    if kind == "peeked":
        peeked = PeekableSource(MappingSource(QUERY, mappings()))
        await peeked.peek(4)
        return peeked
    if kind == "grid":
        return await open_source(
            Request(specs=("sql:", "range:c=1..1"), grid=True),
            Query(name="q", sql="", parameters=(*QUERY.parameters, Parameter("c"))),
            text=text,
            rows=rows,
        )
    if kind in STDIN:
        fmt, content = STDIN[kind]
        return await open_source(
            Request(specs=("-",), format=fmt, stdin=io.BytesIO(content.encode())), QUERY, text=text
        )
    if kind in FILES:
        (folder / kind).write_bytes(FILES[kind])
        return await open_source(Request(specs=(str(folder / kind),)), QUERY, text=text)
    return await open_source(Request(specs=(kind,)), QUERY, text=text, rows=rows)


async def drain(source: ParameterSource, size: int, first_index: int = 0) -> list[Batch]:
    """Every batch."""
    found: list[Batch] = []
    while (batch := await source.take(size, first_index + len(found))) is not None:
        found.append(batch)
    return found


@pytest.mark.parametrize("size", [1, 7, COUNT, 1000])
@pytest.mark.parametrize("kind", EVERY)
async def test_batches(kind: str, size: int, tmp_path: Path) -> None:
    """Sets come in order, 1 to `size` at a time, numbered without gap; the index is the one that was given."""
    source = await make(kind, tmp_path, text=False)
    found = await drain(source, size, first_index=40)
    await source.close()
    assert [one[:2] for batch in found for one in batch.sets] == [(b, a) for a, b in ROWS]
    assert all(type(one) is tuple for batch in found for one in batch.sets)
    assert [batch.index for batch in found] == list(range(40, 40 + len(found)))
    expected = 1
    for batch in found:
        assert batch.first == expected
        assert 1 <= len(batch.sets) <= size
        assert len(batch.lines) in (0, len(batch.sets))
        expected += len(batch.sets)


@pytest.mark.parametrize("kind", EVERY)
async def test_the_end_stays(kind: str, tmp_path: Path) -> None:
    """After the last set there is None for ever, also after closing, which may be done twice."""
    source = await make(kind, tmp_path, text=True)
    await drain(source, 1000)
    for _ in range(3):
        assert await source.take(3, 99) is None
    await source.close()
    await source.close()
    assert await source.take(3, 99) is None


@pytest.mark.parametrize("kind", EVERY)
async def test_leaving_early(kind: str, tmp_path: Path) -> None:
    """A source can be closed at any time, before the first set too."""
    for taken in (0, 1):
        source = await make(kind, tmp_path, text=True)
        for index in range(taken):
            assert await source.take(2, index) is not None
        await source.close()
        await source.close()


@pytest.mark.parametrize("kind", EVERY)
async def test_total_and_fraction(kind: str, tmp_path: Path) -> None:
    """A known total is right; a fraction grows from 0 to 1; who knows neither says None."""
    source = await make(kind, tmp_path, text=True)
    assert source.total in (None, COUNT)
    seen = [source.fraction()]
    while await source.take(3, 0) is not None:
        seen.append(source.fraction())
    seen.append(source.fraction())
    known = [one for one in seen if one is not None]
    assert known == sorted(known)
    assert all(0.0 <= one <= 1.0 for one in known)
    assert known[-1:] in ([], [1.0])
    await source.close()


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind not in MEMORY])
async def test_untyped_values_are_text(kind: str, tmp_path: Path) -> None:
    """What the target is to convert is `str` or None, and `typed` says which it is."""
    source = await make(kind, tmp_path, text=True)
    assert source.typed is False
    values = [value for batch in await drain(source, 5) for one in batch.sets for value in one]
    await source.close()
    assert {type(value) for value in values} == {str}
    typed = await make(kind, tmp_path, text=False)
    assert typed.typed is True
    await typed.close()


@pytest.mark.parametrize("kind", EVERY)
async def test_what_can_be_read_again(kind: str, tmp_path: Path) -> None:
    """Files say that they are replayable and are; what is gone once read says that it is not."""
    source = await make(kind, tmp_path, text=True)
    await source.close()
    assert source.replayable is (kind in [*FILES, "remaining", "only", *SHARDS])


@pytest.mark.parametrize("kind", EVERY)
async def test_positions(kind: str, tmp_path: Path) -> None:
    """Where a batch has an end, it counts the sets before it, and grows."""
    source = await make(kind, tmp_path, text=True)
    found = await drain(source, 5)
    await source.close()
    ends = [batch.end for batch in found if batch.end is not None]
    assert [end.n for end in ends] == [b.first + len(b.sets) - 1 for b in found if b.end is not None]
    assert [end.offset for end in ends] == sorted(end.offset for end in ends)
    assert bool(ends) is (kind in [*FILES, *OVER])
    if kind in FILES:
        assert len(ends) == len(found)


@pytest.mark.parametrize("kind", [*FILES, *STDIN])
async def test_origins(kind: str, tmp_path: Path) -> None:
    """Every set of a file has its line there."""
    source = await make(kind, tmp_path, text=True)
    found = await drain(source, 5)
    await source.close()
    content = FILES[kind] if kind in FILES else STDIN[kind][1].encode()
    lines = (gzip.decompress(content) if kind.endswith(".gz") else content).decode().split("\n")
    name = str(tmp_path / kind) if kind in FILES else "stdin"
    for batch in found:
        for position, one in enumerate(batch.sets):
            origin = batch.origin(position)
            assert origin == f"{name}:{batch.lines[position]}"
            assert str(one[0]) in lines[batch.lines[position] - 1]


BROKEN = {
    "rows.csv": CSV + "1\n",
    "rows.tsv": CSV.replace(",", "\t") + '"1\t2\n',
    "rows.jsonl": "\n".join([*LINES, "{"]),
    "rows.json": f"[{','.join(LINES)}",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_broken_sources(kind: str, tmp_path: Path) -> None:
    """The sets before an error come first; the error names file and line and is final."""
    (tmp_path / kind).write_text(BROKEN[kind])
    source = await open_source(Request(specs=(str(tmp_path / kind),)), QUERY, text=True)
    for index in range(COUNT):
        assert await source.take(1, index) is not None
    with pytest.raises(ParameterError) as caught:
        await source.take(1, COUNT)
    assert str(caught.value).startswith(f"{tmp_path / kind}:")
    with pytest.raises(ParameterError):
        await source.take(1, 0)
    await source.close()
    await source.close()
