#!/usr/bin/env bash
# Python's sqlite3: `WITH ... UPDATE` is committed at once, and rollback() does not undo it; the same UPDATE without WITH is undone. SQLAlchemy too.
#
# Python 3.11's sqlite3 (SQLite 3.40.1 of Debian 12; Python 3.10, 3.12 and 3.13 do the same), aiosqlite 0.22.1, SQLAlchemy 2.1.9. A good guess: by default
# sqlite3 opens a transaction before a statement that changes rows. It looks at the first word only: INSERT, UPDATE, DELETE, REPLACE. A statement
# that begins with WITH runs in autocommit, so `with engine.begin()` of SQLAlchemy whose block raises leaves it in the file, and its rowcount is -1.
# A transaction that is open already covers it, so the order of two statements decides whether the first one can be undone.
# For many queries: open the transaction oneself (isolation_level=None and BEGIN; from Python 3.12 on autocommit=False).
#
# Output seen:
#                            in_transaction   rowcount   rows changed after the rollback
#   sqlite3     UPDATE       True             1          0
#   sqlite3     WITH UPDATE  False            -1         1
#   aiosqlite   UPDATE       True             1          0
#   aiosqlite   WITH UPDATE  False            -1         1
#   sqlalchemy  UPDATE       True             1          0
#   sqlalchemy  WITH UPDATE  False            -1         1
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'aiosqlite==0.22.1' 'SQLAlchemy==2.1.9'
cd "$folder"

venv/bin/python - <<'PY'
import asyncio
import sqlite3
from contextlib import closing

import aiosqlite
import sqlalchemy as sa

UPDATE = "update t set v = 1 where id = 1"
TEXTS = {"UPDATE": UPDATE, "WITH UPDATE": f"with chosen as (select 1 as id) {UPDATE} and id in (select id from chosen)"}


def make(file):
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("create table t (id integer primary key, v integer); insert into t values (1, 0), (2, 0)")


def count(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("select count(*) from t where v = 1").fetchone()[0]


def plain(file, text):
    with closing(sqlite3.connect(file)) as connection:
        cursor = connection.execute(text)
        answer = connection.in_transaction, cursor.rowcount
        connection.rollback()
    return answer


async def asynchronous(file, text):
    async with aiosqlite.connect(file) as connection:
        cursor = await connection.execute(text)
        answer = connection.in_transaction, cursor.rowcount
        await connection.rollback()
    return answer


def engine(file, text):
    class Stop(Exception):
        pass

    engine = sa.create_engine(f"sqlite:///{file}")
    try:
        with engine.begin() as connection:
            cursor = connection.execute(sa.text(text))
            answer = connection.connection.dbapi_connection.in_transaction, cursor.rowcount
            raise Stop
    except Stop:
        engine.dispose()
        return answer


WAYS = {"sqlite3": plain, "aiosqlite": lambda file, text: asyncio.run(asynchronous(file, text)), "sqlalchemy": engine}
found = {}
print(f"{'':25}{'in_transaction':<17}{'rowcount':<11}rows changed after the rollback")
for way, run in WAYS.items():
    for name, text in TEXTS.items():
        file = f"{way}-{len(name)}.db"
        make(file)
        answer = (*run(file, text), count(file))
        found[way, name] = answer
        print(f"{way:<12}{name:<13}{answer[0]!s:<17}{answer[1]:<11}{answer[2]}")
assert found == {(way, name): (True, 1, 0) if name == "UPDATE" else (False, -1, 1) for way in WAYS for name in TEXTS}
PY
