#!/usr/bin/env bash
# SQLite: VACUUM gives the rows of a table without an index new rowids; one index on any column, or VACUUM INTO, and all keep theirs.
#
# Python 3.11's sqlite3 (SQLite 3.40.1 of Debian 12) and apsw 3.54.1.0. A good guess: all tables without an INTEGER PRIMARY KEY are alike ("VACUUM may change
# the ROWIDs", says the manual), or none changes in practice. A trial on a table with a UNIQUE column shows that rowids are kept, and the log table next to it is
# renumbered from 1 without gaps. Rowids that another table or file has noted name other rows after it, all of which exist. A walk by rowid that
# was at 6 goes on at a place that is two rows further. AUTOVACUUM and incremental_vacuum keep rowids; a dump and a copy row by row do not.
# For walks by rowid: no VACUUM until the last row is done. An INTEGER PRIMARY KEY is a rowid that stays.
#
# Output seen, ten rows without the 2nd and the 5th (rowids before: 1 3 4 6 7 8 9 10):
#   table                    sqlite3: VACUUM        VACUUM INTO            apsw: VACUUM           VACUUM INTO
#   v text                   1 2 3 4 5 6 7 8        1 3 4 6 7 8 9 10       1 2 3 4 5 6 7 8        1 3 4 6 7 8 9 10
#   v text, an index         1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10
#   v text unique            1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10
#   v text primary key       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10
#   id integer primary key   1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'apsw==3.54.1.0'
cd "$folder"
cat >look.py <<'PY'
import itertools
import sqlite3

import apsw

TABLES = {
    "v text": "create table t (v text)",
    "v text, an index": "create table t (v text); create index i on t (v)",
    "v text unique": "create table t (v text unique)",
    "v text primary key": "create table t (v text primary key)",
    "id integer primary key": "create table t (id integer primary key, v text)",
}
LIBRARIES = {"sqlite3": lambda file: sqlite3.connect(file, isolation_level=None), "apsw": apsw.Connection}
number = itertools.count()


def rowids(connection):
    return " ".join(str(rowid) for (rowid,) in connection.execute("select rowid from t order by cast(substr(v, 2) as int)"))


def after(connect, table, how):
    file, copy = f"{next(number)}.db", f"{next(number)}.db"
    connection = connect(file)
    for statement in table.split(";"):
        connection.execute(statement)
    for row in range(1, 11):
        connection.execute("insert into t (v) values (?)", (f"r{row}",))
    connection.execute("delete from t where v in ('r2', 'r5')")
    assert rowids(connection) == "1 3 4 6 7 8 9 10"
    connection.execute(how.format(copy))
    return rowids(connect(copy) if "into" in how else connection)


for name, table in TABLES.items():
    answers = [after(connect, table, how) for connect in LIBRARIES.values() for how in ("vacuum", "vacuum into '{}'")]
    print(f"{name:<25}{'       '.join(f'{answer:<16}' for answer in answers)}".rstrip())
PY
venv/bin/python look.py | tee seen
diff - seen <<'TEXT'
v text                   1 2 3 4 5 6 7 8        1 3 4 6 7 8 9 10       1 2 3 4 5 6 7 8        1 3 4 6 7 8 9 10
v text, an index         1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10
v text unique            1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10
v text primary key       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10
id integer primary key   1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10       1 3 4 6 7 8 9 10
TEXT
