"""The ready questions give right answers: each finds what was provoked, with the numbers, and nothing before."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.support.databases import fresh
from tests.support.diagnostics import ask
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.diagnostics import Row

SCHEMA = (
    "create table parent (id int primary key, a int, b int, note text)",
    "create index parent_a on parent (a)",
    "create index parent_ab on parent (a, b)",
    "create index parent_ab_again on parent (a, b)",
    "create index parent_note on parent (note)",
    "create table child (parent int references parent, n int)",
    "create table indexed (parent int references parent, other int references parent)",
    "create index on indexed (parent)",
    "create index on indexed (other) where other is not null",
    "alter table child add constraint positive check (n > 0) not valid",
    "create unlogged table scratch (id serial primary key)",
    "create table parts (id int primary key) partition by range (id)",
    "create table parts_1 partition of parts for values from (0) to (10)",
    "create table parts_rest partition of parts default",
    "insert into parent select i, i % 10, i, repeat('x', 50) from generate_series(1, 20000) i",
    "insert into parts values (5), (50), (51)",
    "create function risky() returns int language sql security definer as 'select 1'",
    "create function safe() returns int language sql security definer set search_path = pg_catalog as 'select 1'",
    "create table fired (id int primary key)",
    "create function fires() returns trigger language plpgsql as 'begin return new; end'",
    "create trigger off before insert on fired for each row execute function fires()",
    "alter table fired disable trigger off",
    "grant create on schema public to public",
    "analyze",
)


@pytest.fixture
def shop(database: str) -> str:
    """A database with one fault of each kind in its schema."""
    servers.execute(database, *SCHEMA)
    return database


async def session(stack: AsyncExitStack, url: str, name: str) -> asyncpg.Connection:
    """A connection with a name, which is closed at the end."""
    connection = await asyncpg.connect(url, server_settings={"application_name": name})
    stack.push_async_callback(connection.close, timeout=2)
    return connection


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` gives once that is true."""
    ends_s = time.monotonic() + 20
    while not (found := await look()):
        assert time.monotonic() < ends_s, "it did not come"
        await asyncio.sleep(0.05)
    return found


async def test_a_chain_of_locks_is_walked_to_its_root(database: str) -> None:
    """Root, depth, who waits for whom, how many each blocks, on which table; two waiters behind one stand below it."""
    servers.execute(database, "create table t (id int)")
    assert await ask(database, "blocking") == []
    async with AsyncExitStack() as stack:
        root, second, third = [await session(stack, database, name) for name in ("root", "second", "third")]
        pids = [one.get_server_pid() for one in (root, second, third)]
        await root.execute("begin; lock table t in access exclusive mode")
        waits = [asyncio.create_task(second.execute("begin; lock table t in access exclusive mode"))]

        async def chain(length: int) -> list[Row]:
            found = await ask(database, "blocking")
            return found if len(found) == length else []

        await until(lambda: chain(2))
        waits.append(asyncio.create_task(third.execute("select * from t")))
        found = await until(lambda: chain(3))
        assert [row["depth"] for row in found] == [0, 1, 2]
        assert [row["pid"] for row in found] == pids
        assert {row["root"] for row in found} == {pids[0]}
        assert [row["waits_for"] for row in found] == [None, *pids[:2]]
        assert [row["blocks"] for row in found] == [2, 1, 0]
        assert [row["waits_on"] for row in found] == [None, "t", "t"]
        assert [row["state"] for row in found] == ["idle in transaction", "active", "active"]
        assert found[0]["application"] == "root"
        assert found[2]["mode"] == "AccessShareLock"
        waiting = {row["wait_event"]: row["sessions"] for row in await ask(database, "waits")}
        assert waiting["relation"] == 2
        locks = {(row["mode"], row["granted"], row["waiting"]) for row in await ask(database, "locks")}
        assert {("AccessExclusiveLock", 1, 1), ("AccessShareLock", 0, 1)} <= locks
        await root.execute("rollback")
        await waits[0]
        await second.execute("rollback")
        await waits[1]


