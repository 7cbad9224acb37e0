"""A read run changes nothing, whatever its statement tries. The text rules of the command line are left out: the server is the guard."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.errors import BulkqError
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.tasks.run import run
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile

SETUP = (
    "create table t (id integer primary key, v integer)",
    "insert into t values (1, 1), (2, 2)",
    "create sequence s",
    "create function writes() returns integer language sql as 'update t set v = v + 1 where id = 1 returning v'",
    "create function opens() returns integer language plpgsql as $$ begin perform set_config('transaction_read_only', 'off', false); update t set v = 99; return 1; end $$",
    "create function resets() returns integer language plpgsql as $$ begin set transaction read write; update t set v = 99; return 1; end $$",
    "create function catches() returns integer language plpgsql as $$ begin update t set v = 99; return 1; exception when others then update t set v = 98; return 0; end $$",
    "create procedure commits() language plpgsql as $$ begin commit; update t set v = 99; commit; end $$",
    "create procedure plain() language sql as 'update t set v = 99'",
    "create view w as select * from t",
    "create rule r as on update to w do instead update t set v = new.v where id = new.id",
    "create materialized view m as select sum(v) as v from t",
    "create type mood as enum ('a')",
)

TRICKS = (
    "update t set v = 99",
    "delete from t",
    "insert into t values (3, 3)",
    "truncate t",
    "merge into t using t u on t.id = u.id when matched then update set v = 99",
    "with x as (update t set v = 99 returning *) select * from x",
    "with x as (delete from t returning *) select count(*) from x",
    "with x as (insert into t values (3, 3) returning *) select * from x",
    "select * into t2 from t",
    "create table t2 as select * from t",
    "create table t3 (x int)",
    "create index on t (v)",
    "alter table t add column x int",
    "drop table t",
    "comment on table t is 'x'",
    "grant select on t to public",
    "select writes()",
    "select opens()",
    "select resets()",
    "select catches()",
    "call commits()",
    "call plain()",
    "do $$ begin update t set v = 99; end $$",
    "do $$ begin commit; update t set v = 99; end $$",
    "do $$ begin rollback; set transaction read write; update t set v = 99; commit; end $$",
    "do $$ begin execute 'set session characteristics as transaction read write'; commit; update t set v = 99; end $$",
    "set transaction read write",
    "set session characteristics as transaction read write",
    "set transaction_read_only = off",
    "set default_transaction_read_only = off",
    "set local transaction_read_only = off",
    "reset transaction_read_only",
    "reset all",
    "discard all",
    "begin read write",
    "start transaction read write",
    "commit",
    "commit and chain",
    "rollback",
    "end",
    "prepare transaction 'x'",
    "select set_config('transaction_read_only', 'off', false)",
    "select set_config('default_transaction_read_only', 'off', false)",
    "select set_config('transaction_read_only', 'off', true), writes()",
    "update w set v = 99 where id = 1",
    "refresh materialized view m",
    "select nextval('s')",
    "select setval('s', 50)",
    "select lo_create(4711)",
    "copy t from program 'echo 3'",
    "lock table t in access exclusive mode",
    "select * from t for update",
    "explain analyze update t set v = 99",
    "explain (analyze) delete from t",
    "alter type mood add value 'b'",
    "alter system set work_mem = '5MB'",
    "vacuum t",
    "cluster t using t_pkey",
    "reindex table t",
    "create role mallory",
    "create temporary table x as select * from t",
    "update t set v = 99; commit",
    "select 1; update t set v = 99",
    "prepare p as update t set v = 99",
    "declare c cursor with hold for select * from t",
    "security label on table t is 'x'",
    "import foreign schema x from server y into public",
)

STATE = (
    "select (select array_agg((id, v)::text order by id) from t)::text, (select is_called from s), (select v from m), "
    "(select count(*) from pg_class where relnamespace = 'public'::regnamespace), (select count(*) from pg_largeobject_metadata), "
    "(select count(*) from pg_roles), (select count(*) from pg_enum where enumtypid = 'mood'::regtype), "
    "(select count(*) from pg_description where objoid = 't'::regclass), (select count(*) from pg_prepared_xacts), "
    "(select relacl is null from pg_class where relname = 't'), (select count(*) from pg_attribute where attrelid = 't'::regclass)"
)


async def attempt(url: str, sql: str) -> None:
    """Run `sql` three times in a row on one lane, as a read; what comes of it is not the question."""
    try:
        query = queries.inline(sql, "sqlite" if url.startswith("sqlite") else "postgres")
    except BulkqError:
        return
    request = make_run(
        queries=(query, query),
        targets=(Target(url=url),),
        concurrency=1,
        timeout_s=5.0,
        retries=0,
        format="none",
        outage_s=1.0,
    )
    try:
        await run(request, control=Control())
    except BulkqError:
        return


@pytest.mark.parametrize("path", ["direct", "pgbouncer"])
async def test_no_trick_changes_postgresql(path: str, database: str, request: pytest.FixtureRequest) -> None:
    """Not one of more than sixty statements, sent as a superuser, leaves anything changed."""
    servers.execute(database, *SETUP)
    url = database if path == "direct" else request.getfixturevalue("pgbouncer").through(database)
    before = servers.execute(database, STATE)
    for trick in TRICKS:
        await attempt(url, trick)
        assert servers.execute(database, STATE) == before, trick
    assert len(TRICKS) >= 40


async def test_no_trick_follows_another(database: str) -> None:
    """What one query of a run tried does not open the door for the next one on the same lane."""
    servers.execute(database, *SETUP)
    before = servers.execute(database, STATE)
    doors = [
        trick
        for trick in TRICKS
        if trick.startswith(("set", "select set_config", "commit", "begin", "reset", "discard", "end", "roll"))
    ]
    for door in doors:
        request = make_run(
            queries=(queries.inline(door), queries.inline("select writes()")),
            targets=(Target(url=database),),
            concurrency=1,
            retries=0,
            format="none",
        )
        with contextlib.suppress(BulkqError):
            await run(request, control=Control())
        assert servers.execute(database, STATE) == before, door


SQLITE_TRICKS = (
    "update t set v = 99",
    "delete from t",
    "insert into t values (3, 3)",
    "replace into t values (1, 99)",
    "with x as (select 1) insert into t select 9, 9 from x",
    "create table t2 (x)",
    "create temp table t2 (x)",
    "drop table t",
    "alter table t add column x",
    "create index i on t (v)",
    "pragma user_version = 5",
    "pragma journal_mode = wal",
    "pragma journal_mode = delete",
    "pragma query_only = off",
    "pragma writable_schema = on",
    "pragma auto_vacuum = full",
    "pragma incremental_vacuum",
    "pragma wal_checkpoint(truncate)",
    "pragma optimize",
    "vacuum",
    "vacuum into '{folder}/copy.db'",
    "attach '{folder}/other.db' as other",
    "attach '{path}' as again",
    "analyze",
    "reindex",
    "begin immediate",
    "begin exclusive",
    "commit",
    "rollback",
    "savepoint x",
    "release x",
    "update t set v = 1; commit",
    "explain update t set v = 99",
    "insert into t values (7, 7) returning id",
    "select load_extension('x')",
)


async def test_no_trick_changes_sqlite(sqlite_file: SqliteFile) -> None:
    """Not a byte of the file changes, and no other file appears."""
    path = sqlite_file("create table t (id integer primary key, v integer); insert into t values (1, 1), (2, 2);")
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    files = sorted(path.parent.iterdir())
    for trick in SQLITE_TRICKS:
        await attempt(f"sqlite:///{path}", trick.format(folder=path.parent, path=path))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == before, trick
        assert sorted(path.parent.iterdir()) == files, trick
