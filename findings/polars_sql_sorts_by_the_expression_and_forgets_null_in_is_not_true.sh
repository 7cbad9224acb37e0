#!/usr/bin/env bash
# polars SQL: `order by id` sorts by `id * -1` if that is selected, `is not true` leaves NULL out, `where false` keeps a row, log(2, 8) is a third.
#
# polars 2.1.0 (pl.SQLContext, pl.sql, DataFrame.sql), DuckDB 2.0.1 for comparison; PostgreSQL 15 and SQLite answer as DuckDB does (log of SQLite too).
# A good guess: SQL of one table answers as elsewhere, or raises SQLInterfaceError or SQLSyntaxError, as many things do. In fact an expression has the name of
# its first column unless it has an alias, and ORDER BY, also `t.id`, finds this name first. IS NOT TRUE is NOT, so NULL stays NULL and the row goes.
# WHERE of a SELECT without FROM is not applied. log takes the base last. Products of two int32 stay int32 and wrap round, in WHERE too.
# For many queries: `order by id limit 1` gives another row, checks that look for "not done" count too little, and the same text of SQL is right in DuckDB.
# Give every expression an alias, write `done is distinct from true`, cast to bigint before `*`.
#
# Output seen, for the rows (id 1, delta 30, done), (2, 10, not done), (3, 20, NULL):
#   query                                                       polars    DuckDB
#   select id + delta from t order by id limit 1                12        31
#   select id * -1 from t order by t.id                         -3 -2 -1  -1 -2 -3
#   select id + delta as x from t order by id limit 1           31        31
#   select count(*) from t where done is not true               1         2
#   select count(*) from t where done is distinct from true     2         2
#   select count(*) from t where not (done is true)             1         2
#   select sum(a) from (select 5 as a where false) x            5         None
#   select log(2, 8)                                            0.333     3.000
#   select count(*) from t where w * w > 1000 (w is 65536)      0         OutOfRangeException
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'polars==2.1.0' 'duckdb==2.0.1' 'pyarrow==26.0.1'
cd "$folder"

venv/bin/python - <<'PY'
import duckdb
import polars as pl

t = pl.DataFrame(
    {"id": [1, 2, 3], "delta": [30, 10, 20], "done": [True, False, None], "w": [65536, 65536, 65536]}, schema_overrides={"w": pl.Int32}
)
context = pl.SQLContext(t=t, eager=True)
duck = duckdb.connect()
duck.register("t", t.to_arrow())


def show(rows):
    return " ".join(f"{value:.3f}" if isinstance(value, float) else str(value) for (value,) in rows)


SEEN = {
    "select id + delta from t order by id limit 1": ("12", "31"),
    "select id * -1 from t order by t.id": ("-3 -2 -1", "-1 -2 -3"),
    "select id + delta as x from t order by id limit 1": ("31", "31"),
    "select count(*) from t where done is not true": ("1", "2"),
    "select count(*) from t where done is distinct from true": ("2", "2"),
    "select count(*) from t where not (done is true)": ("1", "2"),
    "select sum(a) from (select 5 as a where false) x": ("5", "None"),
    "select log(2, 8)": ("0.333", "3.000"),
    "select count(*) from t where w * w > 1000": ("0", "OutOfRangeException"),
}
print(f"{'query':<58}{'polars':<10}DuckDB")
for query, seen in SEEN.items():
    first = show(context.execute(query).rows())
    try:
        second = show(duck.execute(query).fetchall())
    except duckdb.Error as error:
        second = type(error).__name__
    found = first, second
    print(f"{query:<58}{found[0]:<10}{found[1]}")
    assert found == seen, found
PY
