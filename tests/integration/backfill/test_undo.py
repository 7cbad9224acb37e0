"""`--capture` and `bulkq undo`: rows come back byte for byte, those that others changed stay, and nothing is done twice."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.support import targets

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli, Finished
    from tests.support.targets import Target

ROWS = 2_000
KILLS = int(os.environ.get("BULKQ_UNDO_KILLS", "1"))
"""Kills of a backfill, and of its undo. On SQLite only if the variable is set."""

TABLES = {
    "postgresql": (
        """create table t (id int primary key, a int, n numeric(12,4), s text, f float8, b bytea, l text[], j jsonb, p json,
        z timestamptz, c char(6), d date, v interval, o point, g text generated always as (s || '!') stored)""",
        f"""insert into t
        select i, nullif(i % 7, 3), i * 1.10, (array[null, '', E'it''s "q" \\\\ {{x,NULL}}', 'x'])[1 + i % 4],
               case when i % 9 = 0 then 'NaN' when i % 9 = 1 then '-0' else i / 3.0 end,
               case when i % 3 = 0 then '\\x00ff27'::bytea end,
               case i % 4 when 0 then array['a', null, 'NULL', '{{', '"'] when 1 then '{{}}' end,
               case i % 6 when 0 then 'null'::jsonb when 1 then null else jsonb_build_object('k', i * 1.50) end,
               '{{"a" : 1,  "a":2}}', '2024-03-31 01:30:00.123456+00'::timestamptz + i * interval '1 hour', 'ab',
               date '0044-03-15 BC' + i, interval '1 mon -2 days 03:04:05', point(i, -0.5)
          from generate_series(1, {ROWS}) as i""",
        "analyze t",
    ),
    "sqlite": (
        "create table t (id integer primary key, a, n numeric, s text collate nocase, f real, b blob, g as (n + 1))",
        f"""insert into t (id, a, n, s, f, b)
        with recursive c(i) as (select 1 union all select i + 1 from c where i < {ROWS})
        select i, case i % 6 when 0 then null when 1 then 1 when 2 then 1.5 when 3 then 'x' when 4 then x'00ff' else '5' end, i * 1.1,
               case i % 4 when 0 then null when 1 then '' when 2 then 'it''s ' || char(0) || ' q' else 'X' || i end, i / 3.0,
               case i % 3 when 0 then x'0001' when 1 then 'text' end from c""",
    ),
}
CHANGES = {
    "postgresql": "a = coalesce(a, 0) + 1, n = n * 2.5, s = s || 'z', f = f + 1, b = 'q', l = l || 'n'::text, j = '{}', p = null, "
    "z = z + interval '1 day', c = 'zz', d = d + 1, v = v * 2, o = point(0, 0)",
    "sqlite": "a = 'new', n = n * 2, s = upper(s) || 'z', f = f + 1, b = x'01'",
}
IMAGES = "select run, state, count(*) from bulkq_images where state <> 3 group by 1, 2 order by 1, 2"


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A table with values of many types on a target of each kind."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("database")
    made = targets.make(request.param, tmp_path, database, None)
    made.execute(*TABLES[request.param])
    return made


def checksum(target: Target, where: str = "true") -> tuple[int, str]:
    """Of all rows, as the server prints them: types and bytes count."""
    columns = "t.*, typeof(a), typeof(n), hex(s), quote(f), quote(b)" if target.sqlite else "t::text"
    rows = target.execute(f"select {columns} from t where {where} order by id")
    return len(rows), hashlib.md5(repr(rows).encode()).hexdigest()


def backfill(cli: Cli, target: Target, *more: str) -> Finished:
    """Change every second row, and keep what it was."""
    given = more or ("--set", CHANGES[target.kind], "--where", "id % 2 = 0", "--verify", "select 0")
    done = cli("backfill", "-t", target.url, "--over", "t", "--capture", "--max-rows", "300", *given)
    assert done.code in {0, 4, 5}, f"{done.code}: {done.err}"
    return done


def run_of(done: Finished) -> str:
    """The id of a run."""
    found = re.search(r"run=(\w+)", done.last)
    assert found, done.err
    return found[1]


def test_one_percent_was_changed_by_others(cli: Cli, target: Target) -> None:
    """The others come back byte for byte, these stay and are listed, and a second undo takes what can be given back by then."""
    before = checksum(target)
    done = backfill(cli, target)
    assert (done.code, done.counts["changed"]) == (0, str(ROWS // 2)), done.err
    changed, run = checksum(target), run_of(done)
    target.execute("update t set n = n + 1 where id % 200 = 0", "delete from t where id % 200 = 100")
    asked = cli("undo", run, "--dry-run")
    assert asked.text.endswith(
        f"{ROWS // 2 - 20} rows can be given back, 20 have changed since and would stay as they are, 0 are back already\n"
    )
    theirs = checksum(target, "id % 100 = 0")
    undone = cli("undo", run, "--failures", "conflicts.jsonl")
    assert (undone.code, undone.counts["changed"], undone.counts["status"]) == (1, str(ROWS // 2 - 20), "failed")
    assert f"20 of {ROWS // 2} rows of " in undone.err
    listed = [json.loads(line) for line in (cli.folder / "conflicts.jsonl").read_text().splitlines()]
    assert sorted(int(one["params"]["id"]) for one in listed) == list(range(100, ROWS + 1, 100))
    assert checksum(target, "id % 100 = 0") == theirs
    target.execute("update t set n = n - 1 where id % 200 = 0")
    again = cli("undo", run)
    assert (again.code, again.counts["changed"]) == (1, "10")
    target.execute(f"delete from t where id > {ROWS}")
    assert checksum(target, "id % 200 <> 100")[0] == ROWS - 10
    assert changed != before


def test_all_types_come_back(cli: Cli, target: Target) -> None:
    """NULL, '', NaN, bytes, arrays, null of JSON, moments, scales, quotes; an undo of what is undone does nothing."""
    before = checksum(target)
    run = run_of(backfill(cli, target))
    assert checksum(target) != before
    assert cli("undo", run).code == 0
    assert checksum(target) == before
    again = cli("undo", run)
    assert (again.code, again.counts["changed"]) == (0, "0")
    assert f"{ROWS // 2} are back already: nothing to undo" in again.err
    assert re.search(rf"^{run} .* ok, undone ", cli("runs").text, re.MULTILINE)
    assert cli("ledger", "forget", run).code == 0
    assert target.execute(IMAGES) == []


@pytest.mark.parametrize("library", ["psycopg", "psycopg2"])
def test_the_other_libraries_of_postgresql(cli: Cli, database: str, tmp_path: Path, library: str) -> None:
    """The statement that keeps rows has RETURNING in a CTE, gives no rows itself, and counts those that it has kept."""
    pytest.importorskip(library)
    target = targets.make("postgresql", tmp_path, database, None)
    target.execute(*TABLES["postgresql"])
    before, url = checksum(target), database.replace("postgresql://", f"postgresql+{library}://")
    given = ("--set", CHANGES["postgresql"], "--where", "id % 2 = 0", "--verify", "select 0")
    done = cli("backfill", "-t", url, "--over", "t", "--capture", "--max-rows", "300", *given)
    assert (done.code, done.counts["changed"]) == (0, str(ROWS // 2)), done.err
    assert checksum(target) != before
    undone = cli("undo", run_of(done))
    assert (undone.code, undone.counts["changed"]) == (0, str(ROWS // 2)), undone.err
    assert checksum(target) == before


def test_deleted_rows_come_back(cli: Cli, target: Target) -> None:
    """With all columns but generated ones; a row that is there again is left alone."""
    before = checksum(target)
    done = backfill(cli, target, "--delete", "--where", "id % 3 = 0")
    assert (done.code, done.counts["changed"]) == (0, str(ROWS // 3)), done.err
    target.execute("insert into t (id, s) values (3, 'theirs')")
    undone = cli("undo", run_of(done))
    assert (undone.code, undone.counts["changed"]) == (1, str(ROWS // 3 - 1))
    assert target.execute("select s from t where id = 3") == [("theirs",)]
    target.execute("delete from t where id = 3")
    assert cli("undo", run_of(done)).code == 0
    assert checksum(target) == before


def test_a_limit_stops_the_run_and_what_it_did_is_undone(cli: Cli, target: Target) -> None:
    """With the next step; once it was undone, it does not go on: what was undone would stay so."""
    before = checksum(target)
    filled = (
        "--set",
        "s = " + ("hex(zeroblob(500))" if target.sqlite else "repeat('x', 1000)"),
        "--where",
        "id > 0",
        "--verify",
        "select 0",
    )
    stopped = backfill(cli, target, *filled, "--capture-max", "200KB")
    assert stopped.code == 5, stopped.err
    run = run_of(stopped)
    assert f"go on with bulkq resume {run} --capture-max SIZE" in stopped.err
    assert 0 < int(stopped.counts["changed"]) < ROWS
    undone = cli("undo", run)
    assert (undone.code, undone.counts["changed"]) == (0, stopped.counts["changed"]), undone.err
    assert checksum(target) == before
    resumed = cli("resume", run, "--capture-max", "none")
    assert resumed.code == 4
    assert f"run {run} was undone, wholly or in part: start the backfill again" in resumed.err
    assert checksum(target) == before
    assert cli("resume", run, "--again").code == 2


QUERIES = """
-- name: raise_n
-- @over t
-- @capture true
update t set n = n + 1 where :range and id % 2 = 0; -- every second row
-- name: remove
-- @over t
-- @capture TRUE
delete from t as x where :range(x) and id % 3 = 0
-- name: returns
-- @over t
-- @capture true
update t set n = 0 where :range returning id
"""


def test_statements_of_a_file(cli: Cli, target: Target) -> None:
    """One UPDATE or DELETE of the table without RETURNING is kept; of an UPDATE, PostgreSQL gives old values since 18."""
    before = checksum(target)
    (cli.folder / "q.sql").write_text(QUERIES)
    done = cli("backfill", "q.sql:remove", "-t", target.url, "--max-rows", "300")
    assert (done.code, done.counts.get("changed")) == (0, str(ROWS // 3)), done.err
    assert cli("undo", run_of(done)).code == 0
    assert checksum(target) == before
    done = cli("backfill", "q.sql:raise_n", "-t", target.url, "--max-rows", "300")
    if done.code == 4:
        assert "before PostgreSQL 18, an UPDATE of a file does not give its old values" in done.last
    else:
        assert done.counts.get("changed") == str(ROWS // 2), done.err
        undone = cli("undo", run_of(done))
        assert (undone.code, undone.counts["changed"]) == (0, str(ROWS // 2)), undone.err
    assert checksum(target) == before
    refused = cli("backfill", "q.sql:returns", "-t", target.url)
    assert (refused.code, "without RETURNING: write the statement so" in refused.last) == (4, True)


def test_what_cannot_be_kept_is_refused(cli: Cli, target: Target) -> None:
    """By name, and before anything is changed."""
    before = checksum(target)
    foreign = "?foreign_keys=on" if target.sqlite else ""
    target.execute("create table r (x integer references t on delete cascade)")
    refused = cli("backfill", "-t", target.url + foreign, "--over", "t", "--delete", "--where", "true", "--capture")
    if not target.sqlite:  # without the pragma, SQLite enforces no reference
        assert refused.code == 4
        assert (
            "deleting rows of public.t changes rows of r (constraint r_x_fkey) too, which would not come back"
            in refused.last
        )
        assert checksum(target) == before
    plain = cli(
        "backfill", "-t", target.url, "--over", "t", "--set", "s = 'x'", "--where", "id = 1", "--verify", "select 0"
    )
    undo = cli("undo", run_of(plain))
    assert (undo.code, "was started without --capture" in undo.last) == (2, True)
    other = cli("run", "-e", "select 1", "-t", target.url)
    assert "is not a backfill: bulkq undo is for runs of bulkq backfill --capture" in cli("undo", "--last").last, (
        other.err
    )


def test_kills(cli: Cli, target: Target) -> None:
    """A run that is killed and resumed has an image of each change; an undo that is killed and resumed gives all of them back."""
    if target.sqlite and "BULKQ_UNDO_KILLS" not in os.environ:
        pytest.skip("BULKQ_UNDO_KILLS is not set")
    before, chance = checksum(target), random.Random(7)
    slow = "(select count(*) from t as u where u.id < 300) * 0" if target.sqlite else "(pg_sleep(0.0005) is null)::int"
    begin = (
        "backfill",
        "-t",
        target.url,
        "--over",
        "t",
        "--set",
        f"n = n + 1 + {slow}",
        "--capture",
        "--max-rows",
        "50",
    )
    for _ in range(KILLS):
        run = killed(cli, target, 0, chance.randrange(ROWS // 2), *begin, "--allow", "seqscan")
        done = cli("resume", run, "--timeout", "20s")
        assert (done.code, done.counts["changed"]) == (0, str(ROWS)), done.err
        undo = killed(cli, target, 1, chance.randrange(ROWS // 2), "undo", run)
        assert cli("resume", undo).code == 0
        assert cli("undo", run).code == 0
        assert checksum(target) == before
        assert cli("ledger", "forget", run).code == 0


def killed(cli: Cli, target: Target, state: int, most: int, *command: str) -> str:
    """Start a command, kill it when more than `most` images have the state, and give the id of its run."""
    process = cli.start(*command)
    count = f"select count(*) from bulkq_images where state = {state}"
    end_s = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end_s:
        with suppress(Exception):  # the table is not there yet
            if int(str(target.execute(count)[0][0])) > most:
                break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    listed = cli("runs", "--limit", "1", "--format", "json")
    return str(json.loads(listed.text)[0]["run"])
