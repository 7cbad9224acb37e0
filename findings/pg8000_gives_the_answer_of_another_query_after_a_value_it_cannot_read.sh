#!/usr/bin/env bash
# pg8000 1.31.6: after a value that it cannot read, `select 4` answers 3, `select 5` answers 4, for the rest of the connection. No error.
#
# A good guess: a value that Python does not have (24:00, an array that begins at 5) fails its own statement, and the next statement starts afresh, as
# with psycopg, psycopg2 and asyncpg. pg8000 raises ValueError out of the middle of the server's answer and leaves the rest of it in its socket. The
# next statement reads that rest and ends without rows ("unexecuted cursor"), the one after it reads the answer of the one before, and so on.
# rollback() and commit() read the answer of another statement as well, so a commit looks done before the server has said so.
# For many queries: one odd value in row 2 of 1,000, and 998 results belong to other parameters. Close the connection after any error that is not
# pg8000.Error, or select such values ::text.
#
# Output seen (a new connection for each driver, one statement after another):
#               select 1  time '24:00'  select 3          select 4  select 5
#   pg8000      1         ValueError    ProgrammingError  3         4
#   psycopg     1         DataError     3                 4         5
#   psycopg2    1         00:00:00      3                 4         5
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pg8000==1.31.6' 'psycopg[binary]==3.3.9' 'psycopg2-binary==2.9.13'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import pg8000.dbapi
import psycopg
import psycopg2

FOLDER = os.getcwd()
STATEMENTS = ["select 1", "select time '24:00'", "select 3", "select 4", "select 5"]
CONNECTIONS = {
    "pg8000": pg8000.dbapi.connect("postgres", unix_sock=f"{FOLDER}/.s.PGSQL.5432", database="postgres"),
    "psycopg": psycopg.connect(host=FOLDER, user="postgres", dbname="postgres"),
    "psycopg2": psycopg2.connect(host=FOLDER, user="postgres", dbname="postgres"),
}


def answer(connection, statement):
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])
    except Exception as error:
        return type(error).__name__


found = {}
print(f"{'':12}" + "".join(f"{statement.removeprefix('select ') if 'time' in statement else statement:<18}" for statement in STATEMENTS))
for name, connection in CONNECTIONS.items():
    connection.autocommit = True
    found[name] = [answer(connection, statement) for statement in STATEMENTS]
    print(f"{name:<12}" + "".join(f"{value:<18}" for value in found[name]))
assert found == {
    "pg8000": ["1", "ValueError", "ProgrammingError", "3", "4"],
    "psycopg": ["1", "DataError", "3", "4", "5"],
    "psycopg2": ["1", "00:00:00", "3", "4", "5"],
}
PY
