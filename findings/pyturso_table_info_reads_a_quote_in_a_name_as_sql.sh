#!/usr/bin/env bash
# pyturso 0.8.3 (reports SQLite 3.50.4), Python 3.11: pragma_table_info() reads the name of a table with a quotation mark in it as SQL.
#
# The table can be made, filled and read. But the usual query for all columns of a database, sqlite_master joined with pragma_table_info(name), ends with
# a syntax error as soon as one table has such a name, so one odd table hides the columns of all others. SQLite gives the columns.
#
# Seen:
#   sqlite3: rows 1, columns [('we"ird', 'a')]
#   turso:   rows 1, columns DatabaseError: ... near "ird": syntax error
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pyturso==0.8.3'
cd "$folder"
venv/bin/python - <<'PY'
import sqlite3
import sys

import turso

COLUMNS = "select m.name, p.name from sqlite_master as m, pragma_table_info(m.name) as p"


def tried(library, name):
    connection = library.connect(f"{name}.db", isolation_level=None)
    connection.execute('create table "we""ird" (a integer)')
    connection.execute('insert into "we""ird" values (1)')
    ((rows,),) = connection.execute('select count(*) from "we""ird"').fetchall()
    try:
        columns = str(connection.execute(COLUMNS).fetchall())
    except library.Error as error:
        columns = f"{type(error).__name__}: {error}"
    print(f"{name}: rows {rows}, columns {columns}")
    return rows, columns


found = {"sqlite3": tried(sqlite3, "sqlite3"), "turso": tried(turso, "turso")}
sound = found["sqlite3"] == (1, """[('we"ird', 'a')]""")
sys.exit(0 if sound and found["turso"][0] == 1 and "syntax error" in found["turso"][1] else 1)
PY
