#!/usr/bin/env bash
# SQLite: interrupt() does not end a statement that waits for the lock of another connection; nor does a progress handler.
#
# Python 3.11's sqlite3 (SQLite 3.40.1 of Debian 12, also others) and apsw 3.54.1.0. A good guess: sqlite3_interrupt() "causes any pending
# database operation to abort and return at its earliest opportunity" (https://sqlite.org/c3ref/interrupt.html). While the busy timeout
# runs, SQLite sleeps and does not look. The statement ends when the timeout has passed, as "database is locked", and the interrupt is
# forgotten. The progress handler is not called in that time. (A busy handler of one's own could look; sqlite3 and apsw's timeout do not.)
# For many queries: the time that a cancelled write needs to end is the busy timeout, and its error does not say that it was cancelled.
#
# Output seen, with a busy timeout of 3 s and an interrupt after 0.5 s:
#   sqlite3: waits for a lock  OperationalError: database is locked after 3 s
#   sqlite3: computes          OperationalError: interrupted after 0 s
#   apsw:    waits for a lock  BusyError: database is locked after 3 s
#   apsw:    computes          InterruptError: interrupted after 0 s
#   calls of the progress handler while it waits: 0
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'apsw==3.54.1.0'
cd "$folder"

venv/bin/python - <<'PY'
import sqlite3
import threading
import time

import apsw

# A file for each library: two copies of SQLite in one process do not see each other's locks.
holders = sqlite3.connect("one.db", isolation_level=None), apsw.Connection("two.db")
for holder in holders:
    holder.execute("create table t (a)")
    holder.execute("begin immediate")
LONG = "with recursive n(a) as (select 1 union all select a + 1 from n) select count(*) from n limit 1"
calls = []


def attempt(name, connection, sql):
    timer = threading.Timer(0.5, connection.interrupt)
    timer.start()
    began = time.monotonic()
    try:
        for _ in connection.execute(sql):
            pass
        answer = "no error"
    except (sqlite3.Error, apsw.Error) as error:
        answer = f"{type(error).__name__}: {str(error).removeprefix('InterruptError: ').removeprefix('BusyError: ')}"
    took = round(time.monotonic() - began - 0.25)
    timer.join()
    print(f"{name:<26} {answer} after {took} s")
    return answer, took


def called():
    calls.append(time.monotonic())
    return 0


plain = sqlite3.connect("one.db", isolation_level=None, timeout=3, check_same_thread=False)
other = apsw.Connection("two.db")
other.set_busy_timeout(3000)
plain.set_progress_handler(called, 1)
began = time.monotonic()
found = [attempt("sqlite3: waits for a lock", plain, "insert into t values (1)")]
during = sum(began + 0.25 < moment < began + 2.75 for moment in calls)
plain.set_progress_handler(None, 1)
found.append(attempt("sqlite3: computes", plain, LONG))
found.append(attempt("apsw:    waits for a lock", other, "insert into t values (1)"))
found.append(attempt("apsw:    computes", other, LONG))
print(f"calls of the progress handler while it waits: {during}")
assert [answer for answer, _ in found] == [
    "OperationalError: database is locked",
    "OperationalError: interrupted",
    "BusyError: database is locked",
    "InterruptError: interrupted",
]
assert [took for _, took in found] == [3, 0, 3, 0] and during == 0
PY
