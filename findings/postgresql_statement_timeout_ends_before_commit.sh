#!/usr/bin/env bash
# PostgreSQL: statement_timeout does not cover the commit, also not that of a single INSERT in autocommit.
#
# Version: Debian's postgresql-15 (15.x); 18.4 does the same. The manual says "Abort any statement that takes more than the specified
# amount of time" (https://www.postgresql.org/docs/15/runtime-config-client.html). A good guess: a COMMIT, or an INSERT that commits by itself,
# that takes three seconds ends after one with 57014. The server switches the timer off before it commits. Deferred constraints and deferred
# constraint triggers are checked in the commit, with all the time they want. The wait for a synchronous standby has no limit either.
# For many queries: a deadline that is only the server's setting does not hold where work is deferred; keep a deadline in the client.
#
# Output seen, with statement_timeout = 1s and a deferred trigger that sleeps for 3 s:
#   select pg_sleep(3)        57014 after 1 s
#   insert, autocommit        INSERT 0 1 after 3 s
#   commit                    COMMIT after 3 s
#   set constraints immediate 57014 after 1 s
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
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import os
import time

import psycopg

connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
connection.execute("create table t (id int)")
connection.execute(
    "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(3); return null; end $$"
)
connection.execute(
    "create constraint trigger later after insert on t deferrable initially deferred for each row execute function slow()"
)
connection.execute("set statement_timeout = '1s'")
found = []


def measure(name, sql):
    began = time.monotonic()
    try:
        answer = connection.execute(sql).statusmessage
    except psycopg.Error as error:
        answer = error.sqlstate
    found.append((answer, round(time.monotonic() - began)))
    print(f"{name:<25} {answer} after {found[-1][1]} s")


measure("select pg_sleep(3)", "select pg_sleep(3)")
measure("insert, autocommit", "insert into t values (1)")
connection.execute("begin")
connection.execute("insert into t values (2)")
measure("commit", "commit")
connection.execute("begin")
connection.execute("insert into t values (3)")
measure("set constraints immediate", "set constraints all immediate")
connection.execute("rollback")
assert [answer for answer, _ in found] == ["57014", "INSERT 0 1", "COMMIT", "57014"]
assert all(low <= seconds for low, (_, seconds) in zip((1, 3, 3, 1), found))
assert connection.execute("select count(*) from t").fetchone() == (2,)
PY
