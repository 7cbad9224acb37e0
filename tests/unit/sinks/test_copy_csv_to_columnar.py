"""COPY into a columnar file."""

from __future__ import annotations

import random
from collections.abc import Awaitable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bulkq.errors import StoppedError
from bulkq.protocols import ByteSink
from bulkq.sinks import copy_csv_to_columnar
from tests.unit.sinks.test_columnar_sink import COLUMNS, QUERY, opened


async def copy(sink: object, data: bytes, chance: random.Random) -> None:
    """Write `data` in pieces of any size, and end."""
    assert isinstance(sink, ByteSink)
    while data:
        size = chance.randrange(1, 20)
        piece, data = data[:size], data[size:]
        waiting = sink.write_bytes(piece)
        if isinstance(waiting, Awaitable):
            await waiting
    end = sink.write_bytes(b"")
    assert isinstance(end, Awaitable)
    await end


@pytest.mark.parametrize("seed", range(3))
async def test_any_pieces(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the bytes arrive, and after an attempt that was taken back, the rows are the same."""
    monkeypatch.setattr(copy_csv_to_columnar, "BLOCK_BYTES", 50)
    sink = opened(tmp_path / "x.parquet")
    sink.describe(QUERY, COLUMNS)
    assert isinstance(sink, ByteSink)
    assert sink.copy_delimiter() == ","
    data = b"id,d\n" + b"".join(b"%d,2026-01-01\n" % n for n in range(100))
    mark = sink.mark()
    await copy(sink, data[:400], random.Random(seed))
    sink.back_to(mark)
    await copy(sink, data, random.Random(seed))
    assert [p.offset for p in sink.positions()] == [101]
    await sink.close(complete=True)
    assert pq.read_table(tmp_path / "x.parquet").column("id").to_pylist() == list(range(100))


async def test_what_ends_in_a_row_is_not_complete(tmp_path: Path) -> None:
    """A result whose end is missing leaves the partial."""
    sink = opened(tmp_path / "x.parquet")
    sink.describe(QUERY, COLUMNS)
    assert isinstance(sink, ByteSink)
    assert sink.copy_delimiter() == ","
    await copy(sink, b"id,d\n1,2026", random.Random(1))
    await sink.close(complete=True)
    assert [p.name for p in tmp_path.iterdir()] == ["x.parquet.partial"]


async def test_errors(tmp_path: Path) -> None:
    """A value that does not fit, and another header, stop the run."""
    for data, message in ((b"id,d\n1,infinity\n", '"infinity" does not fit'), (b"id,x\n1,\n", "other columns")):
        sink = opened(tmp_path / "x.parquet")
        sink.describe(QUERY, COLUMNS)
        assert isinstance(sink, ByteSink)
        sink.copy_delimiter()
        with pytest.raises(StoppedError, match=message):
            await copy(sink, data, random.Random(1))
        sink.discard()


async def test_rows_where_copy_does_not_fit(tmp_path: Path) -> None:
    """Without described columns, or with columns of `--include`, the sink needs rows."""
    sink = opened(tmp_path / "x.parquet")
    assert isinstance(sink, ByteSink)
    assert sink.copy_delimiter() is None
    sink.discard()
    included = opened(tmp_path / "x.parquet", include=("n",))
    included.describe(QUERY, COLUMNS)
    assert isinstance(included, ByteSink)
    assert included.copy_delimiter() is None
    included.discard()
