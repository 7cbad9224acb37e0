#!/usr/bin/env bash
# SQLite and DuckDB: `open(file).close()` in the process that has the database open gives up its lock, and another process gets in.
#
# Python 3.11's sqlite3 (SQLite 3.40.1 of Debian 12, also others), DuckDB 2.0.1, Linux. A good guess: reading the bytes of a file (for a checksum, its size,
# its header, a copy) does nothing to a transaction. Both libraries lock with fcntl(), and POSIX drops all such locks of a process when the process
# closes any descriptor of that file, see https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_.
# The transaction goes on as if nothing had happened, its COMMIT succeeds, and a second writer may work on the same pages. In WAL mode
# SQLite's locks are in the file `-shm`, so there it does not happen unless that file is opened.
# For many queries: take copies and checksums of an open database in another process, or through the library (backup(), VACUUM INTO).
#
# Output seen, another process while this one is in a transaction (SQLite: begin immediate) or has the file open (DuckDB):
#                            before                  after open().close()
#   sqlite, journal          database is locked      begins to write
#   sqlite, WAL              database is locked      database is locked
#   duckdb                   Conflicting lock        opens it
# Exits with 1 if one of these changes. Nothing is written in the second process.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'duckdb==2.0.1'
cd "$folder"

venv/bin/python - <<'PY'
import sqlite3
import subprocess
import sys

import duckdb

SQLITE = "import sqlite3; sqlite3.connect('a.db', isolation_level=None, timeout=0).execute('begin immediate'); print('begins to write')"
DUCKDB = "import duckdb; duckdb.connect('b.duckdb'); print('opens it')"
found = []


def another(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout.strip()
    return next(words for words in ("database is locked", "Conflicting lock") if words in done.stderr)


def both(name, file, code):
    before = another(code)
    open(file, "rb").close()
    found.append((before, another(code)))
    print(f"{name:<24} {before:<23} {found[-1][1]}")


connection = sqlite3.connect("a.db", isolation_level=None)
connection.execute("create table t (x)")
for name, mode in (("sqlite, journal", "delete"), ("sqlite, WAL", "wal")):
    connection.execute(f"pragma journal_mode = {mode}")
    connection.execute("begin immediate")
    connection.execute("insert into t values (1)")
    both(name, "a.db", SQLITE)
    connection.execute("commit")
held = duckdb.connect("b.duckdb")
both("duckdb", "b.duckdb", DUCKDB)
assert found == [
    ("database is locked", "begins to write"),
    ("database is locked", "database is locked"),
    ("Conflicting lock", "opens it"),
], found
PY
