"""What other sessions do to the table of a backfill behind the ranges that are done, and what does no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from bulkq.dialects import dialect_for
from tests.support import targets
from tests.support.databases import fresh
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

TABLE = "create table t (id int primary key, v int not null default 0, w text default 'x')"
ROWS = "insert into t (id) select generate_series(1, 300)"
PLAIN = (TABLE, ROWS)
PARTS = (
    f"{TABLE} partition by range (id)",
    "create table p1 partition of t for values from (1) to (101)",
    "create table p2 partition of t for values from (101) to (201)",
    "create table p3 partition of t for values from (201) to (301)",
    ROWS,
)
COPY = "create table n (like t including all)"

EACH = ("--over", "t", "--set", "v = v + 1", "--max-rows", "50", "--min-rows", "10", "-j", "1")


def begin(cli: Cli, url: str, *options: str) -> None:
    """Change 150 of 300 rows, and stop."""
    stopped = cli("backfill", "-t", url, *EACH, "--max-affected", "150", *options)
    assert stopped.code == 4, stopped.err


@pytest.mark.parametrize(
    ("setup", "events", "told"),
    [
        (
            PARTS,
            (
                "create table p1_rows as select id, 0 as v, w from p1",
                "alter table t detach partition p1",
                "truncate p1",
                "insert into p1 select * from p1_rows",
                "alter table t attach partition p1 for values from (1) to (101)",
            ),
            "public.p1 was detached and attached again since the run began, and 100 of its rows were not changed since",
        ),
        (
            PARTS,
            (
                COPY,
                "insert into n (id) select generate_series(1, 100)",
                "alter table t detach partition p1 concurrently",
                "alter table t attach partition n for values from (1) to (101)",
            ),
            "public.n was attached since the run began, and 100 of its rows were not changed since",
        ),
        (
            PLAIN,
            (
                "create table k (like t including all)",
                "insert into k (id) select generate_series(1, 50)",
                "alter table k inherit t",
            ),
            "public.k was attached since the run began, and 50 of its rows were not changed since",
        ),
        (
            PLAIN,
            (
                "do $$ begin create table u as select id from t; truncate t; insert into t (id) select id from u; end $$",
            ),
            "it was truncated and filled again in one transaction since the run began, and 150 of its rows were not changed since",
        ),
    ],
    ids=["again", "exchanged", "inherits", "reloaded"],
)
def test_rows_that_came_behind_the_ranges_that_are_done(
    cli: Cli, database: str, setup: tuple[str, ...], events: tuple[str, ...], told: str
) -> None:
    """The run is incomplete, until they are changed or the user says that they are right."""
    servers.execute(database, *setup)
    begin(cli, database)
    for event in events:
        servers.execute(database, event)
    done = cli("resume", "--last", "--max-affected", "1000")
    assert (done.code, told in done.err, "--again" in done.err) == (1, True, False), done.err
    ended = cli("resume", "--last", "--allow", "rewritten")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    ("setup", "events"),
    [
        (
            PARTS,
            ("alter table t detach partition p1", "alter table t attach partition p1 for values from (1) to (101)"),
        ),
        (
            PARTS,
            ("alter table t detach partition p3", "alter table t attach partition p3 for values from (201) to (301)"),
        ),
        (PARTS, ("create table n partition of t for values from (301) to (401)", "insert into t (id) values (301)")),
        (
            PARTS,
            (
                COPY,
                "insert into n (id) values (350)",
                "alter table t attach partition n for values from (301) to (401)",
            ),
        ),
        (PARTS, ("vacuum full t", "alter table t detach partition p1")),
        (PARTS, ("drop table p1",)),
        (
            (TABLE.replace(", w text default 'x'", ""), ROWS),
            (
                "vacuum full t",
                "update t set id = id",
                "create index on t (v)",
                "alter table t alter id set statistics 5",
            ),
        ),
        (
            PLAIN,
            (
                "alter table t alter id set statistics 5",
                "vacuum full t",
                "cluster t using t_pkey",
                "alter table t add y float default random()",
                "alter table t alter w type varchar(9)",
                "alter table t alter id set default 7",
                "alter table t set unlogged",
                "alter table t set logged",
                "create index on t (v)",
                "reindex table t",
                "analyze t",
                "grant select on t to public",
                "alter table t set (fillfactor = 70, autovacuum_enabled = off)",
                "alter table t rename to n",
                "alter table n rename to t",
            ),
        ),
    ],
    ids=["done", "ahead", "empty", "above", "vacuum", "dropped", "no toast", "plain"],
)
def test_what_does_no_harm(cli: Cli, database: str, setup: tuple[str, ...], events: tuple[str, ...]) -> None:
    """Rows keep their keys, or come above the upper end, or in front of the ranges that are done."""
    servers.execute(database, *setup)
    begin(cli, database)
    for event in events:
        servers.execute(database, event)
    done = cli("resume", "--last", "--max-affected", "1000")
    assert (done.code, "attached" in done.err) == (0, False), done.err
    assert servers.execute(database, "select count(*) from t where v <> 1 and id <= 300") == [(0,)]


def test_a_role_that_has_no_right_on_partitions(cli: Cli, database: str) -> None:
    """It reads and changes the table above, and VACUUM FULL of a partition does no harm."""
    role = f"writer_{uuid4().hex[:8]}"
    servers.execute(
        database,
        *PARTS,
        f"create role {role}",
        f"grant select, update on t to {role}",
        f"grant all on schema public to {role}",
    )
    as_role = {"PGOPTIONS": f"-c role={role}"}
    try:
        stopped = cli("backfill", "-t", database, *EACH, "--max-affected", "150", env=as_role)
        assert stopped.code == 4, stopped.err
        servers.execute(database, "vacuum full p1")
        servers.execute(database, "vacuum full p3")
        done = cli("resume", "--last", "--max-affected", "1000", env=as_role)
        assert done.code == 0, done.err
    finally:
        servers.execute(database, f"drop owned by {role}", f"drop role {role}")


async def test_a_look_does_not_wait_for_a_partition_that_is_locked(database: str) -> None:
    """VACUUM FULL of a partition may last for hours, and looks have to see what happens meanwhile."""
    known = dialect_for("postgresql")
    assert known.tables is not None
    trigger = "create trigger g before update on t for each row execute function suppress_redundant_updates_trigger()"
    servers.execute(database, *PARTS, trigger)
    locking, looking = await asyncpg.connect(database), await asyncpg.connect(database)
    try:
        await locking.execute("begin; lock table p1 in access exclusive mode")
        await looking.execute("set lock_timeout = '1s'")
        for query in (known.tables.acting, *known.tables.looks, *known.tables.traces):
            assert await looking.fetch(query.format(over="'t'"))
    finally:
        await locking.close()
        await looking.close()


def test_a_partition_that_leaves_is_told(cli: Cli, database: str) -> None:
    """Its rows are not those of the table any more. One that came back before the end, or that was dropped, is not told."""
    servers.execute(database, *PARTS)
    begin(cli, database)
    servers.execute(database, "alter table t detach partition p3")
    servers.execute(database, "drop table p1")
    done = cli("resume", "--last", "--max-affected", "1000")
    told = "public.t: public.p3 was detached since the run began: rows of it that had not been changed by then stay as they are"
    assert (done.code, told in done.err, "public.p1" in done.err) == (0, True, False), done.err


def test_rows_are_counted_where_a_condition_tells_what_is_left(cli: Cli, database: str) -> None:
    """The partition that came back is right if no row of it matches."""
    servers.execute(database, *PARTS)
    begin(cli, database, "--where", "v = 0")
    servers.execute(database, "update p1 set v = 1")
    servers.execute(database, "alter table t detach partition p1")
    servers.execute(database, "alter table t attach partition p1 for values from (1) to (101)")
    done = cli("resume", "--last", "--max-affected", "1000")
    assert done.code == 0, done.err


@pytest.mark.parametrize("using", ["bigint using id + 100", "int using 301 - id"])
@pytest.mark.parametrize(
    "later", ["alter table t alter id set statistics 5", "vacuum full t", "reindex table concurrently t"]
)
def test_a_key_with_other_values(cli: Cli, database: str, using: str, later: str) -> None:
    """A resume would change rows twice, and leave others out. What is done to the table later hides nothing."""
    servers.execute(database, *PLAIN)
    begin(cli, database)
    servers.execute(database, f"alter table t alter id type {using}")
    servers.execute(database, later)
    refused = cli("resume", "--last", "--max-affected", "1000")
    told = 'public.t: ALTER TABLE has written the column "id" of its key anew, perhaps with other values (USING)'
    assert (refused.code, told in refused.err) == (4, True), refused.err


def test_columns_that_change_their_names(cli: Cli, database: str) -> None:
    """The key has the name of another column."""
    servers.execute(database, *PLAIN, "alter table t add other int unique", "update t set other = 301 - id")
    servers.execute(database, "alter table t alter other set not null")
    begin(cli, database)
    for text in ("drop constraint t_pkey", "rename id to old", "rename other to id", "add primary key (id)"):
        servers.execute(database, f"alter table t {text}")
    refused = cli("resume", "--last", "--max-affected", "1000")
    assert (refused.code, 'the column "id" of its key is another one than before' in refused.err) == (4, True), (
        refused.err
    )


def test_a_name_that_was_another_tables_for_a_while(cli: Cli, database: str) -> None:
    """Some ranges were those of the other table, and the table has its name again when the run ends."""
    servers.execute(database, *PLAIN, COPY, "insert into n select * from t")
    swap = "alter table {0} rename to o; alter table {1} rename to {0}; alter table o rename to {1}"
    servers.execute(
        database,
        "create table gate as select 0 as n",
        """create function pass() returns int language plpgsql as $f$ declare a int; begin
            update gate set n = n + 1 returning n into a; return a; end $f$""",
    )
    (cli.folder / "swap.py").write_text(
        "import asyncio, asyncpg\n"
        "async def swap():\n"
        f"    connection = await asyncpg.connect({database!r})\n"
        "    if await connection.fetchval('select pass()') in (1, 3):\n"
        f"        await connection.execute('begin; {swap.format('t', 'n')}; commit')\n"
        "    await connection.close()\n"
        "def put(rows):\n"
        "    asyncio.run(swap())\n"
        "    return [{'id': row['id']} for row in rows]\n"
    )
    (cli.folder / "t.sql").write_text("-- name: put(id)\nupdate t set v = v + 1 where id = :id;\n")
    options = (
        "--select",
        "select id from t where :range",
        "--map",
        "swap:put",
        "--apply",
        "t.sql:put",
        "--max-rows",
        "50",
    )
    done = cli("backfill", "-t", database, "--over", "t", *options, "-j", "1", "--min-rows", "50")
    told = "its name was another table's, or no table's, for a while"
    assert (done.code, told in done.err) == (1, True), done.err


SQLITE = (
    "create table t (id integer primary key, v integer not null default 0)",
    "insert into t (id) select value from json_each('[" + ",".join(map(str, range(1, 301))) + "]')",
)
MADE = "create table n (id integer primary key, v integer not null default 0)"


@pytest.mark.parametrize(
    ("events", "code", "told"),
    [
        (("vacuum", "create index i on t (v)", "alter table t add w"), 0, ""),
        (
            (MADE, "insert into n select id, v from t", "drop table t", "alter table n rename to t"),
            1,
            "it was dropped and made anew since the run began, so ranges may have left rows out",
        ),
        (
            (MADE, "insert into n select * from t", "alter table t rename to o", "alter table n rename to t"),
            4,
            "renamed to o",
        ),
    ],
    ids=["plain", "made anew", "swapped"],
)
def test_a_table_of_sqlite(cli: Cli, tmp_path: Path, events: tuple[str, ...], code: int, told: str) -> None:
    """One that is made anew may be a copy or not."""
    made = targets.make("sqlite", tmp_path, "", None)
    made.execute(*SQLITE)
    begin(cli, made.url)
    made.execute(*events)
    done = cli("resume", "--last", "--max-affected", "1000")
    assert (done.code, told in done.err) == (code, True), done.err


def test_rowids_of_sqlite(cli: Cli, tmp_path: Path) -> None:
    """VACUUM numbers the rows of a table without a key and an index anew."""
    made = targets.make("sqlite", tmp_path, "", None)
    made.execute(
        SQLITE[0].replace(" primary key", ""),
        SQLITE[1],
        "delete from t where id <= 100",
        "insert into t (id) select id from t limit 100",
    )
    begin(cli, made.url, "--key", "rowid")
    made.execute("vacuum")
    refused = cli("resume", "--last", "--max-affected", "1000")
    assert (refused.code, "may have given its rows other rowids" in refused.err) == (4, True), refused.err


@pytest.mark.parametrize(
    ("events", "code", "told"),
    [
        (
            (
                "alter table t add c int",
                "create index i on t (v)",
                "optimize table t",
                "alter table t modify id bigint",
            ),
            0,
            "",
        ),
        (
            ("create table n like t", "insert into n select * from t", "rename table t to o, n to t"),
            4,
            "was exchanged for another table",
        ),
        (("alter table p exchange partition p1 with table x",), 1, 'partition "p1" was exchanged for another table'),
    ],
    ids=["plain", "swapped", "exchanged"],
)
def test_a_table_of_mariadb(
    cli: Cli, request: pytest.FixtureRequest, events: tuple[str, ...], code: int, told: str
) -> None:
    """InnoDB numbers its tables and partitions."""
    base = fresh("mariadb", request)
    parts = "partition by range (id) (partition p1 values less than (101), partition p2 values less than (301))"
    over = "p" if "p1" in events[0] else "t"
    for table, end in (("t", ""), ("p", parts), ("x", "")):
        base.execute(f"create table {table} (id int primary key, v int not null default 0) engine=innodb {end}")
    base.execute(
        f"insert into {over} (id) select seq from seq_1_to_300", "insert into x (id) select seq from seq_1_to_100"
    )
    begin(cli, base.url("mysql+pymysql"), "--over", over)
    base.execute(*events)
    done = cli("resume", "--last", "--max-affected", "1000")
    assert (done.code, told in done.err) == (code, True), done.err


def test_a_column_of_mariadb_that_got_the_name_of_the_key(cli: Cli, request: pytest.FixtureRequest) -> None:
    """A resume would go on by the values of the other column."""
    base = fresh("mariadb", request)
    base.execute(
        "create table t (id int primary key, other int not null unique, v int not null default 0) engine=innodb",
        "insert into t (id, other) select seq, 301 - seq from seq_1_to_300",
    )
    begin(cli, base.url("mysql+pymysql"))
    base.execute(
        "alter table t drop primary key, rename column id to other, rename column other to id, add primary key (id)"
    )
    refused = cli("resume", "--last", "--max-affected", "1000")
    assert (refused.code, 'the column "id" of its key has another place' in refused.err) == (4, True), refused.err


def test_a_retry_whose_rows_were_detached(cli: Cli, database: str) -> None:
    """The rows of a failed range are in a partition that has left, so the range does not end well without them."""
    servers.execute(database, *PARTS, "alter table t add check (id <> 250 or v = 0)")
    assert cli("backfill", "-t", database, *EACH).code == 1
    servers.execute(database, "alter table t detach partition p1")
    assert cli("retry", "--last").code == 1
    servers.execute(database, "alter table t detach partition p3")
    refused = cli("retry", "--last")
    assert (refused.code, "public.p3 was detached since the run began, and has" in refused.err) == (4, True), (
        refused.err
    )
    allowed = cli("retry", "--last", "--allow", "rewritten")
    assert allowed.code == 0, allowed.err
