#!/usr/bin/env bash
# SQLAlchemy ORM: an UPDATE of two rows of which one is gone raises StaleDataError on psycopg, pg8000 and SQLite; on asyncpg it is silent, and commits the half.
#
# SQLAlchemy 2.1.9, asyncpg 0.32.0, psycopg 3.3.9, pg8000 1.31.6, PostgreSQL 15.x (Debian 12), SQLite of Python. A good guess: "UPDATE statement on
# table 't' expected to update 2 row(s); 1 were matched" protects every session, whatever its driver, because tests show it. asyncpg's executemany
# returns no count, so with two rows or more of one shape nothing is compared, and the change of the row that another has deleted is
# lost in silence. One row is sent by another call, so a test with one row raises on asyncpg too. A version column (version_id_col) sends
# each row alone, and raises everywhere.
# For services that change from psycopg to asyncpg: give such tables a version column, or count what an UPDATE ... RETURNING answers.
#
# Output seen:
#   two rows are changed, one of them is gone         pysqlite        psycopg         pg8000          asyncpg
#   session.execute(update(T), [two rows])            StaleDataError  StaleDataError  StaleDataError  silent
#   two objects are changed, flush                    StaleDataError  StaleDataError  StaleDataError  silent
#   one object is changed, flush                      StaleDataError  StaleDataError  StaleDataError  StaleDataError
#   two objects with a version are changed, flush     StaleDataError  StaleDataError  StaleDataError  StaleDataError
#   two objects are deleted, flush                    warning         warning         warning         silent
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'sqlalchemy[asyncio]==2.1.9' 'asyncpg==0.32.0' 'psycopg[binary]==3.3.9' 'pg8000==1.31.6'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
cat >change.py <<'PY'
import asyncio
import os
import warnings

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class T(Base):
    __tablename__ = "t"
    id: Mapped[int] = mapped_column(primary_key=True)
    v: Mapped[int]


class V(Base):
    __tablename__ = "v"
    id: Mapped[int] = mapped_column(primary_key=True)
    v: Mapped[int]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}


def bulk(session):
    session.execute(sa.update(T), [{"id": 1, "v": 10}, {"id": 99, "v": 10}])


def two(session, table=T, ids=(1, 2)):
    objects = [session.get(table, key) for key in ids]
    session.execute(sa.text(f"delete from {table.__tablename__} where id = 2"))
    for each in objects:
        each.v = 20
    session.flush()


def one(session):
    two(session, ids=(2,))


def versions(session):
    two(session, table=V)


def deletes(session):
    objects = [session.get(T, key) for key in (1, 2)]
    session.execute(sa.text("delete from t where id = 2"))
    for each in objects:
        session.delete(each)
    session.flush()


CHANGES = {
    "session.execute(update(T), [two rows])": bulk,
    "two objects are changed, flush": two,
    "one object is changed, flush": one,
    "two objects with a version are changed, flush": versions,
    "two objects are deleted, flush": deletes,
}


def fill(connection):
    Base.metadata.drop_all(connection)
    Base.metadata.create_all(connection)
    connection.execute(sa.insert(T), [{"id": 1, "v": 1}, {"id": 2, "v": 1}])
    connection.execute(sa.insert(V), [{"id": 1, "v": 1, "version": 1}, {"id": 2, "v": 1, "version": 1}])


def said(session, change):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            change(session)
            session.commit()
        except Exception as error:
            return type(error).__name__
    return "warning" if caught else "silent"


def sync(url, **options):
    engine = sa.create_engine(url, **options)
    for title, change in CHANGES.items():
        with engine.begin() as connection:
            fill(connection)
        with Session(engine) as session:
            answers[title].append(said(session, change))


async def by_asyncpg():
    engine = create_async_engine(f"postgresql+asyncpg://postgres@/postgres?host={os.getcwd()}")
    for title, change in CHANGES.items():
        async with engine.begin() as connection:
            await connection.run_sync(fill)
        async with AsyncSession(engine) as session:
            answers[title].append(await session.run_sync(said, change))
    await engine.dispose()


answers = {title: [] for title in CHANGES}
sync("sqlite:///t.db")
sync(f"postgresql+psycopg://postgres@/postgres?host={os.getcwd()}")
sync("postgresql+pg8000://postgres@/postgres", connect_args={"unix_sock": f"{os.getcwd()}/.s.PGSQL.5432"})
asyncio.run(by_asyncpg())
for title, cells in answers.items():
    print(f"{title:50}" + "".join(f"{cell:16}" for cell in cells).rstrip())
PY
venv/bin/python change.py | tee seen
diff - seen <<'TEXT'
session.execute(update(T), [two rows])            StaleDataError  StaleDataError  StaleDataError  silent
two objects are changed, flush                    StaleDataError  StaleDataError  StaleDataError  silent
one object is changed, flush                      StaleDataError  StaleDataError  StaleDataError  StaleDataError
two objects with a version are changed, flush     StaleDataError  StaleDataError  StaleDataError  StaleDataError
two objects are deleted, flush                    warning         warning         warning         silent
TEXT
