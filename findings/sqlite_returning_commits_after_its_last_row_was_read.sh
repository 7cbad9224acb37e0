#!/usr/bin/env bash
# SQLite: in autocommit, `INSERT ... RETURNING` of three rows is not committed while two of them wait to be read.
#
# Python 3.11's sqlite3 (SQLite 3.40.1 of Debian 12, also others), isolation_level=None; apsw 3.54.1.0 does the same. A good guess: the rows are
# inserted before the first one is returned (that is so, see https://sqlite.org/lang_returning.html), hence they are committed. The commit
# of autocommit is the end of the statement: after fetchone() other connections see nothing and cannot write, and a process that ends
# there has inserted nothing. `in_transaction` says False. Inside a transaction, commit() fails until the cursor is read out or closed.
# For many queries: read RETURNING to its end, or close the cursor, before the next thing; a reader that stops early holds the write lock.
#
# Output seen, after fetchone() has given id 1:
#   sqlite3: in_transaction=False  another connection sees 0 rows, its insert: database is locked
#   sqlite3: after close()         another connection sees 3 rows, its insert: ok
#   sqlite3: commit() before that  OperationalError: cannot commit transaction - SQL statements in progress
#   apsw:    after next()          another connection sees 0 rows, its insert: database is locked
#   apsw:    after close()         another connection sees 3 rows, its insert: ok
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'apsw==3.54.1.0'
cd "$folder"

venv/bin/python - <<'PY'
import sqlite3

import apsw

INSERT = "insert into t (v) values ('a'), ('b'), ('c') returning id"


def look(other):
    ((rows,),) = other.execute("select count(*) from t").fetchall()
    try:
        other.execute("begin immediate")
        other.execute("rollback")
        written = "ok"
    except (sqlite3.OperationalError, apsw.BusyError) as error:
        written = str(error).removeprefix("BusyError: ")
    return rows, written


def say(name, seen):
    print(f"{name:<30} another connection sees {seen[0]} rows, its insert: {seen[1]}")
    return seen


one = sqlite3.connect("one.db", isolation_level=None)
one.execute("create table t (id integer primary key, v text)")
cursor = one.execute(INSERT)
assert cursor.fetchone() == (1,)
found = [say(f"sqlite3: in_transaction={one.in_transaction}", look(sqlite3.connect("one.db", isolation_level=None, timeout=0)))]
cursor.close()
found.append(say("sqlite3: after close()", look(sqlite3.connect("one.db", isolation_level=None, timeout=0))))

two = sqlite3.connect("two.db")
two.execute("create table t (id integer primary key, v text)")
two.commit()
cursor = two.execute(INSERT)
assert cursor.fetchone() == (1,)
try:
    two.commit()
    answer = "ok"
except sqlite3.OperationalError as error:
    answer = str(error)
print(f"sqlite3: commit() before that  OperationalError: {answer}")
cursor.close()
two.commit()

# Only apsw opens this file: two copies of SQLite in one process do not see each other's locks.
three = apsw.Connection("three.db")
three.execute("create table t (id integer primary key, v text)")
cursor = three.execute(INSERT)
assert next(cursor) == (1,)
found.append(say("apsw:    after next()", look(apsw.Connection("three.db"))))
cursor.close(force=True)
found.append(say("apsw:    after close()", look(apsw.Connection("three.db"))))
assert found == [(0, "database is locked"), (3, "ok")] * 2
assert answer == "cannot commit transaction - SQL statements in progress"
PY
