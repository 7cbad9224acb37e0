"""What only MariaDB and MySQL do: statements that commit by themselves, procedures that leave things open."""

from __future__ import annotations

import asyncio
import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pymysql
import pytest

from bulkq.engine.control import Control
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits, Outcome, Phase, Run, StatementClass, Target
from bulkq.model.run import make_run, set_fields
from bulkq.model.states import MARKER_EARLY
from bulkq.policy import retry
from bulkq.query import inline
from bulkq.reports.summary import summary_line
from bulkq.tasks.resume import resume
from bulkq.tasks.run import run as new_run
from tests.support.databases import SCHEMES, connect, fresh

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import Reply
    from bulkq.protocols import Connection
    from tests.support.databases import Database

DRIVERS = ("pymysql", "aiomysql")
WRITES = Limits(timeout_s=10, lock_timeout_s=1, read_only=False)
TABLE = "create table t (id integer primary key, n integer not null) engine=InnoDB"
ROWS = "insert into t values (1, 0), (2, 0), (3, 0), (4, 0)"
OWN = """create procedure own(i integer) begin
    start transaction; update t set n = n + 1 where id = i; commit; end"""


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """A contract driver."""
    return str(request.param)


@pytest.fixture
def base(request: pytest.FixtureRequest) -> Database:
    """A database with `t`: four rows whose `n` is 0."""
    made = fresh("mariadb", request)
    made.execute(TABLE, ROWS)
    return made


def asked(base: Database, driver: str, sql: str, tmp_path: Path, **more: object) -> Run:
    """A request with a ledger of its own, as the command line makes it for MariaDB."""
    given = {"ledger": str(tmp_path / "ledger.db"), "format": "none", "concurrency": 1, "write": True, **more}
    url = base.url(SCHEMES[driver])
    return make_run(queries=(inline(sql, "mysql"),), targets=(Target(url=url),), **given)  # type: ignore[arg-type]


async def connected(base: Database, driver: str) -> Connection:
    """A session of `driver`."""
    return await connect(base, driver)


async def attempted(connection: Connection, sql: str, limits: Limits = WRITES) -> Reply:
    """Prepare and attempt for one set without values."""
    statement = await connection.prepare(inline(sql, "mysql"), Decoding.PYTHON, typed=True, identifiers={})
    return await connection.attempt(statement, [()], limits)


class Locked:
    """Row `row` of `t`, locked by another session inside the block."""

    def __init__(self, base: Database, row: int) -> None:
        assert base.server is not None
        self._row = row
        self._other = pymysql.connect(host=base.server.host, port=base.server.port, user="root", database=base.path)

    def __enter__(self) -> None:
        self._other.cursor().execute(f"select * from t where id = {self._row} for update")

    def __exit__(self, *_: object) -> None:
        self._other.close()


def counts(base: Database) -> list[tuple[object, ...]]:
    """`n` of every row of `t`."""
    return base.execute("select id, n from t order by id")


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


# --- statements that look finished when they were killed --------------------------------------------------------------

QUIET = (
    "select benchmark(1000000000000, md5('a'))",
    "do sleep(60)",
    "insert into t values (9, benchmark(1000000000000, md5('a')))",
)
SHORT = replace(WRITES, timeout_s=0.5)


@pytest.mark.parametrize("sql", QUIET)
async def test_an_answer_after_the_limit_is_a_timeout(base: Database, driver: str, sql: str) -> None:
    """The server ends it without an error; by the clock it is a timeout, rolled back inside a transaction."""
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s") as caught:
        await attempted(connection, sql, SHORT)
    assert (caught.value.sqlstate, retry.outcome(caught.value, transaction=True)) == ("57014", Outcome.ROLLED_BACK)
    assert len(counts(base)) == 4
    await connection.close()


@pytest.mark.parametrize("sql", QUIET[1:])
async def test_an_answer_after_the_limit_outside_a_transaction(base: Database, driver: str, sql: str) -> None:
    """It is unknown: the INSERT of such a statement stays."""
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s") as caught:
        await attempted(connection, f"-- @transaction off\n{sql}", SHORT)
    assert retry.outcome(caught.value, transaction=False) is Outcome.UNKNOWN
    await connection.close()


