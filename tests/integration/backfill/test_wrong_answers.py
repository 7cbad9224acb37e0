"""What would leave rows out, change them twice or hide that they are not as they should be is refused, or said."""

from __future__ import annotations

import math
import re
import sqlite3
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support import targets
from tests.support.databases import fresh
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.targets import Target

SPLIT = " |"

TRIGGERS = {
    "sqlite": """create trigger stamp after update of v on t when new.id % 10 = 0 begin
        update t set w = 'late' where id = new.id; end""",
    "postgresql": """create function late() returns trigger language plpgsql as $$ begin
        if new.id % 10 = 0 then new.w := 'late'; end if; return new; end $$ |
        create trigger stamp before update on t for each row execute function late()""",
}
INSERTING = {
    "sqlite": """create trigger made after insert on t when new.id % 10 = 0 begin
        update t set w = 'made' where id = new.id; end""",
    "postgresql": """create function made() returns trigger language plpgsql as $$ begin
        if new.id % 10 = 0 then new.w := 'made'; end if; return new; end $$ |
        create trigger made before insert on t for each row execute function made()""",
}


KEEPING = {
    "sqlite": "create trigger keep before update on t when new.id % 10 = 0 begin select raise(ignore); end",
    "postgresql": """create function keep() returns trigger language plpgsql as $$ begin
        return case when new.id % 10 <> 0 then new end; end $$ |
        create trigger keep before update on t for each row execute function keep()""",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A table of a hundred rows, and one that refers to it."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("database")
    made = targets.make(request.param, tmp_path, database, None)
    values = ", ".join(f"({n}, {n}, 'w')" for n in range(1, 101))
    made.execute(
        "create table t (id integer primary key, v integer, w text)",
        f"insert into t values {values}",
        "create table o (id integer primary key, t integer)",
        "insert into o select id + 1000, id from t",
    )
    return made


def test_an_undo_compares_what_triggers_have_changed_again(cli: Cli, target: Target) -> None:
    """Rows that did not get their old values are counted and listed; the undo names the triggers before."""
    sets = ("--over", "t", "--set", "v = v + 1, w = 'new'", "--where", "v < 1000", "--verify", "select 0", "--capture")
    done = cli("backfill", "-t", target.url, *sets)
    assert done.code == 0, done.err
    target.execute(*TRIGGERS[target.kind].split(SPLIT))
    undone = cli("undo", "--last", "--failures", "f.jsonl")
    assert (undone.code, undone.counts["changed"]) == (1, "100"), undone.err
    assert "of 100 rows" in undone.err
    assert 'the undo executes trigger "stamp" of ' in undone.err
    assert "10 of 100 rows" in undone.err
    assert "were given back, but triggers have left other values in them" in undone.err
    assert len((cli.folder / "f.jsonl").read_text().splitlines()) == 10
    assert target.execute("select count(*) from t where w = 'w' and v = id") == [(90,)]


def test_an_undo_of_a_delete_compares_too(cli: Cli, target: Target) -> None:
    """A trigger of INSERT changes the row that comes back."""
    done = cli("backfill", "-t", target.url, "--over", "t", "--delete", "--where", "id <= 50", "--capture")
    assert done.code == 0, done.err
    target.execute(*INSERTING[target.kind].split(SPLIT))
    undone = cli("undo", "--last")
    assert (undone.code, "5 of 50 rows" in undone.err) == (1, True), undone.err
    assert target.execute("select count(*) from t where w = 'w' and v = id") == [(95,)]


def test_ranges_of_other_rows(cli: Cli, target: Target) -> None:
    """A range of another table or of another column would leave rows out; --allow unbounded says that it is meant."""
    (cli.folder / "q.sql").write_text(
        """-- name: other
-- @over t
update t set v = 0 where id in (select t from o where :range);
-- name: bounds
-- @over t
update t set v = 0 where v > :lo and v <= :hi;
"""
    )
    refused = cli("backfill", "q.sql:other", "-t", target.url, "--allow", "seqscan")
    assert (refused.code, ':range bounds rows of "o", and the ranges are those of ' in refused.last) == (4, True)
    refused = cli("backfill", "q.sql:bounds", "-t", target.url, "--allow", "seqscan")
    assert (refused.code, ':lo is compared with "v", and ' in refused.last) == (4, True)
    assert target.execute("select count(*) from t where v = 0") == [(0,)]
    allowed = cli("backfill", "q.sql:bounds", "-t", target.url, "--allow", "seqscan,unbounded")
    assert (allowed.code, allowed.counts["changed"]) == (0, "100"), allowed.err


def test_a_plan_knows_what_acts_on_its_table(cli: Cli, target: Target) -> None:
    """A trigger that was added, and a table that was replaced, are differences."""
    sets = ("--over", "t", "--set", "v = v + 1", "-o", "p.json")
    assert cli("plan", "backfill", "-t", target.url, *sets).code == 0
    target.execute(*TRIGGERS[target.kind].split(SPLIT))
    refused = cli("backfill", "--plan", "p.json")
    assert refused.code == 4
    assert re.search(r"triggers, rules and foreign keys: none in the plan, \(trigger stamp \w{12}\) now", refused.err)
    if target.sqlite:  # tables have no identity there
        return
    assert cli("plan", "backfill", "-t", target.url, *sets).code == 0
    target.execute("create table u (like t including all)", "drop table t", "alter table u rename to t")
    refused = cli("backfill", "--plan", "p.json")
    assert (refused.code, 'table with this name: "oid ' in refused.err) == (4, True)


def test_a_resume_in_a_table_that_was_replaced(cli: Cli, target: Target) -> None:
    """What is done was done to the other table."""
    if target.sqlite:
        pytest.skip("tables have no identity there")
    options = ("--set", "v = v + 1", "--max-rows", "10", "--min-rows", "10", "--max-affected", "30", "-j", "1")
    assert cli("backfill", "-t", target.url, "--over", "t", *options).code == 4
    target.execute("alter table t alter id type numeric")
    refused = cli("resume", "--last", "--max-affected", "1000")
    assert (refused.code, re.search(r"\(oid (\d+); id integer, now oid \1; id numeric\)", refused.err) is None) == (
        4,
        False,
    )
    target.execute("alter table t alter id type integer")
    target.execute(
        "create table u (like t including all)",
        "insert into u select * from t",
        "drop table t",
        "alter table u rename to t",
        "alter index u_pkey rename to t_pkey",
    )
    refused = cli("resume", "--last", "--max-affected", "1000")
    assert (refused.code, "t was replaced by another table, or its key got another order, since" in refused.err) == (
        4,
        True,
    )


def test_a_resume_by_a_key_that_got_a_wider_type(cli: Cli, target: Target) -> None:
    """All integers have one order. The catalog does not say whether USING has given other keys, so the user has to."""
    if target.sqlite:
        pytest.skip("columns keep their types there")
    options = ("--set", "v = v + 1", "--max-rows", "10", "--min-rows", "10", "--max-affected", "30", "-j", "1")
    assert cli("backfill", "-t", target.url, "--over", "t", *options).code == 4
    target.execute("alter table t alter id type bigint")
    refused = cli("resume", "--last", "--max-affected", "1000")
    assert (refused.code, "bulkq resume with --allow rewritten continues" in refused.err) == (4, True), refused.err
    done = cli("resume", "--last", "--max-affected", "1000", "--allow", "rewritten")
    assert done.code == 0, done.err
    assert target.execute("select v - id, count(*) from t group by 1") == [(1, 100)]


def test_texts_with_a_nul(cli: Cli, tmp_path: Path) -> None:
    """In SQLite, functions of text end there, so a range that ends with one would be met again."""
    made = targets.make("sqlite", tmp_path, "", None)
    made.execute(
        "create table t (id text not null primary key, v integer not null default 0) without rowid",
        "insert into t (id) select 'a' || char(0) || value from json_each('[1,2,3,4,5,6,7,8,9]')",
        "insert into t (id) values ('a'), ('b'), ('c'), ('d')",
    )
    done = cli(
        "backfill",
        "-t",
        made.url,
        "--over",
        "t",
        "--set",
        "v = v + 1",
        "--min-rows",
        "1",
        "--max-rows",
        "4",
        "--allow",
        "seqscan",
    )
    assert done.code == 0, done.err
    assert made.execute("select v, count(*) from t group by v") == [(1, 13)]


def test_rows_that_a_trigger_keeps(cli: Cli, target: Target) -> None:
    """If nothing verifies the run, it says how many rows it has not changed."""
    target.execute(*KEEPING[target.kind].split(SPLIT))
    done = cli("backfill", "-t", target.url, "--over", "t", "--set", "v = v + 1")
    assert (done.code, done.counts["changed"]) == (0, "90"), done.err
    assert ": 90 of 100 rows were changed: a trigger or a rule kept the others" in done.err


def test_keys_whose_values_have_no_text(cli: Cli, target: Target) -> None:
    """They are refused by name, in one line."""
    if target.sqlite:
        target.execute("create table k (b blob not null unique, v integer)", "insert into k values (x'00', 1)")
        usable = sqlite3.sqlite_version_info >= (3, 41)
    else:
        target.execute("create type pair as (a int, b int)", "create table k (b pair primary key, v integer)")
        usable = False
    done = cli("backfill", "-t", target.url, "--over", "k", "--key", "b", "--set", "v = 2")
    assert (done.code, done.err.count("\n")) == (0 if usable else 4, 2 if usable else 1), done.err
    assert usable or 'its column "b" ' in done.last


def test_a_rehearsal_that_cannot_be_rolled_back(cli: Cli, request: pytest.FixtureRequest) -> None:
    """A trigger writes into a table without transactions: refused in one line."""
    base = fresh("mariadb", request)
    base.execute(
        "create table t (id int unsigned primary key, v int)",
        "insert into t values (0, 0), (1, 1)",
        "create table l (a int) engine=MyISAM",
        "create trigger g after update on t for each row insert into l values (new.id)",
    )
    done = cli("backfill", "-t", base.url("mysql+pymysql"), "--over", "t", "--set", "v = v + 1", "--rehearse", "2")
    assert (done.code, "uses the engine MyISAM, which has no transactions" in done.last) == (4, True), done.err
    (cli.folder / "q.sql").write_text("-- @over t\nupdate t set v = 5 where id > :lo and id <= :hi\n")
    done = cli("backfill", "q.sql", "-t", base.url("mysql+pymysql"))
    assert (done.code, "no number stands in front of the least id" in done.last) == (2, True), done.err


def test_the_number_of_a_row_is_its_key(cli: Cli, tmp_path: Path) -> None:
    """By all its names."""
    made = targets.make("sqlite", tmp_path, "", None)
    made.execute("create table t (id integer primary key, v integer)", "insert into t values (1, 1), (2, 2)")
    for name in ("_rowid_", "OID", "rowid", "main.t.id"):
        (cli.folder / "q.sql").write_text(f"-- @over t\nupdate t set {name.split('.')[-1]} = id + 100 where :range")
        refused = cli("backfill", "q.sql", "-t", made.url)
        assert (refused.code, '"id" is in the key by which the table is cut' in refused.last) == (2, True)


def test_a_statement_that_the_table_no_longer_fits_stops_the_run(cli: Cli, database: str) -> None:
    """No range is cut down to rows and counted as failed; a resume does what is left."""
    function = "create function more(n int) returns int language sql immutable as 'select n + 1'"
    servers.execute(
        database,
        "create table f (id int primary key, v int not null default 0)",
        "insert into f select generate_series(1, 500)",
        function,
        "create function remove() returns trigger language plpgsql as "
        "'begin if new.id = 150 then drop function more(int); end if; return new; end'",
        "create trigger removing before update on f for each row execute function remove()",
    )
    options = ("--set", "v = more(v)", "--max-rows", "100", "-j", "1")
    done = cli("backfill", "-t", database, "--over", "f", *options)
    assert (done.code, "failed=0" in done.err) == (5, True), done.err
    assert "stopped: the statement cannot be executed any more: function more(integer) does not exist" in done.err
    servers.execute(database, "drop trigger removing on f", function)
    assert cli("resume", "--last").code == 0
    assert [tuple(row) for row in servers.execute(database, "select v, count(*) from f group by v")] == [(1, 500)]


def test_a_role_that_may_not_change_the_table_is_refused(cli: Cli, database: str) -> None:
    """The plan and the backfill say so, also with --allow seqscan: no range is tried and cut down."""
    role = f"reader_{uuid4().hex[:8]}"
    servers.execute(
        database,
        "create table g (id int primary key, v int)",
        "insert into g select generate_series(1, 50)",
        f"create role {role}",
        f"grant select on g to {role}",
        f"grant all on schema public to {role}",
    )
    try:
        for command in (("backfill", "--allow", "seqscan"), ("plan", "backfill")):
            options = ("-t", database, "--over", "g", "--set", "v = 1")
            done = cli(*command, *options, env={"PGOPTIONS": f"-c role={role}"})
            assert done.code == 4
            assert "permission denied for table g: ask a DBA to grant the right, or connect as another" in done.err
    finally:
        servers.execute(database, f"drop owned by {role}", f"drop role {role}")


def test_a_right_that_is_revoked_meanwhile_stops_the_run(cli: Cli, database: str) -> None:
    """No range is cut down to rows and counted as failed; a resume after a GRANT does what is left."""
    role = f"writer_{uuid4().hex[:8]}"
    servers.execute(
        database,
        "create table h (id int primary key, v int)",
        "insert into h select generate_series(1, 500)",
        f"create role {role}",
        f"grant select, update on h to {role}",
        f"grant all on schema public to {role}",
        "create function revoke_it() returns trigger language plpgsql security definer as "
        f"'begin if new.id = 150 then revoke update on h from {role}; end if; return new; end'",
        "create trigger revoking before update on h for each row execute function revoke_it()",
    )
    as_role = {"PGOPTIONS": f"-c role={role}"}
    try:
        options = ("--set", "v = 1", "--max-rows", "100", "-j", "1")
        done = cli("backfill", "-t", database, "--over", "h", *options, env=as_role)
        assert (done.code, "failed=0" in done.err) == (5, True), done.err
        assert "the statement cannot be executed any more: permission denied for table h" in done.err
        servers.execute(database, "drop trigger revoking on h", f"grant update on h to {role}")
        assert cli("resume", "--last", env=as_role).code == 0
        assert [tuple(row) for row in servers.execute(database, "select v, count(*) from h group by v")] == [(1, 500)]
    finally:
        servers.execute(database, f"drop owned by {role}", f"drop role {role}")


def test_a_role_that_may_not_change_the_markers_is_refused(cli: Cli, request: pytest.FixtureRequest) -> None:
    """On a database that is not asked for rights: no range is tried and cut down."""
    base = fresh("mariadb", request)
    user = f"u{uuid4().hex[:8]}"
    base.execute(
        "create table t (id int primary key, v int)",
        "insert into t values (0, 0), (1, 1)",
        f"create user {user}@'127.0.0.1'",
        f"grant select, insert, delete, create on {base.path}.* to {user}@'127.0.0.1'",
        f"grant update on {base.path}.t to {user}@'127.0.0.1'",
    )
    try:
        url = base.url("mysql+pymysql").replace("root@", f"{user}@")
        done = cli("backfill", "-t", url, "--over", "t", "--set", "v = v + 1")
        assert (done.code, done.err.count("\n")) == (4, 1), done.err
        assert "lacks rights that exactly-once writes need: UPDATE command denied" in done.err
    finally:
        base.execute(f"drop user {user}@'127.0.0.1'")


def test_a_timestamp_key_where_the_clock_is_set_back(cli: Cli, request: pytest.FixtureRequest) -> None:
    """MariaDB reads each time of the repeated hour as the later one, so ranges would leave the first of the two out."""
    base = fresh("mariadb", request)
    zone = f"z{uuid4().hex[:8]}"
    base.execute("insert into mysql.time_zone (use_leap_seconds) values ('N')")
    ((newest,),) = base.execute("select max(time_zone_id) from mysql.time_zone")
    base.execute(
        f"insert into mysql.time_zone_name values ('{zone}', {newest})",
        f"insert into mysql.time_zone_transition_type values ({newest}, 0, 7200, 1, 'S'), ({newest}, 1, 3600, 0, 'W')",
        f"insert into mysql.time_zone_transition values ({newest}, -2000000000, 0), ({newest}, unix_timestamp('2026-10-25 01:00:00'), 1)",
        "create table t (ts timestamp primary key, v int)",
        "insert into t select '2026-10-25 00:00:00' + interval seq * 5 minute, 0 from seq_0_to_24",
    )
    arguments = ("--over", "t", "--set", "v = v + 1", "--min-rows", "1", "--max-rows", "3")
    done = cli("backfill", "-t", f"{base.url('mysql+pymysql')}?init_command=SET time_zone='{zone}'", *arguments)
    assert (done.code, f"has the time zone {zone}: connect with ?init_command=" in done.last) == (4, True), done.err
    done = cli("backfill", "-t", f"{base.url('mysql+pymysql')}?init_command=SET time_zone='%2B00:00'", *arguments)
    assert done.code == 0, done.err
    assert base.execute("select count(*), sum(v) from t") == [(25, 25)]


def test_floats_that_lose_digits_are_no_key(cli: Cli, database: str) -> None:
    """A setting of the database shortens their texts, so a group of the key was not found again, and the run had no end."""
    servers.execute(
        database,
        "create table f (a float8, b int, v int not null default 0, primary key (a, b))",
        "insert into f select 0.1::float8 + 0.2::float8, generate_series(1, 100)",
        "insert into f select 0.5, generate_series(1, 100)",
        "do $$ begin execute format('alter database %I set extra_float_digits = 0', current_database()); end $$",
    )
    options = ("backfill", "-t", database, "--over", "f", "--set", "v = v + 1", "--max-rows", "20")
    refused = cli(*options)
    assert (refused.code, "texts lose digits because extra_float_digits is less than 1" in refused.last) == (4, True)
    done = cli(*options, env={"PGOPTIONS": "-c extra_float_digits=1"})
    assert done.code == 0, done.err
    assert [tuple(row) for row in servers.execute(database, "select v, count(*) from f group by v")] == [(1, 200)]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("--set", "g = default"), 'column "g" of public.k is generated, so an undo cannot give it its old values'),
        (("--set", "v = 1"), "not supported for data-modifying statements in WITH: leave out --capture"),
    ],
)
def test_what_an_undo_could_not_give_back_is_refused(cli: Cli, database: str, given: tuple[str, ...], why: str) -> None:
    """An identity that is always generated, and rows behind a rule."""
    servers.execute(
        database,
        "create table k (id int primary key, g int generated always as identity, v int)",
        "insert into k (id, v) values (1, 0)",
        "create table log (id int)",
        "create rule also as on update to k do also insert into log values (new.id)",
    )
    refused = cli("backfill", "-t", database, "--over", "k", *given, "--capture")
    assert (refused.code, why in refused.last) == (4, True), refused.err
    assert [tuple(row) for row in servers.execute(database, "select g, v from k")] == [(1, 0)]


