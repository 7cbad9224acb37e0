#!/usr/bin/env bash
# pyturso 0.8.3 (reports SQLite 3.50.4), Python 3.11: an error of one SELECT undoes the whole open transaction.
#
# SQLite keeps a transaction open when a statement of it fails, so a program can go on or undo it. Turso, which calls itself compatible, ends it at
# once: rows that were inserted before are gone, statements after the error run in autocommit, and ROLLBACK fails. A COMMIT would fail as well.
#
# Seen:
#   sqlite3: after the error in_transaction=True  rows=1  ROLLBACK -> ok
#   turso:   after the error in_transaction=False rows=0  ROLLBACK -> DatabaseError: ... cannot rollback - no transaction is active
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


def tried(library, name):
    connection = library.connect(f"{name}.db")
    connection.isolation_level = None
    connection.execute("create table t (a integer)")
    connection.execute("begin")
    connection.execute("insert into t values (1)")
    try:
        connection.execute("select json('{')").fetchall()
    except library.Error:
        pass
    still = connection.in_transaction
    ((rows,),) = connection.execute("select count(*) from t").fetchall()
    try:
        connection.execute("rollback")
        undone = "ok"
    except library.Error as error:
        undone = f"{type(error).__name__}: {error}"
    print(f"{name}: after the error in_transaction={still} rows={rows} ROLLBACK -> {undone}")
    return still, rows, undone == "ok"


expected = {"sqlite3": (True, 1, True), "turso": (False, 0, False)}
found = {"sqlite3": tried(sqlite3, "sqlite3"), "turso": tried(turso, "turso")}
sys.exit(0 if found == expected else 1)
PY
