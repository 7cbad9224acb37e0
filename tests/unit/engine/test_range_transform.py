"""A range is read, computed and applied; the rows that fail are found; after a lost COMMIT its claim comes first."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.dialects import SQLITE, key_ranges
from bulkq.engine.range_transform import RangeTransform, RowsFailed
from bulkq.engine.throttle_gate import ThrottleGate
from bulkq.errors import AlreadyApplied, DatabaseError, RefusedError
from bulkq.lifecycle.backfill.transform_queries import TransformQueries
from bulkq.model import Batch, Decoding, PartSpec, Phase
from bulkq.model.key_range import KeyColumn, RangeForm, TableKey
from bulkq.model.own_error_states import MAP_FAILED
from bulkq.policy.gentle_pace import GentlePace
from bulkq.transforms import ComputedRows, RowFunction
from tests.support.sqlite_sessions import WRITES, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from bulkq.drivers.sqlite.connection import SqliteConnection
    from bulkq.model import ParameterSet, Reply
    from bulkq.protocols import Statement

KEY = TableKey("t", (KeyColumn("id", "integer"),))
RANGE = key_ranges.condition(KEY, RangeForm(0, lower=True, upper=True), SQLITE)
SELECT = queries.inline(f"select id, v from t where {RANGE}", "sqlite")
APPLY = queries.inline("-- name: put\nupdate t set v = :v where id = :id", "sqlite")
BATCH = Batch(0, 1, (("i:0", "i:9"),), statement=SELECT)
SPEC = PartSpec(query=APPLY, target="t", decoding=Decoding.PYTHON, typed=True, limits=WRITES, retries=0)


class Upper(RowFunction):
    """Makes texts upper case here, and fails for some; remembers its calls."""

    def __init__(self, *bad: int) -> None:
        self.bad = bad
        self.calls: list[list[object]] = []

    async def compute(self, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> list[ComputedRows]:
        """Each bad row is a result of its own."""
        assert list(columns) == ["id", "v"]
        self.calls.append([row[0] for row in rows])
        good = [row for row in rows if row[0] not in self.bad]
        found = [ComputedRows(good, [(str(row[1]).upper(), row[0]) for row in good])] if good else []
        return [*found, *(ComputedRows([row], None, "bad") for row in rows if row[0] in self.bad)]


class Sender:
    """Executes an attempt, and what else happens before it."""

    def __init__(self, db: SqliteConnection, path: Path) -> None:
        self.db = db
        self.path = path
        self.before: list[str] = []
        self.sent: list[tuple[int, bool]] = []
        self.error: Exception | None = None

    async def __call__(self, statement: Statement, sets: Sequence[ParameterSet], batch: Batch) -> Reply:
        """As a lane does, without a claim."""
        assert batch.steps is not None
        self.sent.append((len(sets), batch.steps.rollback))
        if self.error is not None:
            raise self.error
        if self.before:
            other = sqlite3.connect(self.path)
            with other:
                other.execute(self.before.pop(0))
            other.close()
        return await self.db.attempt(statement, sets, WRITES, steps=batch.steps)


@pytest.fixture
async def sender(tmp_path: Path) -> AsyncIterator[Sender]:
    """Over a table with six rows."""
    other = sqlite3.connect(tmp_path / "t.db")
    with other:
        other.execute("create table t (id integer primary key, v text)")
        other.executemany("insert into t values (?, ?)", [(n, f"v{n}") for n in range(1, 7)])
    other.close()
    db = await connected(tmp_path / "t.db")
    yield Sender(db, tmp_path / "t.db")
    await db.close()


def made(function: RowFunction) -> RangeTransform:
    """For the table."""
    return RangeTransform(function, TransformQueries(KEY, SQLITE, clause="", apart=False))


async def applied(sender: Sender, function: RowFunction, *, in_doubt: bool = False) -> Reply:
    """Apply the range."""
    return await made(function).apply(sender.db, SPEC, BATCH, sender, in_doubt=in_doubt)


async def values(sender: Sender) -> str:
    """All texts of the table."""
    statement = await sender.db.prepare(
        queries.inline("select group_concat(v) from (select v from t order by id)", "sqlite"),
        Decoding.TEXT,
        typed=False,
        identifiers={},
    )
    reply = await sender.db.attempt(statement, [()], replace(WRITES, read_only=True))
    return str(reply.values[0][0])


async def test_a_range_is_applied(sender: Sender) -> None:
    """In one transaction; the reply has no rows."""
    reply = await applied(sender, Upper())
    assert (reply.changed, reply.positions, sender.sent) == (6, (), [(6, False)])
    assert await values(sender) == "V1,V2,V3,V4,V5,V6"


async def test_only_what_has_changed_and_its_companions_are_computed_again(sender: Sender) -> None:
    """First the rows of the call without those that changed, then these; afterwards only the call that they are in."""
    function = Upper()
    sender.before = [
        "update t set v = 'w' where id = 2",
        "update t set v = 'x' where id = 2",
        "delete from t where id = 3",
    ]
    await applied(sender, function)
    assert function.calls == [[1, 2, 3, 4, 5, 6], [1, 3, 4, 5, 6], [2], [2], [1, 4, 5, 6]]
    assert await values(sender) == "V1,X,V4,V5,V6"


async def test_a_row_that_changes_each_time_fails(sender: Sender) -> None:
    """It gets a range of its own."""
    sender.before = [f"update t set v = 'w{n}' where id = 2" for n in range(9)]
    with pytest.raises(RowsFailed, match="^other sessions changed it each of 5 times") as caught:
        await applied(sender, Upper())
    assert caught.value.sizes == [1, 1, 4]
    assert len(sender.sent) == 5


async def test_rows_that_the_function_fails_for_are_cut_out(sender: Sender) -> None:
    """Nothing is sent for the range."""
    with pytest.raises(RowsFailed, match="^bad$") as caught:
        await applied(sender, Upper(1, 4))
    assert (caught.value.state, caught.value.sizes, sender.sent) == (MAP_FAILED, [1, 2, 1, 2], [])


async def test_sizes_are_not_known_if_no_key_is_found(sender: Sender) -> None:
    """The rows were deleted meanwhile, or the query gives other values for the key."""
    transform = made(Upper())
    assert await transform._sizes(sender.db, SPEC, BATCH, []) == []
    assert await transform._sizes(sender.db, SPEC, BATCH, [("1",)]) == []


async def test_a_claim_without_sets_comes_first_if_the_outcome_is_in_doubt(sender: Sender) -> None:
    """If the marker is there, nothing is read or computed."""
    function = Upper()
    await applied(sender, function, in_doubt=True)
    assert sender.sent == [(0, True), (6, False)]
    sender.error = AlreadyApplied(1, 6, phase=Phase.CLAIMING, ours=True)
    with pytest.raises(AlreadyApplied):
        await applied(sender, function, in_doubt=True)
    assert len(function.calls) == 1


async def test_a_trial_applies_nothing(sender: Sender) -> None:
    """It gives the names of the columns, and what was computed, if there was a row."""
    transform = made(Upper(1))
    names, computed = await transform.rehearse(sender.db, SPEC, BATCH)
    assert (names, sum(one.sets is None for one in computed)) == (["id", "v"], 1)
    assert await transform.rehearse(sender.db, SPEC, replace(BATCH, sets=(("i:90", "i:99"),))) == ([], [])
    assert (await values(sender))[:2] == "v1"


async def test_a_row_that_comes_twice_is_refused(sender: Sender) -> None:
    """It would be changed twice; also if another session makes it come twice while the rows are computed."""
    joined = f"select t.id, t.v from t left join o on o.t = t.id where {RANGE}"
    await sender.db.administer(["create table o (t int)"])
    twice = replace(BATCH, statement=queries.inline(joined, "sqlite"))
    sender.before = ["insert into o values (2), (2)"]
    for _ in range(2):
        with pytest.raises(RefusedError, match=r"the row with the key \(2\) twice"):
            await made(Upper()).apply(sender.db, SPEC, twice, sender, in_doubt=False)
    assert (await values(sender))[:5] == "v1,v2"


async def test_sets_that_change_nothing_are_counted(sender: Sender) -> None:
    """As far as the number of changed rows says so."""
    transform = made(Upper())
    idle = replace(SPEC, query=queries.inline("update t set v = :v where id = :id and id > 4", "sqlite"))
    await transform.apply(sender.db, idle, BATCH, sender, in_doubt=False)
    assert (transform.sets, transform.idle) == (6, 4)


async def test_a_query_that_fails_has_no_place_in_the_text(sender: Sender) -> None:
    """Two statements are at work, and the failure names one."""
    wrong = replace(BATCH, statement=queries.inline("select nix(id) from t where id > :bulkq_lo and id < :bulkq_hi"))
    with pytest.raises(DatabaseError, match="nix") as caught:
        await made(Upper()).apply(sender.db, SPEC, wrong, sender, in_doubt=False)
    assert caught.value.offset is None


async def test_its_pace_is_told_what_was_no_statement(sender: Sender) -> None:
    """The seconds of the function and the reads are taken once, and a gate takes them off the work of a batch."""
    transform = made(Upper())
    await transform.apply(sender.db, SPEC, BATCH, sender, in_doubt=False)
    seconds, reads = transform.take_cost()
    assert (seconds > 0, reads, transform.take_cost()) == (True, 1, (0.0, 0))
    gentle = GentlePace()
    gate = ThrottleGate(None, [].append, gentle=gentle)
    await transform.apply(sender.db, SPEC, BATCH, sender, in_doubt=False)
    assert gate.end(gate.begin(), transform) < 1.0
    assert transform.take_cost() == (0.0, 0)
