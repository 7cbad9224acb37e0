#!/usr/bin/env bash
# DuckDB: the count of `UPDATE ... FROM` and MERGE is that of the matches, not of the rows: a table of one row reports 1,000 changed rows.
#
# DuckDB 2.0.1; PostgreSQL 15.x (psycopg 3.3.9) for comparison. A good guess: the count is the number of rows that were changed, each once, or two matches
# of one row are an error, as MERGE is in PostgreSQL (21000). DuckDB counts each match. RETURNING gives the row once, with its last value,
# so the count and the rows of one statement differ. MERGE changes the row without an error and counts in the same way.
# For many queries: a limit on changed rows, or a check of the count against the sets, fails or passes for a wrong reason: compare RETURNING.
#
# Output seen, for a table of one row and 1,000 rows that match it:
#                                       duckdb    postgresql
#   count of update ... from            1000      1
#   rows of update ... from returning   1         1
#   count of merge                      1000      21000
#   count of delete ... using           1         1
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import duckdb
import psycopg

duck = duckdb.connect()
postgresql = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
for connection in (duck, postgresql):
    connection.execute("create table t (id integer primary key, v integer)")
    connection.execute("insert into t values (1, 0)")
    connection.execute("create table s as select 1 as id, i::integer as v from generate_series(1, 1000) as r(i)")

UPDATE = "update t set v = s.v from s where t.id = s.id"
STATEMENTS = {
    "count of update ... from": UPDATE,
    "rows of update ... from returning": f"{UPDATE} returning t.id",
    "count of merge": "merge into t using s on t.id = s.id when matched then update set v = s.v",
    "count of delete ... using": "delete from t using s where t.id = s.id",
}


def by_duckdb(sql):
    rows = duck.execute(sql).fetchall()
    return str(len(rows) if "returning" in sql else rows[0][0])


def by_postgresql(sql):
    try:
        return str(postgresql.execute(sql).rowcount)
    except psycopg.Error as error:
        return error.sqlstate


found = []
print(f"{'':36}{'duckdb':<10}postgresql")
for name, sql in STATEMENTS.items():
    found.append((by_duckdb(sql), by_postgresql(sql)))
    print(f"{name:<36}{found[-1][0]:<10}{found[-1][1]}")
assert found == [("1000", "1"), ("1", "1"), ("1000", "21000"), ("1", "1")]
PY
