#!/usr/bin/env bash
# psycopg 3.3.9, autocommit=True: an `executemany` of 1,001 rows whose last row fails keeps none of the 1,000 good ones.
#
# A good guess: autocommit means that each execution commits by itself, so the rows before the error stay, as with psycopg2 and pg8000,
# and as a loop of execute() does. From 3.1 on (says its manual) executemany sends all executions as one pipeline, with one Sync message at
# the end; the server takes what lies between two Syncs for one implicit transaction. The error says nothing of the other rows.
# For many queries: "rows before the failed one are applied" is wrong after such a call; with execute() in a loop it is right.
#
# Output seen:
#   psycopg  executemany: 0 of 1000 rows stay
#   psycopg  execute:     1000 of 1000 rows stay
#   psycopg2 executemany: 1000 of 1000 rows stay
#   pg8000   executemany: 1000 of 1000 rows stay
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' 'psycopg2-binary==2.9.13' 'pg8000==1.31.6'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import os

import pg8000.dbapi
import psycopg
import psycopg2

WHERE = {"host": os.getcwd(), "user": "postgres", "dbname": "postgres"}
three, two = psycopg.connect(**WHERE, autocommit=True), psycopg2.connect(**WHERE)
two.autocommit = True
eight = pg8000.dbapi.connect("postgres", unix_sock=f"{os.getcwd()}/.s.PGSQL.5432", database="postgres")
eight.autocommit = True
three.execute("create table t (id integer primary key)")
ROWS = [(n,) for n in range(1000)] + [(0,)]
INSERT = "insert into t values (%s)"


def loop(cursor):
    for row in ROWS:
        cursor.execute(INSERT, row)


found = []
for name, connection, work in (
    ("psycopg  executemany:", three, lambda cursor: cursor.executemany(INSERT, ROWS)),
    ("psycopg  execute:    ", three, loop),
    ("psycopg2 executemany:", two, lambda cursor: cursor.executemany(INSERT, ROWS)),
    ("pg8000   executemany:", eight, lambda cursor: cursor.executemany(INSERT, ROWS)),
):
    try:
        work(connection.cursor())
        raise SystemExit("no error")
    except (psycopg.errors.UniqueViolation, psycopg2.errors.UniqueViolation, pg8000.dbapi.DatabaseError):
        pass
    found.append(three.execute("select count(*) from t").fetchone()[0])
    print(name, f"{found[-1]} of 1000 rows stay")
    three.execute("truncate t")
assert found == [0, 1000, 1000, 1000]
PY