async def test_open_transactions(database: str) -> None:
    """One that is idle, with its age, its last statement and its locks; it holds back vacuum. Our own sessions are not there."""
    servers.execute(database, "create table t (id int)")
    async with AsyncExitStack() as stack:
        idle = await session(stack, database, "forgotten")
        await idle.execute("begin isolation level repeatable read; insert into t values (1)")
        asleep = await session(stack, database, "asleep")
        sleeping = asyncio.create_task(asleep.execute("select pg_sleep(60)"))
        for name in ("long_transactions", "idle_in_transaction"):
            found = {row["application"]: row for row in await ask(database, name, longer_than="0")}
            assert "insert into t" in found["forgotten"]["last_query"], name
            assert found["forgotten"]["pid"] == idle.get_server_pid()
        assert found["forgotten"]["locked_relations"] == 1
        assert "asleep" not in found

        async def long_queries() -> list[Row]:
            return [
                row for row in await ask(database, "long_queries", longer_than="0") if row["application"] == "asleep"
            ]

        assert (await until(long_queries))[0]["wait"] == "Timeout: PgSleep"
        assert {row["application"] for row in await ask(database, "activity")} >= {"forgotten", "asleep"}
        assert any(row["state"] == "idle in transaction" for row in await ask(database, "connections"))
        holders = {row["name"]: row for row in await ask(database, "oldest_snapshots", older_than="-1")}
        assert holders[f"pid {idle.get_server_pid()}"]["holder"] == "session"
        assert not any(
            row["application"].startswith("bulkq/") for row in await ask(database, "long_transactions", longer_than="0")
        )
        sleeping.cancel()
        await asyncio.gather(sleeping, return_exceptions=True)


async def test_what_the_schema_lacks(shop: str) -> None:
    """Keys, indexes and constraints: each question names its fault and nothing that is sound."""

    async def names(question: str, column: str, **values: str) -> set[Any]:
        return {row[column] for row in await ask(shop, question, **values)}

    assert await names("no_primary_key", "table") == {"child", "indexed"}
    assert await names("foreign_keys_without_index", "foreign_key") == {"child_parent_fkey"}
    assert await names("duplicate_indexes", "indexes") == {"parent_ab, parent_ab_again"}
    redundant = {(row["index"], row["covered_by"]) for row in await ask(shop, "redundant_indexes")}
    assert redundant == {("parent_a", "parent_ab"), ("parent_a", "parent_ab_again")}
    assert await names("not_valid_constraints", "constraint_name") == {"positive"}
    assert await names("unlogged", "table") == {"scratch"}
    assert await names("disabled_triggers", "trigger") == {"off"}
    assert await names("security_definer", "function") == {"risky()"}
    assert await names("public_schema", "schema") == {"public"}
    (parts,) = await ask(shop, "partitions")
    assert (parts["table"], parts["strategy"], parts["partitions"], parts["rows_in_default"]) == (
        "parts",
        "range",
        2,
        2,
    )


async def test_an_index_that_failed_is_invalid(shop: str) -> None:
    """What CREATE INDEX CONCURRENTLY leaves, and a valid index with the name of a leftover."""
    assert await ask(shop, "invalid_indexes") == []
    with pytest.raises(asyncpg.UniqueViolationError):
        servers.execute(shop, "create unique index concurrently twice on parent (a)")
    servers.execute(shop, "create index parent_note_ccnew on parent (note)")
    found = {row["index"]: row["state"] for row in await ask(shop, "invalid_indexes")}
    assert found == {"twice": "not ready", "parent_note_ccnew": "valid copy of a failed rebuild"}