async def test_a_lock_that_is_waited_for_too_long(base: Database, driver: str) -> None:
    """GET_LOCK gives NULL at the server's limit, with neither error nor warning."""
    holder = await connected(base, driver)
    await attempted(holder, "select get_lock('bulkq', 0)")
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s"):
        await attempted(connection, "select get_lock('bulkq', 60)", SHORT)
    await holder.close()
    await connection.close()


async def test_a_stream_whose_only_piece_is_late(base: Database, driver: str) -> None:
    """A cursor that streams believes no late row either."""
    connection = await connected(base, driver)
    statement = await connection.prepare(inline(QUIET[0], "mysql"), Decoding.PYTHON, typed=True, identifiers={})
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s"):
        async for _ in connection.stream(statement, (), Limits(timeout_s=0.5)):
            pass
    await connection.close()


async def test_a_quiet_end_after_our_own_kill(base: Database, driver: str) -> None:
    """DO SLEEP succeeds when it is killed: called back outside a transaction it is unknown, not done."""
    connection = await connected(base, driver)
    statement = await connection.prepare(
        inline("-- @transaction off\ndo sleep(60)", "mysql"), Decoding.PYTHON, typed=True, identifiers={}
    )
    task = asyncio.create_task(connection.attempt(statement, [()], replace(WRITES, timeout_s=None)))
    while not await asyncio.to_thread(base.execute, f"select 1 from information_schema.processlist where {SLEEPS}"):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(DatabaseError, match="cancelled|interrupted") as caught:
        await task
    assert retry.outcome(caught.value, transaction=False) is Outcome.UNKNOWN
    await connection.close()


SLEEPS = "info like 'do sleep%' and db = database()"


async def test_cancelled_while_rows_stream_in(base: Database, driver: str) -> None:
    """Whatever the library raises under a cursor that is cut, the cancellation comes out, and another session goes on."""
    connection = await connected(base, driver)
    many = "select a.column_name, sleep(0.0001) from information_schema.columns a, information_schema.columns b"
    statement = await connection.prepare(inline(many, "mysql"), Decoding.PYTHON, typed=True, identifiers={})
    begun = asyncio.Event()

    async def rows() -> None:
        async for _ in connection.stream(statement, (), Limits(timeout_s=None)):
            begun.set()

    task = asyncio.create_task(rows())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await connection.close()
    other = await connected(base, driver)
    assert (await attempted(other, "select 1 as one")).values == [(1,)]
    await other.close()


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
        ("insert into parts values (:a)", 'the table "parts" is kept by Aria'),
        ("insert into merged values (:a, 1)", 'the table "merged" is kept by MRG_MyISAM'),
        ("update v set a = :a where a = 1", 'the table "kept", reached through the view "v", is kept by MyISAM'),
        ("delete from `vv` where a = :a", 'the table "kept", reached through the view "v", is kept by MyISAM'),
        ("update other join kept on kept.a = other.a set kept.b = :a where kept.a = 1", 'the table "kept" is kept'),
        ("insert into kept select a, :a from other", 'the table "kept" is kept by MyISAM'),
        ("insert into fires values (:a)", 'the table "kept", reached through the trigger "tr", is kept by MyISAM'),
        ("delete from far where a = :a", 'reached through the view "v", is kept by MyISAM'),
        ("replace into far (a) values (:a)", 'reached through the view "v", is kept by MyISAM'),
        ("insert into other values (f(:a))", 'the table "kept", reached through the function "f", is kept by MyISAM'),
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
    assert 'the trigger "tr" does not show this role what it does' in done.reason


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


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("analyze table missing", "doesn't exist"),
        ("check table missing", "doesn't exist"),
        ("repair table missing", "doesn't exist"),
        ("optimize table t, missing", "doesn't exist"),
        ("checksum table missing", "no checksum"),
    ],
)
async def test_a_failure_that_is_a_row(base: Database, driver: str, tmp_path: Path, sql: str, words: str) -> None:
    """The set fails with the text of the row, and no row of it counts as an answer."""
    done = await new_run(asked(base, driver, sql, tmp_path), control=Control())
    assert (done.exit_code, done.ok, done.failed, done.unknown) == (1, 0, 1, 0)
    assert words in done.failures[0].message


