#!/usr/bin/env bash
# PostgreSQL: COMMIT runs the rest of a cursor WITH HOLD, and an error of one of its rows undoes all that the transaction wrote.
#
# Version: Debian's postgresql-15 (15.x); 18.4 does the same; psycopg 3.3.9. A good guess: a cursor computes what is fetched, and a reader cannot
# harm writes that are done; after the commit each FETCH goes on computing. COMMIT runs the query again from its first row and stores the whole
# result on the server. So a row that was not fetched yet (here 10 / 0) fails COMMIT with 22012, and the INSERT before it is gone. nextval is
# called for all rows, for fetched ones twice, and a result of 300 MB goes to temporary files by a COMMIT after one fetched row.
# For many queries: in a transaction that writes, open no cursor WITH HOLD; read what it needs before, or use a second connection.
#
# Output seen:
#   without hold: fetched [5, 10], commit ok, rows of the log 1
#   with hold:    fetched [5, 10], commit 22012, rows of the log 0
#   nextval of 1,000 rows after one fetched row: without hold 1, with hold 1001
#   written to temporary files by COMMIT after one fetched row of 300,000: over 250 MB
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import psycopg

connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres")
connection.execute("create table divisors as select 3 - i as x from generate_series(1, 10) as i")
connection.execute("create table log (n int)")
connection.commit()


def insert_and_read(hold):
    connection.execute("truncate log")
    connection.commit()
    connection.execute("insert into log values (1)")
    cursor = psycopg.ServerCursor(connection, "c", withhold=hold)
    cursor.execute("select 10 / x from divisors")
    fetched = [value for (value,) in cursor.fetchmany(2)]
    try:
        connection.commit()
        commit = "ok"
    except psycopg.Error as error:
        commit = error.sqlstate
    rows = connection.execute("select count(*) from log").fetchone()[0]
    connection.rollback()
    return fetched, commit, rows


def count_calls(hold):
    connection.execute("create sequence s")
    connection.commit()
    cursor = psycopg.ServerCursor(connection, "c", withhold=hold)
    cursor.execute("select nextval('s') from generate_series(1, 1000)")
    cursor.fetchone()
    connection.commit()
    calls = connection.execute("select last_value from s").fetchone()[0]
    connection.execute("drop sequence s")
    connection.execute("close all")
    connection.commit()
    return calls


found = [insert_and_read(hold) for hold in (False, True)]
for name, (fetched, commit, rows) in zip(("without hold:", "with hold:   "), found):
    print(f"{name} fetched {fetched}, commit {commit}, rows of the log {rows}")
calls = [count_calls(hold) for hold in (False, True)]
print(f"nextval of 1,000 rows after one fetched row: without hold {calls[0]}, with hold {calls[1]}")
cursor = psycopg.ServerCursor(connection, "c", withhold=True)
cursor.execute("select repeat('x', 1000) from generate_series(1, 300000)")
cursor.fetchone()
connection.commit()
size = connection.execute("select coalesce(sum(size), 0) from pg_ls_tmpdir()").fetchone()[0]
print(f"written to temporary files by COMMIT after one fetched row of 300,000: {'over 250 MB' if size > 250e6 else size}")
assert found == [([5, 10], "ok", 1), ([5, 10], "22012", 0)] and calls == [1, 1001] and size > 250e6
PY