def test_uuids_without_an_order_are_no_key(cli: Cli, request: pytest.FixtureRequest) -> None:
    """MariaDB does not find all rows of a range of hashes that were made uuids; those of RFC 9562 up to version 7 it does."""
    base = fresh("mariadb", request)
    if not base.execute("select 1 from information_schema.plugins where plugin_name = 'uuid'"):
        pytest.skip("this server has no type uuid")
    base.execute(
        "create table h (id uuid primary key, v int not null default 0)",
        "insert into h (id) select cast(unhex(md5(seq)) as uuid) from seq_1_to_200",
        "create table u (id uuid primary key, v int not null default 0)",
        "insert into u (id) select insert(insert(cast(cast(unhex(md5(seq)) as uuid) as char), 15, 1, 1 + seq mod 7), 20, 1, 'a') "
        "from seq_1_to_200",
        "insert into u (id) values ('00000000-0000-0000-0000-000000000000'), ('ffffffff-ffff-ffff-ffff-ffffffffffff')",
    )
    options = ("backfill", "-t", base.url("mysql+pymysql"), "--set", "v = v + 1", "--max-rows", "20", "--over")
    refused = cli(*options, "h")
    assert (refused.code, "which the database does not keep in one order with others" in refused.last) == (4, True)
    done = cli(*options, "u")
    assert done.code == 0, done.err
    assert base.execute("select v, count(*) from u group by v") == [(1, 202)]