async def test_a_table_that_another_session_has_locked(base: Database, driver: str, tmp_path: Path) -> None:
    """OPTIMIZE tells of a lock that it did not get in a row, too."""
    assert base.server is not None
    other = pymysql.connect(host=base.server.host, port=base.server.port, user="root", database=base.path)
    other.cursor().execute("lock tables t read")
    done = await new_run(asked(base, driver, "optimize table t", tmp_path, lock_timeout_s=1.0), control=Control())
    other.close()
    assert (done.exit_code, done.failed) == (1, 1)
    assert "Lock wait timeout" in done.failures[0].message


@pytest.mark.parametrize("sql", ["analyze table t", "check table t", "optimize table t", "checksum table t"])
async def test_a_note_is_no_failure(base: Database, driver: str, tmp_path: Path, sql: str) -> None:
    """InnoDB recreates a table in place of OPTIMIZE, and says so in a note."""
    done = await new_run(asked(base, driver, sql, tmp_path), control=Control())
    assert (done.exit_code, done.ok) == (0, 1)


async def test_several_results_of_a_procedure(base: Database, driver: str, tmp_path: Path) -> None:
    """Results of the same columns are written one after the other."""
    base.execute("create procedure p() begin select 1 as a; select 2 as a union select 3; update t set n = 5; end")
    out = tmp_path / "out.csv"
    done = await new_run(asked(base, driver, "call p()", tmp_path, output=str(out), format="csv"), control=Control())
    assert (done.exit_code, done.ok) == (0, 1)
    assert out.read_text() == "a\n1\n2\n3\n"
    assert counts(base)[0] == (1, 5)


async def test_results_that_no_output_can_hold(base: Database, driver: str, tmp_path: Path) -> None:
    """Nothing is dropped silently: the set was applied, its answer is lost, the run ends with 3 and says why."""
    base.execute("create procedure p() begin select 1 as a; select 'x' as b, 2 as c; update t set n = 5; end")
    out = tmp_path / "out.csv"
    done = await new_run(asked(base, driver, "call p()", tmp_path, output=str(out), format="csv"), control=Control())
    assert (done.exit_code, done.ok, done.unanswered) == (3, 1, 1)
    assert counts(base)[0] == (1, 5)


async def test_an_error_in_a_later_result(base: Database, driver: str, tmp_path: Path) -> None:
    """It is the set's, not that of what is sent next."""
    base.execute("create procedure p(i integer) begin select i; if i = 2 then signal sqlstate '45000'; end if; end")
    wanted = asked(base, driver, "call p(:i)", tmp_path, params=("range:i=1..3",))
    done = await new_run(wanted, control=Control())
    assert (done.exit_code, done.ok, done.failed) == (1, 2, 1)
    assert (done.failures[0].n, done.failures[0].sqlstate) == (2, "45000")


TYPES = """create table v (id integer primary key, a time, b time(3), c datetime, d datetime(6), e date, f year, g decimal(20, 6),
    h float, i double, j bigint unsigned, k timestamp(2) null, l enum('x', 'y'), m set('p', 'q'), o json, p char(3), q time(6))"""
VALUES = """insert into v values
    (1, '838:59:59', '-25:30:00.5', '2024-02-29 10:00:00', '2024-01-01 00:00:00', '2024-02-29', 1999, 1.1, 1.1, 1e100,
     18446744073709551615, '2024-01-01 01:02:03.4', 'x', 'p,q', '{"a": [1, null]}', 'é', '-00:00:01.000001'),
    (2, '-838:59:59', '24:00:00', '0000-00-00', '9999-12-31 23:59:59.999999', '0000-00-00', 2155, -0.000001, 16777216, 0.1,
     0, null, 'y', '', '[]', '', '838:59:59.000000'),
    (3, '00:00:00', '00:00:00', '1000-01-01', '1000-01-01', '2024-00-00', 1901, 12345678901234.5, 1e-7, -1.7976931348623157e308,
     9223372036854775808, null, null, 'q', '"x"', '3', '12:34:56.7')"""


