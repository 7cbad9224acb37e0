#!/usr/bin/env bash
# The same datetime without a zone, written to the same `timestamptz` column of PostgreSQL, is another instant with psycopg, asyncpg and adbc_ingest.
#
# PostgreSQL 15.x, asyncpg 0.32.0, psycopg 3.3.9, psycopg2 2.9.13, pg8000 1.31.6, adbc-driver-postgresql 1.13.0 with pyarrow 26.0.1. A good guess: a value
# without a zone belongs to the session's TimeZone, as the server's manual says, or is refused. asyncpg takes the zone of the client's machine (TZ)
# without asking the server, also for a date; adbc_ingest of an Arrow table takes UTC. The other way round, a value with a zone in a column without one (`timestamp`) is the
# session's wall clock with psycopg and psycopg2, UTC with pg8000 and adbc_ingest, and an error with asyncpg.
# For many queries: a job that is moved to another driver, or to a container with another TZ, shifts its times by hours and selects other rows.
#
# Output seen, with TimeZone = Europe/Berlin in the session and TZ=America/New_York on the client:
#              2026-11-29 12:00 -> timestamptz,   2026-11-29 -> timestamptz,   12:00+05:00 -> timestamp
#              shown in UTC                       shown in UTC
#   psycopg    2026-11-29 11:00:00                2026-11-28 23:00:00          2026-11-29 08:00:00
#   psycopg2   2026-11-29 11:00:00                2026-11-28 23:00:00          2026-11-29 08:00:00
#   pg8000     2026-11-29 11:00:00                2026-11-28 23:00:00          2026-11-29 07:00:00
#   asyncpg    2026-11-29 17:00:00                2026-11-29 05:00:00          DataError
#   ingest     2026-11-29 12:00:00                OperationalError             2026-11-29 07:00:00
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'asyncpg==0.32.0' 'psycopg[binary]==3.3.9' 'psycopg2-binary==2.9.13' 'pg8000==1.31.6' \
    'adbc-driver-postgresql==1.13.0' 'adbc-driver-manager==1.13.0' 'pyarrow==26.0.1' 'tzdata==2026.6'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c TimeZone=Europe/Berlin" start >/dev/null

TZ=America/New_York venv/bin/python - <<'PY'
import asyncio
import os
from datetime import date, datetime, timedelta, timezone

import adbc_driver_postgresql.dbapi
import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2
import pyarrow

FOLDER = os.getcwd()
NAIVE = datetime(2026, 11, 29, 12, 0)
AWARE = NAIVE.replace(tzinfo=timezone(timedelta(hours=5)))
COLUMNS = {"instant": [NAIVE, date(2026, 11, 29)], "wall": [AWARE]}
TYPES = {"instant": "timestamptz", "wall": "timestamp"}


def with_dbapi(connection, mark):
    def write(column, value):
        try:
            cursor = connection.cursor()
            cursor.execute(f"insert into t ({column}) values ({mark})", (value,))
            cursor.close()
            connection.commit()
        except Exception as error:
            connection.rollback()
            return type(error).__name__

    return write


def with_ingest(connection):
    def write(column, value):
        cursor = connection.cursor()
        try:
            cursor.adbc_ingest("t", pyarrow.table({column: [value]}), mode="append")
            connection.commit()
        except Exception as error:
            connection.rollback()
            return type(error).__name__
        finally:
            cursor.close()

    return write


def with_asyncpg(column, value):
    async def write():
        connection = await asyncpg.connect(host=FOLDER, user="postgres", database="postgres")
        try:
            await connection.execute(f"insert into t ({column}) values ($1)", value)
        except Exception as error:
            return type(error).__name__
        finally:
            await connection.close()

    return asyncio.run(write())


arrow = adbc_driver_postgresql.dbapi.connect(f"postgresql:///postgres?host={FOLDER}&user=postgres")
keeper = psycopg.connect(host=FOLDER, user="postgres", dbname="postgres", autocommit=True)
keeper.execute("create table t (instant timestamptz, wall timestamp)")
WAYS = {
    "psycopg": with_dbapi(psycopg.connect(host=FOLDER, user="postgres", dbname="postgres"), "%s"),
    "psycopg2": with_dbapi(psycopg2.connect(host=FOLDER, user="postgres", dbname="postgres"), "%s"),
    "pg8000": with_dbapi(pg8000.dbapi.connect("postgres", unix_sock=f"{FOLDER}/.s.PGSQL.5432", database="postgres"), "%s"),
    "asyncpg": with_asyncpg,
    "ingest": with_ingest(arrow),
}
found = {}
for name, write in WAYS.items():
    found[name] = []
    for column, values in COLUMNS.items():
        for value in values:
            keeper.execute("truncate t")
            error = write(column, value)
            shown = "(instant at time zone 'UTC')::text" if column == "instant" else "wall::text"
            found[name].append(error or keeper.execute(f"select {shown} from t").fetchone()[0])
    print(f"{name:<11}" + "".join(f"{text:<33}" for text in found[name]))
SESSION = ["2026-11-29 11:00:00", "2026-11-28 23:00:00"]
assert found == {
    "psycopg": [*SESSION, "2026-11-29 08:00:00"],
    "psycopg2": [*SESSION, "2026-11-29 08:00:00"],
    "pg8000": [*SESSION, "2026-11-29 07:00:00"],
    "asyncpg": ["2026-11-29 17:00:00", "2026-11-29 05:00:00", "DataError"],
    "ingest": ["2026-11-29 12:00:00", "OperationalError", "2026-11-29 07:00:00"],
}
arrow.close()
PY
