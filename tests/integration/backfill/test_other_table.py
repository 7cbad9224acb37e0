"""A resume goes on in the table that the run began with, and a range changes no rows of other ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support.servers import postgres as servers
from tests.support.servers.processes import wait_until

if TYPE_CHECKING:
    from tests.support.command import Cli


def test_a_name_that_stands_for_another_table_is_refused(cli: Cli, database: str) -> None:
    """The search path of the resume leads to another table of that name: nothing is changed there."""
    for schema in ("a1", "a2"):
        servers.execute(
            database,
            f"create schema {schema}",
            f"create table {schema}.t (id int primary key, v int not null default 0)",
            f"insert into {schema}.t select generate_series(1, 500)",
        )
    options = ("--set", "v = v + 1", "--max-rows", "100", "--max-affected", "200", "-j", "1")
    first = cli("backfill", "-t", database, "--over", "t", *options, env={"PGOPTIONS": "-c search_path=a1,public"})
    assert first.code == 4, first.err
    servers.execute(database, "drop table a1.t")
    servers.execute(database, "alter table a2.t set schema a1")
    servers.execute(database, "alter table a1.t rename constraint t_pkey to other")
    servers.execute(database, "alter table a1.t rename column id to other_id")
    again = cli("resume", "--last", "--max-affected", "10000", env={"PGOPTIONS": "-c search_path=a1,public"})
    assert again.code == 4
    assert "the run began with a1.t (id), and t is a1.t (other_id) now" in again.err


def test_a_range_that_bounds_another_use_of_the_table_is_refused(cli: Cli, database: str) -> None:
    """Its first range would change rows of all the others: rolled back, and the run stops."""
    servers.execute(
        database,
        "create table q (id int primary key, grp int, c int not null default 0)",
        "insert into q select i, i % 500, 0 from generate_series(1, 5000) i",
        "create index on q (grp)",
        "analyze q",
    )
    (cli.folder / "q.sql").write_text(
        "-- @over q\nupdate q set c = c + 1 where grp in (select grp from q where :range)\n"
    )
    done = cli("backfill", "q.sql", "-t", database, "--max-rows", "100", "-j", "1", "--allow", "seqscan")
    assert done.code == 4
    assert "a range of 100 rows would change 1000 rows, so :range does not bound what the statement changes" in done.err


def test_a_table_that_is_replaced_meanwhile_is_not_done(cli: Cli, database: str) -> None:
    """Some ranges were those of the other table: the run is incomplete."""
    table = "create table r (id int primary key, v int not null default 0)"
    rows = "insert into r select generate_series(1, 50)"
    servers.execute(database, table, rows)
    (cli.folder / "swap.py").write_text(
        "import asyncio, asyncpg\n"
        "async def swap():\n"
        f"    connection = await asyncpg.connect({database!r})\n"
        "    if not await connection.fetchval(\"select to_regclass('r_old')\"):\n"
        f"        await connection.execute('alter table r rename to r_old; {table}; {rows}')\n"
        "    await connection.close()\n"
        "def put(rows):\n"
        "    asyncio.run(swap())\n"
        "    return [{'id': row['id']} for row in rows]\n"
    )
    (cli.folder / "r.sql").write_text("-- name: put(id)\nupdate r set v = v + 1 where id = :id;\n")
    options = ("--select", "select id from r where :range", "--map", "swap:put", "--apply", "r.sql:put")
    done = cli("backfill", "-t", database, "--over", "r", *options)
    assert (done.code, "public.r was replaced by another table, or dropped" in done.err) == (1, True), done.err
    assert "--again" not in done.err


@pytest.mark.parametrize(
    ("once", "told"),
    [
        ("alter table w enable row level security", 'row level security is active for role "'),
        (
            "create trigger keep before update on w for each row execute function keep()",
            'of 300 rows of public.w were changed, and trigger "keep" came since the run began: give --verify QUERY',
        ),
    ],
)
def test_what_hides_or_keeps_rows_meanwhile_leaves_the_run_incomplete(
    cli: Cli, database: str, once: str, told: str
) -> None:
    """The rows of the ranges behind it were not changed, and no error said so."""
    role = f"writer_{uuid4().hex[:8]}"
    servers.execute(
        database,
        "create table w (id int primary key, v int not null default 0)",
        "insert into w select generate_series(1, 300)",
        "analyze w",
        "create function keep() returns trigger language plpgsql as 'begin return null; end'",
        f"create role {role}",
        f"grant select, update on w to {role}",
        f"grant all on schema public to {role}",
    )
    command = ("backfill", "-t", database, "--over", "w", "--set", "v = v + 1", "--max-rows", "50", "-j", "1")
    run = cli.start(*command, "--max-rate", "200rows/s", env={"PGOPTIONS": f"-c role={role}"})
    try:
        wait_until(lambda: bool(servers.execute(database, "select 1 from w where v = 1")), "no range was done")
        servers.execute(database, once)
        _, said = run.communicate(timeout=60)
        text = said.decode()
        assert run.returncode == 1, text
        assert told in text
        assert "--again" not in text
    finally:
        servers.execute(database, f"drop owned by {role}", f"drop role {role}")


@pytest.mark.parametrize("came", [True, False])
def test_rows_that_a_trigger_keeps_after_a_resume_are_told(cli: Cli, database: str, came: bool) -> None:
    """Of the rows of the process that goes on, none was changed. If the trigger came since the run began, they are left undone."""
    trigger = "create trigger keep before update on y for each row execute function keep()"
    servers.execute(
        database,
        "create table y (id int primary key, v int not null default 0)",
        "insert into y select generate_series(1, 90)",
        "create table held as select 1 as one",
        "create function keep() returns trigger language plpgsql as "
        "'begin if exists (select from held) then return null; end if; return new; end'",
        *(() if came else ("truncate held", trigger)),
    )
    command = ("-t", database, "--over", "y", "--set", "v = v + 1", "--max-rows", "30", "-j", "1")
    assert cli("backfill", *command, "--max-affected", "40").code == 4
    servers.execute(database, trigger if came else "insert into held values (1)")
    done = cli("resume", "--last", "--max-affected", "1000")
    kept = "public.y: 0 of 60 rows were changed: a trigger or a rule kept the others as they were"
    left = '0 of 60 rows of public.y were changed, and trigger "keep" came since the run began: give --verify QUERY'
    assert (done.code, (left if came else kept) in done.err) == (1 if came else 0, True), done.err
