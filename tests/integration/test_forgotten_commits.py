"""A database that loses transactions which it had committed, while a run works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from tests.support.command import Cli


def test_what_a_database_has_forgotten_is_applied_again(cli: Cli, database: str) -> None:
    """The run does not end as complete: it stops, and a resume applies what is missing, also where something else is not known."""
    servers.execute(
        database,
        "create table t (id int primary key, v int not null default 0)",
        "insert into t select generate_series(1, 100)",
        # As after a failover: rows and markers of the first transaction are gone when another one is committed.
        "create function forget() returns trigger language plpgsql as $$ begin "
        "update t set v = 0 where id <= 10; delete from bulkq_markers where first = 1; "
        "if to_regclass('bulkq_ranges') is not null then delete from bulkq_ranges where first = 1; end if; return new; end $$",
        "create trigger forgetting after update on t for each row "
        "when (new.id = 50 and new is distinct from old) execute function forget()",
    )
    (cli.folder / "q.sql").write_text("-- name: more(id: int)\nupdate t set v = v + 1 where id = :id;\n")
    (cli.folder / "p.csv").write_text("id\n" + "\n".join(map(str, range(1, 101))))
    backfill = ("backfill", "-t", database, "--over", "t", "--set", "v = v + 1", "--min-rows", "10", "--max-rows", "10")
    run = ("run", "q.sql:more", "-p", "p.csv", "-t", database, "--write", "--batch", "10")
    away = ("-t", "postgresql://127.0.0.1:1/away")
    for command, what, code in (
        (backfill, "1 range", 5),
        (run, "10 parameter sets", 5),
        ((*run, *away), "10 parameter sets", 3),
    ):
        servers.execute(database, "alter table t enable trigger all")
        done = cli(*command, "-j", "1")
        assert done.code == code, done.err
        assert f" has lost {what} that it had committed, as after a failover or a crash without synchronous" in done.err
        servers.execute(database, "alter table t disable trigger forgetting")
        again = cli("resume", "--last")
        assert again.code == (3 if code == 3 else 0), again.err
        assert ("has lost are applied now, after later ones" in again.err) == (command is not backfill)
        assert servers.execute(database, "select v, count(*) from t group by v") == [(1, 100)]
        servers.execute(database, "update t set v = 0")


def test_what_a_database_has_forgotten_does_not_undo_later_sets(cli: Cli, database: str) -> None:
    """The sets of a row take effect in the order of the input, so a resume is refused, with the numbers of both sets."""
    servers.execute(
        database,
        "create table t (id int primary key, v int not null default 0)",
        "insert into t select generate_series(1, 5)",
        "create function forget() returns trigger language plpgsql as $$ begin delete from bulkq_markers where first = 1; return new; end $$",
        "create trigger forgetting after update on t for each row when (new.v = 20) execute function forget()",
    )
    (cli.folder / "q.sql").write_text("-- name: later(id: int, v: int)\nupdate t set v = :v where id = :id;\n")
    (cli.folder / "p.csv").write_text("id,v\n" + "\n".join(f"{n % 5 + 1},{n}" for n in range(1, 26)))
    done = cli("run", "q.sql:later", "-p", "p.csv", "-t", database, "--write", "--batch", "5", "-j", "1")
    assert (done.code, " has lost 5 parameter sets that it had committed" in done.err) == (5, True), done.err
    refused = cli("resume", "--last")
    assert refused.code == 4, refused.err
    assert (
        "5 sets that the database has lost name a row that a later set has changed since (set 1: by set 6)"
        in refused.err
    )
    assert "the sets that it has lost (1 to 5) to -p of a new run" in refused.err
    assert servers.execute(database, "select min(v), max(v) from t") == [(21, 25)]


def test_what_a_database_has_forgotten_is_found_when_a_lane_connects_again(cli: Cli, database: str) -> None:
    """The run stops there, not at its end; a lost connection alone stops nothing. Rows that come a second time are no success."""
    servers.execute(
        database,
        "create table t (id int primary key, v int not null default 0)",
        "insert into t select generate_series(1, 100)",
        "create function forget() returns trigger language plpgsql as $$ begin "
        "update t set v = 0 where id <= 10; delete from bulkq_markers where first = 1; return new; end $$",
        "create trigger forgetting after update on t for each row "
        "when (new.id = 50 and new is distinct from old) execute function forget()",
        # Once: a sequence is not rolled back.
        "create sequence s",
        "create function leave() returns trigger language plpgsql as $$ begin "
        "if nextval('s') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if; return new; end $$",
        "create trigger leaving after update on t for each row "
        "when (new.id = 65 and new is distinct from old) execute function leave()",
    )
    (cli.folder / "q.sql").write_text("-- name: more(id: int)\nupdate t set v = v + 1 where id = :id returning id;\n")
    (cli.folder / "p.csv").write_text("id\n" + "\n".join(map(str, range(1, 101))))
    run = ("run", "q.sql:more", "-p", "p.csv", "-t", database, "--write", "--batch", "10", "-j", "1")
    run = (*run, "-o", "out.csv", "--failures", "out.jsonl")
    done = cli(*run)
    assert (done.code, " ok=60 " in done.err) == (5, True), done.err
    assert " has lost 10 parameter sets that it had committed, as after a failover or a crash" in done.err
    assert servers.execute(database, "select v, count(*) from t group by v order by v") == [(0, 50), (1, 50)]
    servers.execute(database, "alter table t disable trigger forgetting", "alter sequence s restart")
    again = cli("resume", "--last")
    assert (again.code, " ok=100 " in again.err, " unanswered=10 " in again.err) == (3, True, True), again.err
    rows = (cli.folder / "out.csv").read_text().split()[1:]
    assert rows == list(map(str, (*range(1, 61), *range(1, 11), *range(61, 101))))
    told = [json.loads(line) for line in (cli.folder / "out.jsonl").read_text().splitlines()]
    assert [(one["n"], one["outcome"]) for one in told] == [(n, "ok") for n in range(1, 11)]
    assert "its rows stand twice in the output" in told[0]["message"]
    assert servers.execute(database, "select v, count(*) from t group by v") == [(1, 100)]
    assert servers.execute(database, "select last_value from s") == [(2,)]


def test_a_ledger_in_the_database_has_forgotten_as_much(cli: Cli, database: str) -> None:
    """Only the number of answers is left to compare with. The run stops all the same, and a resume applies what is missing."""
    servers.execute(
        database,
        "create table t (id int primary key, v int not null default 0)",
        "insert into t select generate_series(1, 100)",
        "create function forget() returns trigger language plpgsql as $$ begin "
        "update t set v = 0 where id <= 10; delete from bulkq_markers where first = 1; return null; end $$",
        "create trigger forgetting after update on t for each row "
        "when (new.id = 50 and new is distinct from old) execute function forget()",
    )
    (cli.folder / "q.sql").write_text("-- name: more(id: int)\nupdate t set v = v + 1 where id = :id;\n")
    (cli.folder / "p.csv").write_text("id\n" + "\n".join(map(str, range(1, 101))))
    made = cli("ledger", "upgrade", "--ledger", database)
    assert made.code == 0, made.err
    # The marks of the first batch never reach the disk, whenever they are written.
    servers.execute(
        database,
        "create function lose() returns trigger language plpgsql as $$ begin "
        "return case when new.first <= 10 then null else new end; end $$",
        "create trigger losing before insert or update on bulkq_ledger.done_ranges for each row execute function lose()",
    )
    run = ("run", "q.sql:more", "-p", "p.csv", "-t", database, "--write", "--batch", "10", "-j", "1")
    done = cli(*run, "--ledger", database)
    assert done.code == 5, done.err
    assert " has lost 10 parameter sets that it had committed, as after a failover or a crash" in done.err
    servers.execute(database, "alter table t disable trigger forgetting")
    again = cli("resume", "--last", "--ledger", database)
    assert again.code == 0, again.err
    assert servers.execute(database, "select v, count(*) from t group by v") == [(1, 100)]
