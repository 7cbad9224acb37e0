"""One run over many targets: what is dead, hangs or fails is named, and takes nothing from the others."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import time
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.errors import RefusedError, TargetError, UsageError
from bulkq.model import RunSummary, Target
from bulkq.model.run import make_run
from bulkq.tasks.resume import resume
from bulkq.tasks.retry import retry
from bulkq.tasks.run import run
from tests.support.notices import Notices
from tests.support.servers import postgres as servers
from tests.support.servers.silence import silence
from tests.support.sqlite_files import column

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.mariadb import MariaDB

DEAD = "postgresql://u@127.0.0.1:9/d"  # the port of "discard", where nobody listens


def made(folder: Path, name: str, rows: int = 3, *, table: bool = True) -> Target:
    """A SQLite database with the table `t`."""
    connection = sqlite3.connect(folder / f"{name}.db")
    if table:
        connection.execute("create table t (id integer primary key, v text)")
        connection.executemany("insert into t values (?, ?)", [(i, f"{name}-{i}") for i in range(1, rows + 1)])
    connection.commit()
    connection.close()
    return Target(url=f"sqlite:///{folder}/{name}.db", name=name)


def values(target: Target, sql: str = "select v from t order by id") -> list[object]:
    """What a target holds."""
    return column(target.url.removeprefix("sqlite:///"), sql)


async def go(sql: str, *targets: Target, told: Notices | None = None, **more: object) -> tuple[RunSummary, str]:
    """Run `sql` on all targets; the summary and stdout."""
    out = io.BytesIO()
    asked = {"ledger": "none", "connect_timeout_s": 0.5, "outage_s": 0.3, "concurrency": 64}
    query = queries.inline(sql, "sqlite")
    request = make_run(queries=(query,), targets=targets, **{**asked, **more})  # type: ignore[arg-type]
    summary = await run(request, control=Control(), stdout=out, observers=[told] if told else [])
    return summary, out.getvalue().decode()


async def test_four_of_fifty_targets(tmp_path: Path) -> None:
    """Three are dead and one never answers: they are named, all others answer, and nobody waits longer than the connect timeout."""
    healthy = [made(tmp_path, f"t{i:02}") for i in range(46)]
    dead = [replace(Target(url=DEAD), name=f"dead{i}") for i in range(3)]
    async with silence() as url:
        began_s = time.monotonic()
        summary, rows = await go(
            "select id, v from t where id < 3", *healthy[:20], *dead, Target(url=url, name="mute"), *healthy[20:]
        )
        assert time.monotonic() - began_s < 10
    assert (summary.exit_code, summary.ok, summary.skipped) == (3, 46, 4)
    named = {one.target: one.reason for one in summary.per_target if one.reason}
    assert set(named) == {"dead0", "dead1", "dead2", "mute"}
    assert named["mute"] == "no answer within 0.5s"
    assert "4 of 50 targets were not done: dead0, dead1, dead2, mute" in summary.reason
    found = [json.loads(line) for line in rows.splitlines()]
    assert {(row["_target"], row["v"]) for row in found} == {(t.name, f"{t.name}-{i}") for t in healthy for i in (1, 2)}
    assert all(a["_target"] == b["_target"] for a, b in zip(found[::2], found[1::2], strict=True)), "answers are whole"


async def test_all_dead(tmp_path: Path) -> None:
    """Nothing can be done: a line each, exit 3, no output left."""
    with pytest.raises(TargetError) as caught:
        await go(
            "select 1 as one", Target(url=DEAD, name="a"), Target(url=DEAD, name="b"), output=str(tmp_path / "x.csv")
        )
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["a", "b"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unordered", [False, True])
async def test_every_set_on_every_target(tmp_path: Path, *, unordered: bool) -> None:
    """Files are read once per target, each target's rows are in order, and each has its own file where the path says so."""
    (tmp_path / "ids.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(1, 301)))
    targets = [made(tmp_path, name, 300) for name in ("a", "b", "c")]
    summary, _ = await go(
        "select v from t where id = :id",
        *targets,
        params=(str(tmp_path / "ids.csv"),),
        output=f"{tmp_path}/out-{{target}}.csv",
        unordered=unordered,
    )
    assert (summary.exit_code, summary.ok) == (0, 900)
    for target in targets:
        rows = [row["v"] for row in csv.DictReader((tmp_path / f"out-{target.name}.csv").read_text().splitlines())]
        expected = [f"{target.name}-{i}" for i in range(1, 301)]
        assert (sorted(rows) if unordered else rows) == (sorted(expected) if unordered else expected)


async def test_what_comes_once_is_read_by_every_target(tmp_path: Path) -> None:
    """Standard input is spooled, and each target reads the spool at its own pace, also where nothing is recorded."""
    targets = [made(tmp_path, name, 2000) for name in ("a", "b", "c")]
    for ledger in ("none", f"sqlite:///{tmp_path}/ledger.db"):
        given = io.BytesIO(b"id\n" + b"".join(b"%d\n" % i for i in range(1, 2001)))
        query = queries.inline("select v from t where id = :id", "sqlite")
        request = make_run(
            queries=(query,), targets=tuple(targets), params=("-",), params_format="csv", format="none", ledger=ledger
        )
        summary = await run(request, control=Control(), stdin=given)
        assert (summary.exit_code, summary.ok) == (0, 6000)
    assert not list(tmp_path.glob("*.spool"))


async def test_a_big_answer_holds_nobody_back(tmp_path: Path) -> None:
    """Results of more than one piece, into one output: each stays whole, whoever else writes meanwhile."""
    targets = [made(tmp_path, name, 12_000) for name in ("a", "b", "c")]
    summary, rows = await go("select id from t", *targets)
    assert (summary.exit_code, summary.rows) == (0, 36_000)
    found = [json.loads(line) for line in rows.splitlines()]
    switches = sum(1 for a, b in pairwise(found) if a["_target"] != b["_target"])
    assert switches == 2
    for target in targets:
        assert [row["id"] for row in found if row["_target"] == target.name] == list(range(1, 12_001))


async def test_a_target_fails_alone(tmp_path: Path) -> None:
    """A table that is missing on one is that one's failure; the others go on, and the failure names its target."""
    good, bad = made(tmp_path, "good"), made(tmp_path, "bad", table=False)
    summary, _ = await go("select v from t where id = :id", bad, good, params=("range:id=1..3",))
    assert summary.exit_code == 1
    assert [(f.target, f.message) for f in summary.failures] == [("bad", "no such table: t")]
    assert [(t.target, t.ok, t.failed, t.skipped) for t in summary.per_target] == [("bad", 0, 1, 2), ("good", 3, 0, 0)]


@pytest.mark.parametrize("hard", [False, True])
async def test_two_names_for_one_database(tmp_path: Path, *, hard: bool) -> None:
    """A warning for a read; a write is refused before anything is sent."""
    one = made(tmp_path, "one")
    link = tmp_path / "link.db"
    link.hardlink_to(tmp_path / "one.db") if hard else link.symlink_to(tmp_path / "one.db")
    two = Target(url=f"sqlite:///{tmp_path}/link.db", name="two")
    told = Notices()
    summary, _ = await go("select 1 as one", one, two, told=told)
    assert summary.exit_code == 0
    assert '"one" and "two" are the same database: its rows come once for each name' in told.lines
    with pytest.raises(RefusedError, match='"one" and "two" are the same database: every set would be applied twice'):
        await go("update t set v = 'x' where id = 1", one, two, write=True)
    assert values(one)[0] == "one-1"


async def test_two_ways_to_one_server(mariadb_database: tuple[MariaDB, str]) -> None:
    """Another host name, another library: refused before a write, whatever the mode."""
    server, name = mariadb_database
    server.execute(name, "create table t (id integer)")
    urls = [
        f"mysql+pymysql://root@127.0.0.1:{server.port}/{name}",
        f"mysql+aiomysql://root@localhost:{server.port}/{name}",
    ]
    with pytest.raises(RefusedError, match='"a" and "b" are the same database'):
        await go(
            "delete from t",
            *(Target(url=u, name=n) for u, n in zip(urls, "ab", strict=True)),
            write=True,
            idempotent=True,
            connect_timeout_s=20.0,
        )


async def test_the_canary_comes_first(tmp_path: Path) -> None:
    """The others begin only if all went well there; exit 5 says that they were left alone."""
    a, b, broken = made(tmp_path, "a"), made(tmp_path, "b"), made(tmp_path, "broken", table=False)
    update = "update t set v = 'x' where id = 1"
    summary, _ = await go(update, a, b, broken, write=True, canaries=("broken",))
    assert (summary.exit_code, summary.failed, summary.skipped) == (5, 1, 2)
    assert summary.reason.endswith("the other targets were not started; bulkq resume continues with them")
    assert values(a)[0] == "a-1"
    summary, _ = await go(update, a, b, write=True, canaries=("b",))
    assert (summary.exit_code, summary.changed) == (0, 2)


async def test_a_canary_that_has_nobody_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry where the canary alone had failed has no other target to leave alone: it failed, and ran to its end."""
    monkeypatch.chdir(tmp_path)
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    a, b = made(tmp_path, "a"), made(tmp_path, "b")
    (tmp_path / "bulkq.toml").write_text("".join(f'[targets.{t.name}]\nurl = "{t.url}"\n' for t in (a, b)))
    odd = "select json(case when v = 'a-1' then '{' else '1' end) as j from t"
    first, _ = await go(odd, a, b, ledger=ledger, canaries=("a",))
    assert (first.status, first.exit_code, first.failed) == ("stopped", 5, 1)
    rest = await resume(first.run, ledger=ledger, changes={}, control=Control())
    assert (rest.exit_code, rest.ok, rest.failed) == (1, 1, 1)
    again = await retry(first.run, ledger=ledger, changes={}, control=Control())
    assert (again.status, again.exit_code, again.failed, again.skipped) == ("failed", 1, 1, 0)


async def test_nobody_goes_on_where_the_run_stops(tmp_path: Path) -> None:
    """Of a target that is away it is said that the others go on, unless they do not."""
    here, away = made(tmp_path, "here"), Target(url=DEAD, name="away")
    for more, goes in (({}, True), ({"max_failed_targets": 0}, False), ({"canaries": ("away",)}, False)):
        told = Notices()
        summary, _ = await go("select v from t", here, away, told=told, **more)
        assert any(line.startswith("away: connection refused") for line in told.lines)
        assert any("the other targets continue" in line for line in told.lines) is goes
        assert (summary.ok == 1) is goes


async def test_too_many_failed_targets(tmp_path: Path) -> None:
    """With one lane, targets come one after the other: behind the second failure nothing is begun."""
    bad = [made(tmp_path, f"bad{i}", table=False) for i in range(2)]
    good = made(tmp_path, "good")
    summary, _ = await go("select v from t", *bad, good, max_failed_targets=1, canaries=("bad0", "bad1"))
    assert (summary.exit_code, summary.ok) == (5, 0)
    summary, _ = await go("select v from t", *bad, good, max_failed_targets=2)
    assert (summary.exit_code, summary.ok) == (1, 1)


async def test_a_write_goes_on_where_a_target_was_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly once on each: the first run does what is there, resume does the rest, a second resume nothing."""
    monkeypatch.chdir(tmp_path)
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    here = made(tmp_path, "here")
    away = Target(url=f"sqlite:///{tmp_path}/away.db", name="away")
    (tmp_path / "bulkq.toml").write_text(f'[targets.here]\nurl = "{here.url}"\n[targets.away]\nurl = "{away.url}"\n')
    add = "update t set v = v || '+' where id = :id"
    told = Notices()
    summary, _ = await go(add, here, away, told=told, write=True, ledger=ledger, params=("range:id=1..3",))
    assert (summary.exit_code, summary.ok, summary.skipped) == (3, 3, 3)
    assert summary.resume == f"bulkq resume {summary.run}"
    assert values(here) == ["here-1+", "here-2+", "here-3+"]
    again = await resume(summary.run, ledger=ledger, changes={"outage_s": 0.1}, control=Control())
    assert (again.exit_code, again.ok) == (3, 3), "it is still away"
    made(tmp_path, "away")
    again = await resume(summary.run, ledger=ledger, changes={}, control=Control())
    assert (again.exit_code, again.ok, again.changed) == (0, 6, 6)
    assert values(away) == ["away-1+", "away-2+", "away-3+"]
    assert values(here) == ["here-1+", "here-2+", "here-3+"]
    for target in (here, away):
        assert values(target, "select count(*) from bulkq_markers") == [0]
        assert values(target, "select count(*) from bulkq_runs") == [0]
    assert (await resume(summary.run, ledger=ledger, changes={}, control=Control())).exit_code == 0


async def test_a_retry_per_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets that failed on one target are done again there, and nowhere else."""
    monkeypatch.chdir(tmp_path)
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    a, b = made(tmp_path, "a"), made(tmp_path, "b")
    connection = sqlite3.connect(tmp_path / "b.db")
    connection.execute(
        "create trigger no before update on t when old.id = 2 begin select raise(abort, 'not this'); end"
    )
    connection.commit()
    (tmp_path / "bulkq.toml").write_text(f'[targets.a]\nurl = "{a.url}"\n[targets.b]\nurl = "{b.url}"\n')
    add = "update t set v = v || '+' where id = :id"
    summary, _ = await go(add, a, b, write=True, ledger=ledger, params=("range:id=1..3",))
    assert (summary.exit_code, summary.ok, summary.failed) == (1, 5, 1)
    connection.execute("drop trigger no")
    connection.commit()
    connection.close()
    again = await retry(summary.run, ledger=ledger, changes={}, control=Control())
    assert (again.exit_code, again.ok, again.targets) == (0, 1, ("b",))
    assert (values(a), values(b)) == (["a-1+", "a-2+", "a-3+"], ["b-1+", "b-2+", "b-3+"])


async def test_postgresql_and_sqlite_side_by_side(tmp_path: Path, database: str) -> None:
    """Different drivers in one run; the row says where it comes from."""
    servers.execute(database, "create table t (id int primary key, v text)", "insert into t values (1, 'pg')")
    other = made(tmp_path, "lite", 1)
    summary, rows = await go(
        "select v from t where id = :id", Target(url=database, name="pg"), other, params=("range:id=1..1",)
    )
    assert summary.exit_code == 0
    assert {(r["_target"], r["v"]) for r in map(json.loads, rows.splitlines())} == {("pg", "pg"), ("lite", "lite-1")}


@pytest.mark.parametrize("path", ["direct", "pgbouncer"])
async def test_every_schema_that_matches(path: str, database: str, request: pytest.FixtureRequest) -> None:
    """The same names mean the tables of each schema, with one connection's prepared statements too, and nobody else's."""
    for name in ("tenant_a", "tenant_b", "Tenant'c"):
        quoted = '"' + name + '"'
        servers.execute(
            database,
            f"create schema {quoted}",
            f"create table {quoted}.t (id int, v text)",
            f"insert into {quoted}.t select i, $${name}$$ || i from generate_series(1, 50) i",
        )
    servers.execute(database, "create schema other", "create table public.only_public (id int)")
    url = database if path == "direct" else request.getfixturevalue("pgbouncer").through(database)
    target = Target(url=url, name="db")
    wanted = {"schemas": ("tenant\\_%", "Tenant%"), "params": ("range:id=1..50",), "concurrency": 2}
    summary, rows = await go("select v from t where id = :id", target, **wanted)
    assert (summary.exit_code, summary.ok) == (0, 150)
    assert summary.targets == ("db/Tenant'c", "db/tenant_a", "db/tenant_b")
    found = [json.loads(line) for line in rows.splitlines()]
    assert all(row["v"].startswith(row["_target"].removeprefix("db/")) for row in found)
    summary, _ = await go("update t set v = 'x' where id = :id", target, write=True, ledger="none", **wanted)
    assert (summary.exit_code, summary.changed) == (0, 150)
    summary, _ = await go("select id from only_public", target, schemas=("tenant_a",))
    assert (summary.exit_code, summary.failures[0].sqlstate) == (1, "42P01"), "another schema's table is not this one's"
    with pytest.raises(UsageError, match='no schema matches --schemas "nobody%"'):
        await go("select 1 as one", target, schemas=("nobody%",))


async def test_targets_out_of_a_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and URLs of a table; each is asked; a name that nobody knows is an error before anything runs."""
    monkeypatch.chdir(tmp_path)
    a, b = made(tmp_path, "a"), made(tmp_path, "b")
    (tmp_path / "bulkq.toml").write_text(f'[targets.a]\nurl = "{a.url}"\n')
    fleet = made(tmp_path, "fleet", 0)
    connection = sqlite3.connect(tmp_path / "fleet.db")
    connection.executemany("insert into t (v) values (?)", [("a",), (b.url,), (None,)])
    connection.commit()
    connection.close()
    told = Notices()
    names = "select v from t order by id"
    summary, rows = await go("select v from t where id = 1", fleet, targets_sql=names, told=told)
    assert "--targets-sql: 1 of 3 rows name no target and are left out" in told.lines
    assert (summary.exit_code, summary.targets) == (0, ("a", b.url))
    assert sorted(json.loads(row)["v"] for row in rows.splitlines()) == ["a-1", "b-1"]
    for sql, message in (
        ("select 'aa'", 'unknown target "aa"'),
        ("select v from t where id = 9", "returned no target"),
    ):
        with pytest.raises(UsageError, match=message):
            await go("select 1 as one", fleet, targets_sql=sql)
