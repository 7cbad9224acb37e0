#!/usr/bin/env bash
# PostgreSQL: COPY fills a column that is GENERATED ALWAYS AS IDENTITY, which INSERT refuses, and the next INSERTs fail with duplicate keys.
#
# PostgreSQL 15.x (Debian postgresql-15), psycopg 3.3.9, adbc-driver-postgresql 1.13.0 with pyarrow 26.0.1; 18.4 does the same. A good guess: ALWAYS means that
# no client chooses the value unless it says OVERRIDING SYSTEM VALUE; INSERT fails with 428C9. COPY takes what the file has, without a word, and leaves
# the sequence where it was, so as many later inserts fail as rows were copied with the numbers that come next. All bulk loaders that use COPY do so:
# psycopg's copy(), asyncpg's copy_records_to_table(), ADBC's ingest, polars' write_database(engine="adbc").
# For many queries: the load is green, and the application breaks afterwards. Leave the column out of the COPY, or setval() behind it.
#
# Output seen:
#   way           id = 1 given   the next INSERT without an id
#   INSERT        428C9          ok
#   COPY          stored         23505
#   adbc_ingest   stored         23505
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' 'adbc-driver-postgresql==1.13.0' 'adbc-driver-manager==1.13.0' 'pyarrow==26.0.1'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import adbc_driver_postgresql.dbapi
import psycopg
import pyarrow

connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)


def insert():
    connection.execute("insert into t (id, v) values (1, 'a')")


def copy():
    with connection.cursor().copy("copy t (id, v) from stdin") as rows:
        rows.write_row((1, "a"))


def ingest():
    with adbc_driver_postgresql.dbapi.connect(f"postgresql:///postgres?host={os.getcwd()}&user=postgres") as arrow:
        with arrow.cursor() as cursor:
            cursor.adbc_ingest("t", pyarrow.table({"id": pyarrow.array([1], pyarrow.int32()), "v": ["a"]}), mode="append")
        arrow.commit()


def state(work):
    try:
        work()
    except psycopg.Error as error:
        return error.sqlstate
    return ""


found = {}
print(f"{'way':<14}{'id = 1 given':<15}the next INSERT without an id")
for name, work in {"INSERT": insert, "COPY": copy, "adbc_ingest": ingest}.items():
    connection.execute("drop table if exists t")
    connection.execute("create table t (id integer generated always as identity primary key, v text)")
    found[name] = state(work) or "stored", state(lambda: connection.execute("insert into t (v) values ('b')")) or "ok"
    print(f"{name:<14}{found[name][0]:<15}{found[name][1]}")
assert found == {"INSERT": ("428C9", "ok"), "COPY": ("stored", "23505"), "adbc_ingest": ("stored", "23505")}
PY
