"""Tables whose engine cannot roll back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Outcome, Target
from bulkq.policy import retry
from bulkq.query import inline
from bulkq.tasks.plan.plan_run import plan
from bulkq.tasks.run import run as new_run
from tests.support.mariadb_sessions import WRITES, asked, connected

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases import Database


# --- engines without transactions -------------------------------------------------------------------------------------

KEPT = (
    "create table kept (a integer, b integer) engine=MyISAM",
    "create table other (a integer) engine=InnoDB",
    "create table parts (a integer) engine=Aria partition by hash (a) partitions 2",
    "create table merged (a integer, b integer) engine=MERGE union=(kept) insert_method=last",
    "create view v as select a, b from kept",
    "create view vv as select v.a as a from v where v.a > 0",
    "create table fires (a integer)",
    "create trigger tr before insert on fires for each row begin declare x integer; insert into kept values (new.a, 1); end",
    "create table far (a integer)",
    "create procedure proc(i integer) begin update vv set a = i; end",
    "create trigger tr2 after delete on far for each row call proc(old.a)",
    "create function f(i integer) returns integer modifies sql data begin replace into kept values (i, 1); return i; end",
    "create function g(i integer) returns integer modifies sql data begin return f(i) + 1; end",
    "create table looks (a integer)",
    "create trigger tr3 before insert on looks for each row set new.a = (select count(*) from kept)",
)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("insert into parts values (:a)", 'the table "parts" uses the engine Aria'),
        ("insert into merged values (:a, 1)", 'the table "merged" uses the engine MRG_MyISAM'),
        ("update v set a = :a where a = 1", 'the table "kept", reached through the view "v", uses the engine MyISAM'),
        ("delete from `vv` where a = :a", 'the table "kept", reached through the view "v", uses the engine MyISAM'),
        (
            "update other join kept on kept.a = other.a set kept.b = :a where kept.a = 1",
            'the table "kept" uses the engine',
        ),
        ("insert into kept select a, :a from other", 'the table "kept" uses the engine MyISAM'),
        ("insert into fires values (:a)", 'the table "kept", reached through the trigger "tr", uses the engine MyISAM'),
        ("delete from far where a = :a", 'reached through the view "v", uses the engine MyISAM'),
        ("replace into far (a) values (:a)", 'reached through the view "v", uses the engine MyISAM'),
        (
            "insert into other values (f(:a))",
            'the table "kept", reached through the function "f", uses the engine MyISAM',
        ),
        ("insert into other select g(a) from other where a = :a", 'reached through the function "f"'),
        ("select g(:a) as x", 'reached through the function "f"'),
        ("do f(:a)", 'reached through the function "f"'),
    ],
)
async def test_tables_without_transactions_are_found(
    base: Database, driver: str, tmp_path: Path, sql: str, words: str
) -> None:
    """Exactly once is refused by name and with what to do, wherever the table stands; nothing is sent."""
    base.execute(*KEPT)
    done = await new_run(asked(base, driver, sql, tmp_path, constants={"a": "1"}), control=Control())
    assert (done.exit_code, done.ok, done.skipped) == (4, 0, 1)
    assert words in done.reason
    for way_out in ("--idempotent", "-- @mode maintenance", "ENGINE=InnoDB"):
        assert way_out in done.reason
    planned = await plan(asked(base, driver, sql, tmp_path, constants={"a": "1"}))
    assert str(planned.queries[0].problem) == done.reason
    assert base.execute("select count(*) from kept") == [(0,)]


@pytest.mark.parametrize(
    "sql",
    ["insert into looks values (:a)", "insert into far values (:a)", "insert into other select :a from kept limit 1"],
)
async def test_tables_that_are_only_read_do_no_harm(base: Database, driver: str, tmp_path: Path, sql: str) -> None:
    """A trigger that reads one, a trigger of another event, and a source of rows."""
    base.execute(*KEPT, "insert into kept values (1, 1)")
    done = await new_run(asked(base, driver, sql, tmp_path, constants={"a": "1"}), control=Control())
    assert (done.mode, done.exit_code, done.ok) == ("write", 0, 1)


async def test_a_trigger_that_does_not_show_its_body(base: Database, driver: str, tmp_path: Path) -> None:
    """Without the TRIGGER privilege nothing can be promised: exactly once is refused, with the trigger's name."""
    base.execute(*KEPT, "create or replace user blind@'127.0.0.1'")
    base.execute(f"grant select, insert, update, delete, create, drop on {base.path}.* to blind@'127.0.0.1'")
    wanted = asked(base, driver, "insert into fires values (1)", tmp_path)
    wanted = wanted.on((Target(url=wanted.url.replace("root@", "blind@")),))
    done = await new_run(wanted, control=Control())
    base.execute("drop user blind@'127.0.0.1'")
    assert (done.exit_code, done.skipped) == (4, 1)
    assert 'the trigger "tr" does not show its definition to this role' in done.reason


async def test_a_rollback_that_undid_less_than_all(base: Database, driver: str) -> None:
    """A trigger that came after the statement was prepared: the warning of the rollback makes the attempt unknown."""
    base.execute("create table kept (a integer) engine=MyISAM", "create table fires (a integer check (a <> 3))")
    connection = await connected(base, driver)
    query = inline("insert into fires values (:i)", "mysql")
    statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    base.execute("create trigger tr before insert on fires for each row insert into kept values (new.a)")
    with pytest.raises(DatabaseError, match="CONSTRAINT") as caught:
        await connection.attempt(statement, [(1,), (2,), (3,), (4,)], WRITES)
    assert retry.outcome(caught.value, transaction=True) is Outcome.UNKNOWN
    assert "couldn't be rolled back" in str(caught.value.hint)
    assert base.execute("select count(*) from kept") == [(3,)]
    await connection.close()
