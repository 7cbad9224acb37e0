"""Procedures and statements that commit by themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Outcome, Phase, Run, StatementClass
from bulkq.model.own_error_states import MARKER_EARLY
from bulkq.model.run import set_fields
from bulkq.policy import retry
from bulkq.query import inline
from bulkq.tasks.resume import resume
from bulkq.tasks.run import run as new_run
from tests.support.mariadb_sessions import OWN, WRITES, Locked, asked, attempted, connected, counts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases import Database


# --- statements that commit by themselves -----------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{}, {"idempotent": True, "retries": 2}, {"ledger": "none"}], ids=str)
async def test_a_procedure_with_its_own_transaction(
    base: Database, driver: str, tmp_path: Path, more: dict[str, object]
) -> None:
    """CALL is maintenance: the set whose row is locked fails, each of the others is applied once, and the run ends."""
    base.execute(OWN)
    wanted = asked(base, driver, "call own(:i)", tmp_path, params=("range:i=1..4",), lock_timeout_s=1.0, **more)
    with Locked(base, 2):
        done = await new_run(wanted, control=Control())
    assert (done.mode, done.exit_code) == ("maintenance", 1)
    assert (done.ok, done.failed, done.unknown) == (3, 1, 0)
    assert [(f.n, f.sqlstate, f.outcome) for f in done.failures] == [(2, "55P03", Outcome.ROLLED_BACK)]
    assert counts(base) == [(1, 1), (2, 0), (3, 1), (4, 1)]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("signal sqlstate '45000' set message_text = 'no'", Outcome.ROLLED_BACK),
        ("select count(*) from t into @many; signal sqlstate '45000'", Outcome.ROLLED_BACK),
        ("update t set n = 1 where id = 1; signal sqlstate '45000'", Outcome.UNKNOWN),
        ("start transaction; update t set n = 1; commit; insert into t values (1, 1)", Outcome.UNKNOWN),
        ("create table made (a integer); signal sqlstate '45000'", Outcome.UNKNOWN),
        ("execute immediate 'create table made (a integer)'; signal sqlstate '45000'", Outcome.UNKNOWN),
    ],
)
async def test_a_procedure_that_fails(base: Database, driver: str, body: str, outcome: Outcome) -> None:
    """It is failed where the server's counters show that it wrote nothing, and unknown where something of it may last."""
    base.execute(f"create procedure p() begin {body}; end")
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError) as caught:
        await attempted(connection, "call p()")
    assert retry.outcome(caught.value, transaction=False) is outcome
    await connection.close()


@pytest.mark.parametrize("body", ["start transaction; update t set n = 1", "set autocommit = 0; update t set n = 1"])
async def test_a_transaction_that_is_left_open(base: Database, driver: str, body: str) -> None:
    """What the procedure did not commit is rolled back and unknown; the next statement of the session does not commit it."""
    base.execute(f"create procedure p() begin {body}; end", OWN)
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError, match="left its transaction open") as caught:
        await attempted(connection, "call p()")
    assert retry.outcome(caught.value, transaction=False) is Outcome.UNKNOWN
    await attempted(connection, "call own(3)")
    assert counts(base) == [(1, 0), (2, 0), (3, 1), (4, 0)]
    await connection.close()


@pytest.mark.parametrize(
    "sql",
    ["create table made (a integer)", "optimize table t", "analyze table t", "grant usage on *.* to root@localhost"],
)
async def test_statements_that_commit_are_maintenance(base: Database, driver: str, tmp_path: Path, sql: str) -> None:
    """They run outside a transaction, at most once, with nothing to be said for it; a server's variable as well."""
    done = await new_run(asked(base, driver, sql, tmp_path), control=Control())
    assert (done.mode, done.exit_code, done.ok) == ("maintenance", 0, 1)


async def test_a_variable_of_the_server(base: Database, driver: str, tmp_path: Path) -> None:
    """SET GLOBAL is no matter of the session: it runs in a write run, outside a transaction."""
    assert inline("set global max_connect_errors = 101", "mysql").statement is StatementClass.MAINTENANCE
    done = await new_run(asked(base, driver, "set global max_connect_errors = 101", tmp_path), control=Control())
    assert (done.mode, done.exit_code, done.ok) == ("maintenance", 0, 1)


def hidden(request: Run) -> Run:
    """The same, its CALL taken for an UPDATE, so that it runs in a transaction with a marker."""
    (query,) = request.queries.selected
    return set_fields(
        request, {"queries": (replace(query, verb="UPDATE", statement=StatementClass.WRITE, transaction=True),)}
    )


async def test_a_marker_that_was_committed_before_its_work(base: Database, driver: str, tmp_path: Path) -> None:
    """Seen after the fact: such a set is unknown, listed, and stays so in a resume; it is never done and never repeated."""
    base.execute(OWN)
    wanted = hidden(asked(base, driver, "call own(:i)", tmp_path, params=("range:i=1..3",), lock_timeout_s=1.0))
    with Locked(base, 2):
        done = await new_run(wanted, control=Control())
    assert (done.exit_code, done.ok, done.unknown) == (3, 0, 3)
    assert [failure.sqlstate for failure in done.failures] == [MARKER_EARLY] * 3
    before = counts(base)
    again = await resume(done.run, control=Control(), changes={}, ledger=wanted.safety.ledger)
    assert (again.exit_code, again.ok, again.unknown) == (3, 0, 3)
    assert counts(base) == before


async def test_the_status_of_an_answer_says_that_a_transaction_was_ended(base: Database, driver: str) -> None:
    """The attempt itself is told that its transaction is not open any more, and that its marker proves nothing."""
    base.execute(OWN)
    query = replace(inline("call own(1)", "mysql"), verb="UPDATE", statement=StatementClass.WRITE, transaction=True)
    connection = await connected(base, driver)
    statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    with pytest.raises(DatabaseError, match="ended the transaction of its batch") as caught:
        await connection.attempt(statement, [()], WRITES)
    assert (caught.value.phase, caught.value.broken_off) == (Phase.COMMITTING, True)
    assert retry.outcome(caught.value, transaction=True) is Outcome.UNKNOWN
    await connection.close()