async def test_use_of_indexes_and_tables(shop: str) -> None:
    """An index that was read is not unused; a table that is read whole and often lacks one."""
    unused = await ask(shop, "unused_indexes", at_least="0")
    # A database whose statistics were never reset has no time of its own: that of the server stands for it, which a crash sets.
    assert "parent_note" in {row["index"] for row in unused if row["since"] is not None}
    used = ["set enable_seqscan = off", "select count(*) from parent where note = 'y'"]
    servers.execute(shop, *used)
    servers.execute(shop, *["select count(*) from parent where b + 0 = 1"] * 3)

    async def used_by_now() -> bool:
        unused = {row["index"] for row in await ask(shop, "unused_indexes", at_least="0")}
        return "parent_note" not in unused and "parent_pkey" not in unused

    await until(used_by_now)
    # The builds of its indexes were scans of the empty table.
    (scanned,) = await until(lambda: ask(shop, "missing_indexes", scans_at_least="3", rows_at_least="5000"))
    assert (scanned["table"], scanned["full_scans"] >= 3) == ("parent", True)
    sizes = {row["table"]: row for row in await ask(shop, "table_sizes")}
    assert sizes["parent"]["rows"] == 20_000
    assert {row["index"] for row in await ask(shop, "index_sizes")} >= {"parent_pkey", "parent_note"}


async def test_numbers_that_end(database: str) -> None:
    """A bigint sequence of an integer column ends with the column; a key without a sequence is seen by its values."""
    servers.execute(
        database,
        "create table t (id int primary key)",
        "create sequence near maxvalue 100",
        "create sequence far",
        "create sequence down increment -1 minvalue -100 maxvalue -1",
        "create sequence wide owned by t.id",
        "select setval('near', 95), nextval('far'), setval('down', -80), setval('wide', 2000000000)",
        "insert into t select 2147483000 + i from generate_series(1, 200) i",
        "analyze t",
    )
    found = {row["sequence"]: (row["owner"], float(row["percent_used"])) for row in await ask(database, "sequences")}
    assert found == {"near": (None, 95.0), "wide": ("t.id", 93.1), "down": (None, 80.0)}
    (key,) = await ask(database, "integer_keys")
    assert (key["table"], key["column"], key["percent_used"]) == ("t", "id", "100.0")


async def test_space_and_dead_rows(database: str) -> None:
    """A table of which nine rows of ten are deleted: dead before VACUUM, empty space after it."""
    servers.execute(
        database,
        "create table t (id int primary key, note text) with (autovacuum_enabled = false)",
        "insert into t select i, repeat('x', 100) from generate_series(1, 50000) i",
    )
    servers.execute(database, "analyze t")
    servers.execute(database, "delete from t where id % 10 <> 0")
    (dead,) = await until(lambda: ask(database, "dead_rows"))
    assert (dead["table"], dead["dead"], dead["percent_dead"]) == ("t", 45_000, "90.0")
    (need,) = await ask(database, "vacuum_need")
    assert (need["table"], need["dead"], need["dead_threshold"], need["autovacuum"]) == ("t", 45_000, 10_050, False)
    assert [row["table"] for row in await ask(database, "stale_statistics")] == ["t"]
    assert [row["setting"] for row in await ask(database, "autovacuum_settings")] == ["autovacuum_enabled"]
    assert await ask(database, "table_bloat", at_least="0") == []
    servers.execute(database, "vacuum analyze t")
    (bloat,) = await ask(database, "table_bloat", at_least="65536")
    assert bloat["table"] == "t"
    assert 80 <= float(bloat["percent"]) <= 92
    indexes = {row["index"]: float(row["percent"]) for row in await ask(database, "index_bloat", at_least="65536")}
    assert 80 <= indexes["t_pkey"] <= 92
    servers.execute(database, "vacuum full t", "analyze t")
    assert await ask(database, "table_bloat", at_least="65536") == []
    assert await ask(database, "index_bloat", at_least="65536") == []


async def test_updates_that_are_not_hot(database: str) -> None:
    """Updates of an indexed column write to all indexes."""
    servers.execute(
        database,
        "create table t (id int primary key, a int)",
        "create index on t (a)",
        "insert into t select i, i from generate_series(1, 2000) i",
        "update t set a = a + 1",
    )
    (found,) = await until(lambda: ask(database, "hot_updates"))
    assert (found["table"], found["updates"], found["indexes"]) == ("t", 2000, 2)
    assert float(found["percent_hot"]) < 50