async def test_values_are_the_text_of_the_server(base: Database, driver: str, tmp_path: Path) -> None:
    """Byte for byte what the server itself writes, also where Python has no such value; and it can be read back."""
    ((mode,),) = base.execute("select @@global.sql_mode")
    base.execute("set global sql_mode = ''", "set sql_mode = ''", TYPES, VALUES, "create table w like v")
    out = tmp_path / "out.csv"
    reading = asked(base, driver, "select * from v order by id", tmp_path, output=str(out), format="csv", write=False)
    assert (await new_run(reading, control=Control())).exit_code == 0
    names = [
        str(name)
        for (name,) in base.execute(
            "select column_name from information_schema.columns "
            f"where table_schema = '{base.path}' and table_name = 'v' order by ordinal_position"
        )
    ]
    texts = ", ".join(f"cast({name} as char)" for name in names)
    wanted = [
        tuple("" if value is None else value for value in row)
        for row in base.execute(f"select {texts} from v order by id")
    ]
    with out.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == names
    assert [tuple(row) for row in rows] == wanted
    marks = ", ".join(f":{name}" for name in names)
    back = asked(base, driver, f"insert into w values ({marks})", tmp_path, params=(str(out),))
    done = await new_run(back, control=Control())
    base.execute(f"set global sql_mode = '{mode}'")
    assert done.ok == 3
    assert base.execute("select id, a, b, d, f, q from w order by id") == base.execute(
        "select id, a, b, d, f, q from v order by id"
    )


async def test_a_time_in_json(base: Database, driver: str, tmp_path: Path) -> None:
    """A TIME is text in JSON Lines, whatever its length."""
    base.execute(TYPES, "insert into v (id, a, b) values (1, '838:59:59', '-25:30:00.5')")
    out = tmp_path / "out.jsonl"
    wanted = asked(base, driver, "select a, b from v", tmp_path, output=str(out), format="jsonl", write=False)
    assert (await new_run(wanted, control=Control())).exit_code == 0
    assert json.loads(out.read_text()) == {"a": "838:59:59", "b": "-25:30:00.500"}


# --- the next step ----------------------------------------------------------------------------------------------------


async def test_a_set_that_is_larger_than_a_packet(base: Database, driver: str, tmp_path: Path) -> None:
    """It fails once with the variable's name, and the sets around it are applied."""
    base.execute("create table big (v longtext)", "set global max_allowed_packet = 1048576")
    rows = tmp_path / "rows.csv"
    rows.write_text("v\na\n" + "x" * 3_000_000 + "\nb\n")
    wanted = asked(base, driver, "insert into big values (:v)", tmp_path, params=(str(rows),))
    done = await new_run(wanted, control=Control())
    base.execute("set global max_allowed_packet = 16777216")
    assert (done.exit_code, done.ok, done.failed, done.unknown) == (1, 2, 1, 0)
    assert (done.failures[0].n, done.failures[0].attempts) == (2, 1)
    assert "max_allowed_packet of the server is 1,048,576" in done.failures[0].message
    assert base.execute("select group_concat(v order by v) from big") == [("a,b",)]


async def test_a_limit_without_a_type(base: Database, driver: str, tmp_path: Path) -> None:
    """The failure says how to declare the parameter; declared, it runs."""
    wanted = asked(base, driver, "select id from t limit :n", tmp_path, constants={"n": "2"}, write=False)
    done = await new_run(wanted, control=Control())
    assert (done.exit_code, done.failed) == (1, 1)
    assert 'declare it, "-- name: sql(n: integer)"' in str(done.failures[0].hint)
    text = "-- name: sql(n: integer)\nselect id from t limit :n"
    assert (await new_run(set_fields(wanted, {"queries": (inline(text, "mysql"),)}), control=Control())).ok == 1


