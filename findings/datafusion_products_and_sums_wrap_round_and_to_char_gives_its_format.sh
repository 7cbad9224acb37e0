#!/usr/bin/env bash
# DataFusion: 65536 * 65536 of two int columns is 0, also in WHERE, a sum of bigint is negative, and to_char(day, 'YYYY-MM-DD') is 'YYYY-MM-DD'. No error.
#
# datafusion 55.0.0 (Python), PostgreSQL 15 and DuckDB 2.0.1 for comparison. A good guess: it speaks the SQL of PostgreSQL, its parser's dialect and its names of
# functions are that, and "integer out of range" is an error, as it is in its own abs, gcd, factorial, division and CAST. In fact +, - and * of integers and sum
# wrap round. to_char takes formats of Rust's chrono (%Y-%m-%d) and gives other letters back as they are. A month is longer than 30 days and
# not equal to them, where PostgreSQL compares as 30 days.
# For many queries: engines that are built on it inherit this; the total of a large order and the rows of `where qty * price > 1000` are wrong, while avg
# is right. Cast to bigint or decimal before `*`.
#
# Output seen:
#   query                                                  DataFusion             DuckDB                  PostgreSQL
#   select qty * price from t                              0                      OutOfRangeException     NumericValueOutOfRange
#   select count(*) from t where qty * price > 1000        0                      OutOfRangeException     NumericValueOutOfRange
#   select sum(big) from t2                                -2                     18446744073709551614    18446744073709551614
#   select big + 1 from t2 limit 1                         -9223372036854775808   OutOfRangeException     NumericValueOutOfRange
#   select abs(-big - 1) from t2 limit 1                   Exception              OutOfRangeException     NumericValueOutOfRange
#   select to_char(date '2026-11-30', 'YYYY-MM-DD')        YYYY-MM-DD             CatalogException        2026-11-30
#   select interval '1 month' = interval '30 days'         False                  True                    True
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'datafusion==55.0.0' 'duckdb==2.0.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

venv/bin/python - <<'PY'
import os

import datafusion
import duckdb
import psycopg

fusion = datafusion.SessionContext()
duck = duckdb.connect()
pg = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)


def ask_fusion(query):
    return [tuple(row.values()) for batch in fusion.sql(query).collect() for row in batch.to_pylist()]


ENGINES = (ask_fusion, lambda query: duck.execute(query).fetchall(), lambda query: pg.execute(query).fetchall())
for statement in (
    "create table t as select cast(65536 as int) as qty, cast(65536 as int) as price",
    "create table t2 as select cast(9223372036854775807 as bigint) as big union all select cast(9223372036854775807 as bigint)",
):
    ask_fusion(statement), duck.execute(statement), pg.execute(statement)
FAR, RANGE = "OutOfRangeException", "NumericValueOutOfRange"
SEEN = {
    "select qty * price from t": ["0", FAR, RANGE],
    "select count(*) from t where qty * price > 1000": ["0", FAR, RANGE],
    "select sum(big) from t2": ["-2", "18446744073709551614", "18446744073709551614"],
    "select big + 1 from t2 limit 1": ["-9223372036854775808", FAR, RANGE],
    "select abs(-big - 1) from t2 limit 1": ["Exception", FAR, RANGE],
    "select to_char(date '2026-11-30', 'YYYY-MM-DD')": ["YYYY-MM-DD", "CatalogException", "2026-11-30"],
    "select interval '1 month' = interval '30 days'": ["False", "True", "True"],
}
print(f"{'query':<53}{'DataFusion':<23}{'DuckDB':<24}PostgreSQL")
for query, seen in SEEN.items():
    found = []
    for ask in ENGINES:
        try:
            found.append(str(ask(query)[0][0]))
        except Exception as error:
            found.append(type(error).__name__)
    print(f"{query:<53}{found[0]:<23}{found[1]:<24}{found[2]}")
    assert found == seen, found
PY
