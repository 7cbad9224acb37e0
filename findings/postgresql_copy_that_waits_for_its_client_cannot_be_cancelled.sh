#!/usr/bin/env bash
# PostgreSQL: neither statement_timeout nor pg_cancel_backend ends COPY FROM STDIN while the client sends nothing; its locks stay.
#
# Version: Debian's postgresql-15 (15.x); 18.4 does the same; psycopg 3.3.9. A good guess: statement_timeout "aborts any statement that takes more than the
# specified amount of time", and a session that is not idle can be cancelled. While COPY waits for the client's next message the server puts
# both off until one comes. The session is "active" (wait event ClientRead), so idle_in_transaction_session_timeout does not count it either,
# and pg_cancel_backend answers true. The next message of the client, minutes later, gets 57014. pg_terminate_backend ends it at once.
# For many queries: a loader that waits for its source (a slow file, a paused pipe) holds its row locks and its snapshot for ever; only the
# client's own deadline, or pg_terminate_backend, sets a limit.
#
# Output seen, with statement_timeout and idle_in_transaction_session_timeout of 1 s:
#   select pg_sleep(3)               57014 after 1 s
#   copy, 3 s without data           active ClientRead
#   copy, 1 s after the cancel: True active ClientRead
#   drop table by another session    55P03
#   copy, when the client goes on    57014 canceling statement due to statement timeout
#   copy, terminated while it waits  gone
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
import time

import psycopg

URL = f"host={os.getcwd()} user=postgres dbname=postgres"
other = psycopg.connect(URL, autocommit=True)
other.execute("create table t (x int)")
found = []


def note(name, value):
    print(f"{name:<33}{value}")
    found.append(value)


def state(pid):
    row = other.execute("select state, wait_event from pg_stat_activity where pid = %s", [pid]).fetchone()
    return " ".join(row) if row else "gone"


def load():
    loader = psycopg.connect(URL, autocommit=True)
    loader.execute("set statement_timeout = '1s'")
    loader.execute("set idle_in_transaction_session_timeout = '1s'")
    return loader, loader.info.backend_pid


loader, pid = load()
start = time.monotonic()
try:
    loader.execute("select pg_sleep(3)")
except psycopg.errors.QueryCanceled as error:
    note("select pg_sleep(3)", f"{error.sqlstate} after {time.monotonic() - start:.0f} s")
try:
    with loader.cursor().copy("copy t from stdin") as copy:
        copy.write("1\n")
        time.sleep(3)
        note("copy, 3 s without data", state(pid))
        (answer,) = other.execute("select pg_cancel_backend(%s)", [pid]).fetchone()
        time.sleep(1)
        note(f"copy, 1 s after the cancel: {answer}", state(pid))
        other.execute("set lock_timeout = '500ms'")
        try:
            other.execute("drop table t")
        except psycopg.errors.LockNotAvailable as error:
            note("drop table by another session", error.sqlstate)
        copy.write("2\n")
except psycopg.errors.QueryCanceled as error:
    note("copy, when the client goes on", f"{error.sqlstate} {error.diag.message_primary}")
loader, pid = load()
try:
    with loader.cursor().copy("copy t from stdin") as copy:
        copy.write("1\n")
        time.sleep(2)
        assert state(pid) == "active ClientRead"
        other.execute("select pg_terminate_backend(%s, 5000)", [pid])
        note("copy, terminated while it waits", state(pid))
except psycopg.OperationalError:
    pass
assert found == [
    "57014 after 1 s", "active ClientRead", "active ClientRead", "55P03",
    "57014 canceling statement due to statement timeout", "gone",
]  # fmt: skip
PY
