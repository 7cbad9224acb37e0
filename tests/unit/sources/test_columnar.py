"""Parameter sets from Parquet and Arrow files."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bulkq.errors import ParameterError
from bulkq.model import Parameter, PlaceholderKind, SourcePosition
from bulkq.sources import Request, open_source
from tests.support.sources import query

if TYPE_CHECKING:
    from bulkq.protocols import ParameterSource

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = pa.table(
    {
        "id": pa.array(range(1, 8), pa.int64()),
        "n": pa.array([Decimal("1.10")] * 7, pa.decimal128(20, 4)),
        "t": pa.array([NEW_YEAR] * 7, pa.timestamp("us", "UTC")),
        "ids": pa.array([[1, 2]] * 7),
    }
)
BOTH = query("id", "n")


def file_in(folder: Path, name: str, table: pa.Table = TABLE) -> str:
    """A file in groups of three rows."""
    path = folder / name
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=3)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    return str(path)


async def opened(spec: str, wanted: object = BOTH, **more: object) -> ParameterSource:
    """The source of one file."""
    arguments: dict[str, object] = {"text": False, **more}
    request = Request(specs=(spec,), ignore_extra_columns=True, format=arguments.pop("format", None))  # type: ignore[arg-type]
    return await open_source(request, wanted, **arguments)  # type: ignore[arg-type]


async def everything(source: ParameterSource, size: int = 2) -> list[tuple[object, ...]]:
    """All sets."""
    sets: list[tuple[object, ...]] = []
    while (batch := await source.take(size, 0)) is not None:
        sets.extend(batch.sets)
    await source.close()
    return sets


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.feather"])
@pytest.mark.parametrize("text", [False, True])
async def test_sets(name: str, text: bool, tmp_path: Path) -> None:
    """Values have the types of the file, or are their exact texts; the rows are counted, and so are their origins."""
    source = await opened(file_in(tmp_path, name), text=text)
    assert (source.total, source.typed, source.replayable) == (7, not text, True)
    batch = await source.take(2, 0)
    assert batch is not None
    assert batch.origin(1) == f"{tmp_path / name}:2"
    assert batch.end == SourcePosition(2, 0, 0, "")
    number = "1.1000" if text else Decimal("1.1000")
    assert await everything(source) == [(str(n) if text else n, number) for n in range(3, 8)]


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
@pytest.mark.parametrize("done", [0, 1, 3, 6, 7])
async def test_goes_on(name: str, done: int, tmp_path: Path) -> None:
    """A resume begins at the row group that holds the next row."""
    source = await opened(file_in(tmp_path, name), start=SourcePosition(done, 0, 0, ""))
    batch = await source.take(1, 0)
    assert (batch and batch.first) == (done + 1 if done < 7 else None)
    assert source.fraction() == pytest.approx(min(done + 1, 7) / 7)
    assert [n for n, _ in await everything(source)] == list(range(done + 2, 8))


async def test_lists_and_moments(tmp_path: Path) -> None:
    """A list is one for a list parameter; a constant is beside them."""
    wanted = query(Parameter("ids", PlaceholderKind.LIST), "t")
    path = file_in(tmp_path, "x.parquet")
    assert (await everything(await opened(path, wanted)))[0] == ([1, 2], NEW_YEAR)
    assert (await everything(await opened(path, wanted, text=True)))[0] == ("{1,2}", "2026-01-01 00:00:00.000000Z")
    assert await everything(await opened(path, query())) == [()] * 7


async def test_native_files_for_a_target_that_reads_texts(tmp_path: Path) -> None:
    """DuckDB takes Python values of such a file, and texts of all others."""
    source = await opened(file_in(tmp_path, "x.parquet"), text=True, native=True)
    assert source.typed
    await source.close()


async def test_nanoseconds(tmp_path: Path) -> None:
    """The message names file, row and column."""
    table = pa.table({"id": range(3), "n": pa.array([1000, 2000, 2001], pa.timestamp("ns"))})
    path = file_in(tmp_path, "x.parquet", table)
    with pytest.raises(ParameterError, match=r'x\.parquet:3: column "n" is a timestamp\[ns\] with nanoseconds'):
        await everything(await opened(path))


@pytest.mark.parametrize(
    ("spec", "form", "message"),
    [
        ("-", "parquet", '-p "-": Parquet is not read from a pipe'),
        ("rows.parquet.gz", None, "decompress the file"),
        ("none.parquet", None, "no such file"),
        ("text.parquet", None, "text.parquet: is not a complete Parquet file"),
        ("text.csv", "arrow", "text.csv: is neither a complete Arrow file"),
    ],
)
async def test_bad_files(
    spec: str, form: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, before anything is executed."""
    monkeypatch.chdir(tmp_path)
    for name in ("text.parquet", "text.csv", "rows.parquet.gz"):
        (tmp_path / name).write_text("id,n\n")
    with pytest.raises(ParameterError, match=message):
        await opened(spec, format=form)