# --- warnings ---------------------------------------------------------------------------------------------------------


class Said:
    """An observer that keeps the notices of a run."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, progress: object) -> None: ...
    def batch_done(self, result: object) -> None: ...
    def finished(self, summary: object) -> None: ...
    def notice(self, text: str) -> None:
        """Keep it."""
        self.lines.append(text)


@pytest.mark.parametrize("sets", [1, 20])
async def test_warnings_are_counted_and_shown(base: Database, driver: str, tmp_path: Path, sets: int) -> None:
    """Streamed or in batches: all are counted, the first few are shown, and the set is no failure."""
    sql = "select cast(concat(:i, 'abc') as signed) as a, 1 / 0 as b"
    wanted = asked(base, driver, sql, tmp_path, params=(f"range:i=1..{sets}",), write=False)
    told = Said()
    done = await new_run(wanted, control=Control(), observers=[told])
    assert (done.exit_code, done.ok, done.warnings) == (0, sets, 2 * sets)
    shown = [line for line in told.lines if line.startswith("warning: ")]
    assert len(shown) == min(2 * sets, 5)
    assert shown[0].startswith("warning: sql: [1292] Truncated incorrect INTEGER value")
    assert f" warnings={2 * sets} " in summary_line(done)


async def test_warnings_of_a_secret_keep_their_text(base: Database, driver: str, tmp_path: Path) -> None:
    """The server quotes the value."""
    text = "-- @param i text secret\nselect cast(concat(:i, 'abc') as signed) as a"
    told = Said()
    wanted = asked(base, driver, text, tmp_path, constants={"i": "hush"}, write=False)
    done = await new_run(wanted, control=Control(), observers=[told])
    assert done.warnings == 1
    assert not any("hush" in line for line in told.lines)


async def test_a_kill_by_another_session(base: Database, driver: str) -> None:
    """DO SLEEP succeeds, and its warning says that it was killed."""
    connection = await connected(base, driver)
    task = asyncio.create_task(attempted(connection, "do sleep(60)", replace(WRITES, timeout_s=None)))
    find = f"select id from information_schema.processlist where {SLEEPS}"
    while not (found := await asyncio.to_thread(base.execute, find)):
        await asyncio.sleep(0.01)
    base.execute(f"kill query {found[0][0]}")
    with pytest.raises(DatabaseError, match="interrupted") as caught:
        await task
    assert caught.value.sqlstate == "57014"
    await connection.close()


# --- procedures with several results ----------------------------------------------------------------------------------


@pytest.mark.parametrize("slow", ["do sleep(60)", "select benchmark(1000000000000, md5('a')) as a"])
async def test_a_later_statement_of_a_procedure_that_was_killed(base: Database, driver: str, slow: str) -> None:
    """The server ends a statement behind the first result without an error; by the clock the call is a timeout, and unknown."""
    base.execute(f"create procedure p() begin select 1 as a; {slow}; update t set n = 7 where id = 1; end")
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s") as caught:
        await attempted(connection, "call p()", SHORT)
    assert (caught.value.sqlstate, caught.value.position) == ("57014", 0)
    assert retry.outcome(caught.value, transaction=False) is Outcome.UNKNOWN
    await connection.close()


async def test_warnings_behind_several_results(base: Database, driver: str, tmp_path: Path) -> None:
    """A procedure has its warnings in its last answer: they are counted and shown, and no result is lost."""
    base.execute("create procedure p() begin select cast('1x' as signed) as a; select cast('2x' as signed) as a; end")
    told = Said()
    out = tmp_path / "out.jsonl"
    wanted = asked(base, driver, "call p()", tmp_path, output=str(out), format="jsonl")
    done = await new_run(wanted, control=Control(), observers=[told])
    assert (done.exit_code, done.ok, done.warnings) == (0, 1, 1)
    assert any("[1292] Truncated incorrect INTEGER value: '2x'" in line for line in told.lines)
    assert out.read_text() == '{"a":1}\n{"a":2}\n'
