"""`Database.arrow`: record batches, and what pandas and polars make of them."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

import bulkq


async def test_types_of_the_server(postgres_url: str) -> None:
    """Batches come in the order of the sets, with the types of the server; pandas and polars read them."""
    import pandas as pd
    import polars as pl

    query = "select :n::bigint as n, 1.5::numeric(20,4) as d, null::timestamptz as t, array[:n::int] as a"
    async with bulkq.open(postgres_url) as db, db.arrow(query, ({"n": n} for n in range(50))) as batches:
        table = pa.Table.from_batches([batch async for batch in batches], batches.schema)
    assert table.schema == pa.schema(
        [("n", pa.int64()), ("d", pa.decimal128(20, 4)), ("t", pa.timestamp("us", "UTC")), ("a", pa.list_(pa.int32()))]
    )
    assert table.column("n").to_pylist() == list(range(50))
    assert table.column("d")[0].as_py() == Decimal("1.5000")
    assert batches.summary is not None
    assert pl.from_arrow(table)["n"].sum() == pd.Series(table.to_pandas()["n"]).sum() == 1225


async def test_nothing_and_failures(postgres_url: str) -> None:
    """Without rows the schema is there; a failed set raises after the last batch; a value that does not fit stops the run."""
    async with bulkq.open(postgres_url) as db:
        nothing = db.arrow("select 1 as a where false")
        assert [batch async for batch in nothing] == []
        assert nothing.schema == pa.schema([("a", pa.int32())])
        with pytest.raises(bulkq.RunFailed):
            _ = [batch async for batch in db.arrow("select 1 / :n::int as a", [{"n": 1}, {"n": 0}])]
        with pytest.raises(bulkq.StoppedError, match='column "d": "infinity" does not fit'):
            _ = [batch async for batch in db.arrow("select date 'infinity' as d")]


async def test_values_decide_where_no_type_is_declared(tmp_path: Path) -> None:
    """On SQLite the first values do."""
    file = tmp_path / "x.db"
    with sqlite3.connect(file) as base:
        base.execute("create table t as select 1 as a, 1.5 as b, null as c")
    async with bulkq.open(f"sqlite:///{file}") as db:
        (batch,) = [batch async for batch in db.arrow("select * from t")]
    assert batch.schema == pa.schema([("a", pa.int64()), ("b", pa.float64()), ("c", pa.string())])
