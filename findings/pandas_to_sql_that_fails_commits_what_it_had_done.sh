#!/usr/bin/env bash
# pandas: `to_sql` that raises commits what it had done so far: the rows before the bad one stay, and with delete_rows or replace the old ones are gone.
#
# Versions: pandas 3.1.1, SQLAlchemy 2.1.9, polars 2.1.0. A good guess: the call runs in one transaction (it begins one on the connection), which an
# exception rolls back, as `with engine.begin()` does around the same INSERT. to_sql leaves its transaction through the normal exit, without the
# exception, so SQLAlchemy commits. Given a sqlite3 connection instead of an engine, it rolls back. polars' write_database goes through to_sql. On
# PostgreSQL an error of the server makes that COMMIT a ROLLBACK; an error of the client (a value that cannot be sent, in a later chunk) does not.
# For loads: a job that failed and is started again inserts rows twice, or has lost the table. Give to_sql a connection whose transaction is yours.
#
# Output seen, for a table with keys 1 and 2, and rows with keys 5, 6 and 6 to be written:
#   engine.begin(), INSERT          IntegrityError  1 2
#   to_sql, sqlite3 connection      DatabaseError   1 2
#   to_sql, engine                  DatabaseError   1 2 5 6
#   to_sql, engine, delete_rows     DatabaseError   5 6
#   to_sql, own transaction         DatabaseError   1 2
#   polars write_database           DatabaseError   1 2 5 6
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pandas==3.1.1' 'SQLAlchemy==2.1.9' 'polars==2.1.0' 'pyarrow==26.0.1'
cd "$folder"
venv/bin/python - <<'PY'
import sqlite3

import pandas as pd
import polars as pl
import sqlalchemy as sa

engine = sa.create_engine("sqlite:///app.db")
new = {"a": [5, 6, 6], "b": ["p", "q", "r"]}
frame = pd.DataFrame(new)


def insert():
    with engine.begin() as connection:
        connection.execute(sa.text("insert into t values (:a, :b)"), frame.to_dict("records"))


def own_transaction():
    with engine.begin() as connection:
        frame.to_sql("t", connection, if_exists="append", index=False)


ways = {
    "engine.begin(), INSERT": insert,
    "to_sql, sqlite3 connection": lambda: frame.to_sql("t", sqlite3.connect("app.db"), if_exists="append", index=False),
    "to_sql, engine": lambda: frame.to_sql("t", engine, if_exists="append", index=False),
    "to_sql, engine, delete_rows": lambda: frame.to_sql("t", engine, if_exists="delete_rows", index=False),
    "to_sql, own transaction": own_transaction,
    "polars write_database": lambda: pl.DataFrame(new).write_database("t", "sqlite:///app.db", if_table_exists="append"),
}
found = []
for name, write in ways.items():
    connection = sqlite3.connect("app.db")
    connection.executescript("drop table if exists t; create table t (a integer primary key, b text); insert into t values (1, 'x'), (2, 'y');")
    connection.close()
    try:
        write()
        error = "none"
    except Exception as raised:
        error = type(raised).__name__
    connection = sqlite3.connect("app.db")
    keys = " ".join(str(key) for (key,) in connection.execute("select a from t order by a"))
    connection.close()
    found.append(f"{error} {keys}")
    print(f"{name:<31} {error:<15} {keys}")
assert found == [
    "IntegrityError 1 2",
    "DatabaseError 1 2",
    "DatabaseError 1 2 5 6",
    "DatabaseError 5 6",
    "DatabaseError 1 2",
    "DatabaseError 1 2 5 6",
], found
PY
