#!/usr/bin/env bash
# asyncpg, psycopg, psycopg2 and SQLAlchemy: a transaction block whose error was caught inside ends without an error, and nothing was stored.
#
# asyncpg 0.32.0, psycopg 3.3.9, psycopg2 2.9.13, SQLAlchemy 2.1.9, pg8000 1.31.6. A good guess: the block commits what it can, or raises. After an
# error the server answers COMMIT with the tag ROLLBACK, which is not an error, and of these libraries only pg8000 looks at it.
# For many queries: "catch the error of one row and go on" inside a block loses all its rows when no further statement fails; the catch has
# to be around a savepoint (a nested block).
#
# Output seen, for a block that inserts a row and catches a division by zero after it:
#   asyncpg    transaction()     no error, 0 rows
#   psycopg    transaction()     no error, 0 rows
#   psycopg    commit()          no error, 0 rows
#   psycopg2   commit()          no error, 0 rows
#   sqlalchemy begin()           no error, 0 rows
#   pg8000     commit()          InterfaceError, 0 rows
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'asyncpg==0.32.0' 'psycopg[binary]==3.3.9' 'psycopg2-binary==2.9.13' \
  'SQLAlchemy==2.1.9' 'pg8000==1.31.6'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import asyncio
import os

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2
import sqlalchemy

FOLDER = os.getcwd()
WHERE = {"host": FOLDER, "user": "postgres", "dbname": "postgres"}
watch = psycopg.connect(**WHERE, autocommit=True)
watch.execute("create table t (a int)")
INSERT, BAD = "insert into t values (1)", "select 1 / 0"


async def by_asyncpg():
    connection = await asyncpg.connect(host=FOLDER, user="postgres", database="postgres")
    try:
        async with connection.transaction():
            await connection.execute(INSERT)
            try:
                await connection.execute(BAD)
            except asyncpg.DivisionByZeroError:
                pass
    finally:
        await connection.close()


def by_psycopg():
    with psycopg.connect(**WHERE, autocommit=True) as connection, connection.transaction():
        connection.execute(INSERT)
        try:
            connection.execute(BAD)
        except psycopg.errors.DivisionByZero:
            pass


def by_commit(connection, error):
    cursor = connection.cursor()
    cursor.execute(INSERT)
    try:
        cursor.execute(BAD)
    except error:
        pass
    try:
        connection.commit()
    finally:
        connection.close()


def by_sqlalchemy():
    with sqlalchemy.create_engine(f"postgresql+psycopg://postgres@/postgres?host={FOLDER}").begin() as connection:
        connection.execute(sqlalchemy.text(INSERT))
        try:
            connection.execute(sqlalchemy.text(BAD))
        except sqlalchemy.exc.DataError:
            pass


def eight():
    return pg8000.dbapi.connect("postgres", unix_sock=f"{FOLDER}/.s.PGSQL.5432", database="postgres")


found = []
for name, block in (
    ("asyncpg    transaction()", lambda: asyncio.run(by_asyncpg())),
    ("psycopg    transaction()", by_psycopg),
    ("psycopg    commit()", lambda: by_commit(psycopg.connect(**WHERE), psycopg.Error)),
    ("psycopg2   commit()", lambda: by_commit(psycopg2.connect(**WHERE), psycopg2.Error)),
    ("sqlalchemy begin()", by_sqlalchemy),
    ("pg8000     commit()", lambda: by_commit(eight(), pg8000.dbapi.DatabaseError)),
):
    try:
        block()
        answer = "no error"
    except Exception as error:
        answer = type(error).__name__
    (rows,) = watch.execute("select count(*) from t").fetchone()
    found.append((answer, rows))
    print(f"{name:<28} {answer}, {rows} rows")
assert found == [("no error", 0)] * 5 + [("InterfaceError", 0)]
PY