def test_infinite_keys_of_sqlite_belong_to_ranges(tmp_path: Path, cli: Cli) -> None:
    """The text of infinity was read as 0, and a table with the key 0 ended there."""
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("create table t (id real primary key not null, v integer)")
        ids = [-math.inf, -1.5, 0.0, 1e-310, 1e300, math.inf, *range(2, 50)]
        connection.executemany("insert into t values (?, 0)", [(one,) for one in ids])
    done = cli(
        "backfill", "-t", f"sqlite:///{tmp_path / 't.db'}", "--over", "t", "--set", "v = v + 1",
        "--allow", "unbounded", "--min-rows", "1", "--max-rows", "7", "--capture",
    )  # fmt: skip
    assert done.code == 0, done.err
    with sqlite3.connect(tmp_path / "t.db") as connection:
        assert connection.execute("select v, count(*) from t group by v").fetchall() == [(1, 54)]


FOLDED = """
create schema ext; create type ext.folded;
create function ext.i(cstring) returns ext.folded immutable strict language internal as 'textin';
create function ext.o(ext.folded) returns cstring immutable strict language internal as 'textout';
create type ext.folded (input = ext.i, output = ext.o, like = text, category = 'S');
create cast (ext.folded as text) without function as implicit;
create function ext.c(ext.folded, ext.folded) returns int immutable language sql as 'select bttextcmp(lower($1::text), lower($2::text))';
create function ext.lt(ext.folded, ext.folded) returns bool immutable language sql as 'select ext.c($1, $2) < 0';
create function ext.le(ext.folded, ext.folded) returns bool immutable language sql as 'select ext.c($1, $2) <= 0';
create function ext.eq(ext.folded, ext.folded) returns bool immutable language sql as 'select ext.c($1, $2) = 0';
create function ext.ge(ext.folded, ext.folded) returns bool immutable language sql as 'select ext.c($1, $2) >= 0';
create function ext.gt(ext.folded, ext.folded) returns bool immutable language sql as 'select ext.c($1, $2) > 0';
create operator ext.<  (leftarg = ext.folded, rightarg = ext.folded, function = ext.lt);
create operator ext.<= (leftarg = ext.folded, rightarg = ext.folded, function = ext.le);
create operator ext.=  (leftarg = ext.folded, rightarg = ext.folded, function = ext.eq);
create operator ext.>= (leftarg = ext.folded, rightarg = ext.folded, function = ext.ge);
create operator ext.>  (leftarg = ext.folded, rightarg = ext.folded, function = ext.gt);
create operator class ext.folded_ops default for type ext.folded using btree as
    operator 1 ext.<, operator 2 ext.<=, operator 3 ext.=, operator 4 ext.>=, operator 5 ext.>, function 1 ext.c(ext.folded, ext.folded);
create table f (id ext.folded primary key, v int default 0);
insert into f (id) values ('A'), ('b'), ('C')"""
"""A type like citext, in a schema outside the search path: `<` of text is taken for its own, which has another order."""


