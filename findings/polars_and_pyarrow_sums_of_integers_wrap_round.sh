#!/usr/bin/env bash
# polars and pyarrow: the sum of integers wraps round to a negative number, while the mean of the same column is right.
#
# polars 2.1.0, pyarrow 26.0.1; DuckDB 2.0.1 and SQLite 3.40.1 (Python 3.11) for comparison. A good guess: a sum has room, as in SQL (bigint for integer
# columns, numeric for bigint ones), or raises, as SQLite does. polars widens Int8 and Int16 and leaves Int32 as it is, also in group_by,
# cum_sum and its own SQL: an `integer` column of PostgreSQL arrives as Int32, and 1,000,000 amounts of 3,000 are too much. pyarrow widens to
# int64, so ids or nanoseconds of 64 bits wrap; `add_checked` raises, but there is no such sum. Both means are computed as floats.
# For many queries: totals taken after an export differ from totals of the database. Cast before the sum.
#
# Output seen:
#                              sum of 1,000,000 x 3,000      sum of 2**63 - 1 and 1
#   polars  sum                -1294967296                   -9223372036854775808
#   polars  group_by, sum      -1294967296                   -9223372036854775808
#   polars  SQL sum            -1294967296                   -9223372036854775808
#   pyarrow sum                3000000000                    -9223372036854775808
#   pyarrow group_by, sum      3000000000                    -9223372036854775808
#   duckdb  sum                3000000000                    9223372036854775808
#   sqlite  sum                3000000000                    OperationalError
#   polars  mean               3000.0
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pyarrow==26.0.1' 'polars==2.1.0' 'duckdb==2.0.1'
cd "$folder"

venv/bin/python - <<'PY'
import sqlite3

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

small = pa.table({"g": pa.array([1] * 1_000_000), "a": pa.array([3000] * 1_000_000, pa.int32())})
large = pa.table({"g": pa.array([1, 1]), "a": pa.array([2**63 - 1, 1])})


def by_sqlite(table):
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (g integer, a integer)")
    connection.executemany("insert into t values (?, ?)", zip(*table.to_pydict().values()))
    return connection.execute("select sum(a) from t").fetchone()[0]


def by_duckdb(table):
    connection = duckdb.connect()
    connection.register("amounts", table)
    return connection.execute("select sum(a) from amounts").fetchone()[0]


SUMS = {
    "polars  sum": lambda table: pl.from_arrow(table)["a"].sum(),
    "polars  group_by, sum": lambda table: pl.from_arrow(table).group_by("g").agg(pl.col("a").sum())["a"][0],
    "polars  SQL sum": lambda table: pl.from_arrow(table).sql("select sum(a) as a from self")["a"][0],
    "pyarrow sum": lambda table: pc.sum(table["a"]).as_py(),
    "pyarrow group_by, sum": lambda table: table.group_by("g").aggregate([("a", "sum")])["a_sum"][0].as_py(),
    "duckdb  sum": by_duckdb,
    "sqlite  sum": by_sqlite,
}
found = []
for name, add in SUMS.items():
    answers = []
    for table in (small, large):
        try:
            answers.append(str(add(table)))
        except Exception as error:
            answers.append(type(error).__name__)
    print(f"{name:<27}{answers[0]:<30}{answers[1]}")
    found.append(tuple(answers))
mean = pl.from_arrow(small)["a"].mean()
print(f"polars  mean               {mean}")
right, wrapped = "3000000000", "-9223372036854775808"
assert found == [
    *[("-1294967296", wrapped)] * 3, (right, wrapped), (right, wrapped), (right, "9223372036854775808"), (right, "OperationalError"),
]  # fmt: skip
assert mean == 3000
PY