async def test_slots(database: str) -> None:
    """A slot that keeps WAL for nobody is listed and, while it is inactive, warned of."""
    servers.execute(database, "select pg_create_physical_replication_slot('left_behind', true)")
    try:
        found = {row["slot"]: row for row in await ask(database, "slots")}
        assert (found["left_behind"]["active"], found["left_behind"]["type"]) == (False, "physical")
        assert found["left_behind"]["kept_bytes"] >= 0
        assert "left_behind" in {row["slot"] for row in await ask(database, "inactive_slots")}
    finally:
        servers.execute(database, "select pg_drop_replication_slot('left_behind')")
    assert "left_behind" not in {row["slot"] for row in await ask(database, "inactive_slots")}


async def test_ages_and_settings_of_the_server(database: str) -> None:
    """Every database has an age; what was changed is told with its source."""
    name = database.rpartition("/")[2]
    ages = {row["database"]: row for row in await ask(database, "wraparound_databases", percent="0")}
    assert ages[name]["xid_age"] > 0
    assert 0 <= float(ages[name]["percent_xid"]) < 50
    assert await ask(database, "wraparound_databases") == []
    assert {row["part"] for row in await ask(database, "wraparound_tables", percent="0")} == {"heap", "toast"}
    changed = {row["setting"]: row for row in await ask(database, "settings_changed")}
    assert changed
    assert all(row["source"] for row in changed.values())
    servers.execute(database, f"alter database \"{name}\" set work_mem = '7MB'")
    given = [
        (row["setting"], row["value"]) for row in await ask(database, "session_settings") if row["database"] == name
    ]
    assert given == [("work_mem", "7MB")]
    slots = {row["scope"]: row for row in await ask(database, "connection_slots", percent="0")}
    assert slots["server"]["used"] >= 1
    assert any(row["superuser"] for row in await ask(database, "privileged_roles"))


async def test_a_collation_that_has_changed(database: str) -> None:
    """The version with which a database was made, against that of its library."""
    assert await ask(database, "collation_versions") == []
    (version,) = servers.execute(database, "select current_setting('server_version_num')::int")
    if version[0] < 150_000:
        pytest.skip("databases have no version of their collation")
    servers.execute(database, "update pg_database set datcollversion = '0' where datname = current_database()")
    assert [row["built_with"] for row in await ask(database, "collation_versions")] == ["0"]


async def test_mariadb_finds_its_faults(request: pytest.FixtureRequest) -> None:
    """Keys, indexes, numbers near their end, and who blocks whom."""
    pymysql = pytest.importorskip("pymysql")
    base = fresh("mariadb", request)
    url, server = base.url("mysql+pymysql"), base.server
    assert server is not None
    base.execute(
        "create table p (id tinyint auto_increment primary key, a int, b int, key a (a), key ab (a, b), key again (a, b))",
        "create table q (a int) engine = MyISAM",
        "insert into p values (120, 1, 1)",
    )

    async def names(question: str, column: str, **values: str) -> set[Any]:
        return {row[column] for row in await ask(url, question, **values)}

    assert await names("no_primary_key", "table") == {"q"}
    assert await names("tables_without_transactions", "table") == {"q"}
    assert {(r["index"], r["covered_by"]) for r in await ask(url, "redundant_indexes")} == {
        ("a", "ab"),
        ("a", "again"),
        ("again", "ab"),
    }
    (near,) = await ask(url, "autoincrement")
    assert (near["table"], near["next_value"], near["most"]) == ("p", 121, 127)
    assert await ask(url, "blocking") == []
    place = {"host": server.host, "port": server.port, "user": "root", "database": base.path}
    holder, waiter = pymysql.connect(**place), pymysql.connect(**place)
    try:
        with holder.cursor() as one, waiter.cursor() as two:
            one.execute("begin")
            one.execute("update p set a = 2")
            two.execute("set innodb_lock_wait_timeout = 30")
            waits = asyncio.create_task(asyncio.to_thread(two.execute, "update p set a = 3"))
            (chain,) = await until(lambda: ask(url, "blocking"))
            assert (chain["waiting"], chain["blocked_by"]) == (waiter.thread_id(), holder.thread_id())
            assert chain["is_root"] == 1
            assert await names("long_transactions", "id", seconds="0") == {waiter.thread_id(), holder.thread_id()}
            holder.rollback()
            await waits
            waiter.rollback()
    finally:
        holder.close()
        waiter.close()