def test_a_type_whose_operators_are_not_in_the_search_path(cli: Cli, database: str) -> None:
    """Rows are ordered as the type says and compared as texts: some had been left out with exit code 0."""
    servers.execute(database, *FOLDED.split(";"))
    given = ("backfill", "-t", database, "--over", "f", "--set", "v = v + 1", "--allow", "unbounded,seqscan")
    refused = cli(*given)
    assert refused.code == 4
    assert "whose operators are in the schema ext, outside the search path" in refused.err
    done = cli(*given, env={"PGOPTIONS": "-c search_path=public,ext"})
    assert (done.code, done.counts["changed"]) == (0, "3"), done.err


def test_a_role_that_may_not_make_tables(cli: Cli, database: str) -> None:
    """It uses those of a DBA, made as the documentation says; without rights on them it is refused."""
    role = f"plain_{uuid4().hex[:8]}"
    servers.execute(
        database,
        f"create role {role} login password 'x'",
        "create schema ops",
        "create table t (id int primary key, n int default 0)",
        "insert into t (id) select generate_series(1, 20)",
        f"grant select, update on t to {role}",
        f"grant usage on schema ops to {role}",
        "create table ops.bulkq_runs (run text primary key, owner text not null, at timestamptz not null default now())",
        """create table ops.bulkq_markers (run text not null, part integer not null, first bigint not null, last bigint not null,
        rows bigint not null default 0, at timestamptz not null default now(), primary key (run, part, first))""",
        f"""create table ops.bulkq_ranges (run text not null, part integer not null, first bigint not null, state integer not null,
        rows bigint not null, {", ".join(f"{end}{n} text" for end in "lu" for n in range(1, 9))}, primary key (run, part, first))""",
        """create table ops.bulkq_images (run text not null, part integer not null, first bigint not null, place bigint not null,
        state smallint not null, key text[], old text[], new text[], about text, primary key (run, part, first, place))""",
        f"grant select, insert, update, delete on ops.bulkq_runs, ops.bulkq_markers, ops.bulkq_images to {role}",
    )
    url = f"postgresql://{role}:x@{database.rpartition('@')[2]}"
    given = ("-t", url, "--over", "t", "--set", "n = n + 1", "--allow", "unbounded", "--marker-table", "ops.bulkq")
    refused = cli("backfill", *given)
    assert (refused.code, 'needs the table "ops"."bulkq_ranges": permission denied' in refused.err) == (4, True), (
        refused.err
    )
    servers.execute(database, f"grant select, insert, update, delete on ops.bulkq_ranges to {role}")
    done = cli("backfill", *given, "--capture", "--capture-table", "ops.bulkq_images")
    assert (done.code, done.counts["changed"]) == (0, "20"), done.err
