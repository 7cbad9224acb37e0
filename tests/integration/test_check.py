"""`bulkq check` on real databases: verdicts, selection, comparison, history, snapshots."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.checks import verdict as deciding
from bulkq.cli.display.check_history import show
from bulkq.engine.control import Control
from bulkq.errors import BulkqError, ParameterError, RefusedError, TargetError, UsageError
from bulkq.model import CheckResult, Query, RunSummary, Target, Threshold, Verdict
from bulkq.model.run import make_run, set_fields
from bulkq.reports.write import FORMATS
from bulkq.tasks.check.open_check import Checks
from bulkq.tasks.check.selection import select
from bulkq.tasks.check.task import check
from tests.support.servers import postgres as servers
from tests.support.servers.processes import NOBODY
from tests.support.servers.silence import silence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.checks.verdict import CheckDecision
    from bulkq.model.check_conditions import CheckRules
    from tests.support.sqlite_files import SqliteFile


def load(text: str, file: str | None = None) -> tuple[Query, ...]:
    return queries.load(text, file)


async def run(
    found: str | tuple[Query, ...],
    *urls: str,
    control: Control | None = None,
    checks: dict[str, object] | None = None,
    **more: object,
) -> RunSummary:
    """Run checks without a ledger unless one is named."""
    selected = load(found) if isinstance(found, str) else found
    settings: dict[str, object] = {"ledger": "none", "concurrency": 4, "outage_s": 0.5, "retries": 1} | more
    request = make_run(queries=selected, targets=tuple(Target(url=url) for url in urls), **settings)  # type: ignore[arg-type]
    references = {
        q.place: r for q in selected for r in selected if f"same as {r.name}" in " ".join(q.metadata.get("expect", ()))
    }
    return await check(Checks(run=request, references=references, **(checks or {})), control=control or Control())  # type: ignore[arg-type]


def by_name(summary: RunSummary) -> dict[str, CheckResult]:
    return {result.name: result for result in summary.checks}


def verdicts(summary: RunSummary) -> dict[str, str]:
    return {result.name: str(result.verdict) for result in summary.checks}


MIXED = """\
-- name: clean
-- Nothing to see.
-- @owner data
-- @tags nightly
select 1 as id where 1 = 0;
-- name: dirty
-- @sample 2
-- @mask Email
select 1 as id, 'a@b.c' as email union all select 2, null union all select 3, 'x@y.z' order by 1;
-- name: ratio
-- @expect value >= 0.5
select 0.75;
-- name: null_value
-- @expect value = 0
select null;
-- name: two_columns
-- @expect value = 0
select 1, 2;
-- name: warned
-- @warn rows > 0
select 1 as one;
-- name: known
-- @until 2999-01-01
select 1 as one;
-- name: typo
select nope from nowhere;
-- name: hidden_typo
-- @mask emial
select 'a@b.c' as email;
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_every_verdict(kind: str, postgres_url: str, sqlite_file: SqliteFile) -> None:
    """Pass, warn, fail, error, each with its measured value and its rows; the exit code is that of the worst."""
    url = postgres_url if kind == "postgresql" else f"sqlite:///{sqlite_file()}"
    summary = await run(MIXED, url)
    assert verdicts(summary) == {
        "clean": "pass",
        "dirty": "fail",
        "ratio": "pass",
        "null_value": "error",
        "two_columns": "error",
        "warned": "warn",
        "known": "warn",
        "typo": "error",
        "hidden_typo": "error",
    }
    assert (summary.exit_code, summary.ok, summary.failed, summary.unknown) == (3, 4, 1, 4)
    found = by_name(summary)
    assert (found["clean"].rows, found["clean"].owner, found["clean"].tags) == (0, "data", ("nightly",))
    assert found["clean"].description == "Nothing to see."
    assert found["dirty"].sample == (("1", "***"), ("2", None))
    assert (found["dirty"].columns, found["dirty"].rows) == (("id", "email"), 3)
    assert found["ratio"].value == "0.75"
    assert found["hidden_typo"].message == '@mask "emial" is no column of the result (email): nothing is shown'
    assert not found["hidden_typo"].sample
    assert found["typo"].sqlstate == ("42P01" if kind == "postgresql" else "SQLITE_ERROR")
    assert all(result.elapsed_s > 0 for result in summary.checks)


async def test_exit_codes_of_checks(postgres_url: str) -> None:
    """0 for passes and warnings, 1 for a failure."""
    assert (await run("-- @warn rows > 0\nselect 1", postgres_url)).exit_code == 0
    assert (await run("select 1", postgres_url)).exit_code == 1


async def test_what_would_write_is_an_error_and_changes_nothing(database: str, sqlite_file: SqliteFile) -> None:
    """Of that check only; what acts on the session is not even sent."""
    servers.execute(
        database,
        "create table t (id int primary key)",
        "create function writes() returns int language sql as 'insert into t values (1) returning id'",
    )
    text = (
        "-- name: calls\nselect writes();\n-- name: deletes\ndelete from t;\n-- name: returning\n"
        "insert into t values (1) returning id;\n-- name: commits\ncommit;\n-- name: vacuums\nvacuum t;\n-- name: fine\nselect 1 where false;"
        "\n-- name: outside\n-- @transaction off\nselect writes();"
    )
    summary = await run(text, database)
    assert verdicts(summary) == dict.fromkeys(
        ("calls", "deletes", "returning", "commits", "vacuums", "outside"), "error"
    ) | {"fine": "pass"}
    assert servers.execute(database, "select count(*) from t")[0][0] == 0
    assert by_name(summary)["calls"].sqlstate == "25006"
    assert "a check only reads" in by_name(summary)["calls"].message
    assert "was not sent" in by_name(summary)["commits"].message
    path = sqlite_file("create table t (id int)")
    found = await run("-- name: a\ninsert into t values (1);\n-- name: b\nselect 1 where 0;", f"sqlite:///{path}")
    assert verdicts(found) == {"a": "error", "b": "pass"}
    assert "a check only reads" in by_name(found)["a"].message


async def test_a_check_runs_once_per_parameter_set(postgres_url: str, tmp_path: Path) -> None:
    """From `@params` beside its file, or from `-p`; secrets are masked; the results tell the sets apart."""
    (tmp_path / "n.csv").write_text("n,key\n1,a\n2,b\n3,c\n")
    text = "-- @params n.csv\n-- @param key text secret\nselect :n::int where :n = 2 and :key is not null"
    found = load(text, str(tmp_path / "odd.sql"))
    summary = await run(found, postgres_url)
    assert [(r.params["n"], r.params["key"], str(r.verdict)) for r in summary.checks] == [
        ("1", "***", "pass"),
        ("2", "***", "fail"),
        ("3", "***", "pass"),
    ]
    ranged = await run("select :n::int where :n::int > 8", postgres_url, params=("range:n=1..10",))
    assert (ranged.ok, ranged.failed) == (8, 2)
    with pytest.raises(ParameterError, match="needs :n"):
        await run("select :n::int", postgres_url)


@pytest.mark.parametrize(("name", "text"), [("s.csv", "n,m\n1,2\n"), ("s.jsonl", '{"n": 1, "m": 2}\n')])
async def test_parameters_that_are_for_nobody(name: str, text: str, postgres_url: str, tmp_path: Path) -> None:
    """A column may be for another check; one that no check takes, and `-p` where none takes anything, are errors."""
    (tmp_path / name).write_text(text)
    params = (str(tmp_path / name),)
    two = "-- name: a\nselect 1 where :n::int = 5;\n-- name: b({} = 7)\nselect 1 where :{}::int <> 2;"
    assert (await run(two.format("m", "m"), postgres_url, params=params)).exit_code == 0
    wrong = two.format("k", "k")
    for unused in (wrong, "select 1 where :n::int = 5"):
        with pytest.raises(ParameterError, match='(column|key) "m" is not used by'):
            await run(unused, postgres_url, params=params)
    assert (await run(wrong, postgres_url, params=params, ignore_extra_columns=True)).exit_code == 1
    with pytest.raises(UsageError, match=r'-p ".*": no check has a :parameter that it could be for'):
        await run("select 1 where false", postgres_url, params=params)


async def test_nothing_to_check_is_an_error(postgres_url: str, tmp_path: Path) -> None:
    """No check, no target, no parameter set: green would be a lie, unless it was allowed."""
    with pytest.raises(UsageError, match="no check was selected"):
        await run((), postgres_url)
    with pytest.raises(UsageError, match="no target"):
        await run("select 1")
    (tmp_path / "none.csv").write_text("n\n")
    params = (str(tmp_path / "none.csv"),)
    summary = await run("select :n::int", postgres_url, params=params)
    assert (summary.exit_code, summary.checks[0].message) == (
        3,
        "there are no parameter sets: nothing was checked (--allow-empty lets it pass)",
    )
    allowed: dict[str, object] = {"allow_empty": True}
    assert (await run("select :n::int", postgres_url, params=params, checks=allowed)).exit_code == 0
    assert (await run((), postgres_url, checks=allowed)).exit_code == 0
    assert (await run("select 1", checks=allowed)).exit_code == 0


SAME = """\
-- name: a
-- @expect same as b
-- @sample 3
-- @mask v
select g as id, g * 2 as v from generate_series(1, 5000) g where g <> 17;
-- name: b
select g, case when g = 4000 then 1 else g * 2 end from generate_series(1, 5000) g where {where};
"""


async def test_two_queries_are_compared(postgres_url: str) -> None:
    """In the database's order, with the rows that only one of them has; another order is no difference, a missing duplicate is."""
    summary = await run(SAME.format(where="true"), postgres_url, concurrency=1)
    (result,) = [one for one in summary.checks if one.name == "a"]
    assert result.message == "1 row only here, 2 rows only in b, expected same as b"
    assert result.columns == ("only_in", "id", "v")
    assert result.sample == (("a", "4000", "***"), ("b", "17", "***"), ("b", "4000", "***"))
    assert result.rows == 3
    reverse = "-- name: a\n-- @expect same as b\nselect 1 union all select 2;\n-- name: b\nselect 2 union all select 1;"
    assert by_name(await run(reverse, postgres_url))["a"].message == "2 rows, the same as b"
    twice = "-- name: a\n-- @expect same as b\nselect 1;\n-- name: b\nselect 1 union all select 1;"
    assert (
        by_name(await run(twice, postgres_url))["a"].message == "no rows only here, 1 row only in b, expected same as b"
    )
    shape = "-- name: a\n-- @expect same as b\nselect 1;\n-- name: b\nselect 1, 2;"
    assert by_name(await run(shape, postgres_url))["a"].message == "1 column cannot be the same as the 2 of b"
    broken = "-- name: a\n-- @expect same as b\nselect 1;\n-- name: b\nselect nope;"
    assert by_name(await run(broken, postgres_url))["a"].message.startswith('b: column "nope" does not exist')


async def test_one_query_is_compared_on_two_targets(postgres_url: str, sqlite_file: SqliteFile) -> None:
    """PostgreSQL and SQLite give the same rows, or say which differ; parameter sets are compared one by one."""
    path = sqlite_file("create table t (id integer, v text); insert into t values (1, 'x'), (2, 'y')")
    text = "-- @expect same as sql on other\nselect * from (values (1, 'x'), (2, 'z')) as t(id, v) where id = cast(:id as integer)"
    query = load(text)[0]
    other = load("select id, v from t where id = :id")[0]
    request = make_run(
        queries=(query,),
        targets=(Target(url=postgres_url),),
        params=("range:id=1..2",),
        ledger="none",
    )
    summary = await check(
        Checks(
            run=request,
            references={query.place: other},
            other_targets={"other": Target(url=f"sqlite:///{path}", name="lite")},
        ),
        control=Control(),
    )
    assert [(r.params["id"], str(r.verdict)) for r in summary.checks] == [("1", "pass"), ("2", "fail")]
    assert summary.checks[1].sample == (("sql", "2", "z"), ("sql on lite", "2", "y"))
    gone = request.on((Target(url=postgres_url),))
    lost = await check(
        Checks(
            run=gone,
            references={query.place: other},
            other_targets={"other": Target(url="sqlite:////no/such.db", name="lite")},
        ),
        control=Control(),
    )
    assert (lost.exit_code, lost.checks[0].message[:6]) == (3, "lite: ")


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
async def test_a_check_is_not_compared_with_itself_by_another_name(
    kind: str, database: str, sqlite_file: SqliteFile, tmp_path: Path
) -> None:
    """The target of `on` by its name, and the same database by another one: always green, so it is an error."""
    url = database if kind == "postgresql" else f"sqlite:///{sqlite_file()}"
    way = database.replace("127.0.0.1", "localhost")
    if kind == "sqlite":
        (tmp_path / "link.db").hardlink_to(url.removeprefix("sqlite:///"))
        way = f"sqlite:///{tmp_path}/link.db"
    (query,) = load("-- name: a\n-- @expect same as a on other\nselect 1", "a.sql")
    (helper,) = load("-- name: b\nselect 1", "a.sql")
    wanted = make_run(queries=(query,), targets=(Target(url=url, name="here"),), ledger="none")
    for reference, other, verdict in (
        (query, Target(url=url, name="here"), "error"),
        (query, Target(url=way, name="there"), "error"),
        (helper, Target(url=way, name="there"), "pass"),
    ):
        asked = Checks(run=wanted, references={query.place: reference}, other_targets={"other": other})
        (found,) = (await check(asked, control=Control())).checks
        assert str(found.verdict) == verdict
        assert (verdict == "error") == found.message.startswith("same as a on other: that is the check itself on the ")


async def test_every_check_runs_on_every_target(postgres_url: str, sqlite_file: SqliteFile) -> None:
    """One that is down hides nothing of the others."""
    lite = f"sqlite:///{sqlite_file()}"
    dead = "postgresql://postgres@127.0.0.1:1/nowhere"
    summary = await run("-- name: a\nselect 1 where 1=0;\n-- name: b\nselect 1;", postgres_url, dead, lite)
    found = [(r.name, summary.targets.index(r.target), str(r.verdict)) for r in summary.checks]
    assert found == [
        ("a", 0, "pass"),
        ("a", 1, "error"),
        ("a", 2, "pass"),
        ("b", 0, "fail"),
        ("b", 1, "error"),
        ("b", 2, "fail"),
    ]
    assert "connection refused" in summary.checks[1].message
    assert (summary.exit_code, summary.unknown) == (3, 2)


async def test_history_is_kept(postgres_url: str, tmp_path: Path) -> None:
    """What was measured, run by run; `unchanged` compares with it; no row and no parameter value is in it."""
    ledger = str(tmp_path / "ledger.db")
    text = (
        "-- name: size\n-- @expect unchanged 10%\nselect {value};\n-- name: rows\nselect 'tell-' || 'nobody' as name;\n"
        "-- name: bad\nselect 'tell-' || 'nobody'::int;\n-- name: slow\nselect pg_sleep({value} / 1000.0) where false"
    )
    first = await run(load(text.format(value=100), "h.sql"), postgres_url, ledger=ledger)
    assert verdicts(first) == {"size": "warn", "rows": "fail", "bad": "error", "slow": "pass"}
    second = await run(load(text.format(value=109), "h.sql"), postgres_url, ledger=ledger)
    third = await run(load(text.format(value=130), "h.sql"), postgres_url, ledger=ledger)
    assert by_name(second)["size"].message == f"value 109 (it was 100 in run {first.run})"
    assert by_name(third)["size"].verdict is Verdict.FAIL
    history = by_name(third)["size"].history
    assert [(past.run, past.value, str(past.verdict)) for past in history] == [
        (second.run, "109", "pass"),
        (first.run, "100", "warn"),
    ]
    assert b"tell-nobody" not in Path(ledger).read_bytes()


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
async def test_no_number_is_no_baseline(kind: str, database: str, sqlite_file: SqliteFile, tmp_path: Path) -> None:
    """NULL and infinity are errors, whatever came before; a check that used to measure something else begins anew."""
    url = database if kind == "postgresql" else f"sqlite:///{sqlite_file()}"
    infinity = "'Infinity'::float8" if kind == "postgresql" else "9e999"

    async def once(condition: str, sql: str) -> tuple[str, str]:
        text = f"-- name: total\n-- @expect {condition}\nselect {sql} as total"
        summary = await run(load(text, "total.sql"), url, ledger=f"sqlite:///{tmp_path}/ledger.db")
        return str(summary.checks[0].verdict), summary.checks[0].message

    nothing = "(select sum(n) from (select 1 as n) as one where n < 0)"
    assert await once("unchanged 5%", nothing) == ("error", "the value is NULL")
    assert await once("unchanged 5%", nothing) == ("error", "the value is NULL")
    for _ in range(2):
        verdict, message = await once("unchanged 5%", infinity)
        assert (verdict, message.endswith("is infinite, so its change cannot be measured")) == ("error", True)
    assert await once("unchanged 5%", "20") == ("warn", "value 20, no earlier run to compare with")
    assert (await once("not empty", "20"))[0] == "pass"
    verdict, message = await once("unchanged 5%", "20")
    assert (verdict, message.partition(", run ")[0]) == ("warn", "value 20")
    assert message.endswith("measured rows, this one a value: the next run is compared with it")
    assert (await once("unchanged 5%", "20"))[0] == "pass"
    assert (await once("unchanged 5%", "22"))[0] == "fail"


@pytest.mark.parametrize("expect", ["value = 1", "same as other"])
async def test_what_breaks_on_one_check_is_its_error(
    expect: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours takes nothing from the others, nor the run and its reports."""
    right = deciding.decide

    def wrong(rules: CheckRules, *more: object) -> CheckDecision:
        if rules.sample == 7:
            raise ZeroDivisionError("seven")
        return right(rules, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(deciding, "decide", wrong)
    text = (
        f"-- name: odd\n-- @sample 7\n-- @expect {expect}\nselect 1;\n-- name: other\n-- @expect not empty\nselect 1;"
    )
    summary = await run(text, postgres_url)
    assert verdicts(summary) == {"odd": "error", "other": "pass"}
    assert by_name(summary)["odd"].message == "internal error: ZeroDivisionError: seven (report it)"
    assert (summary.exit_code, summary.unknown, summary.ok) == (3, 1, 1)


async def test_checks_see_one_moment(database: str) -> None:
    """With a snapshot they all count the same rows, while others are being added; without one they do not."""
    servers.execute(database, "create table t (id int)")
    count = "-- @expect value >= 0\nselect count(*) + length(pg_sleep(0.04)::text) from t;"
    text = "\n".join(f"-- name: c{i}\n{count}" for i in range(12))
    over = threading.Event()
    writer = asyncio.create_task(asyncio.to_thread(_insert, database, over))
    try:
        summary = await run(text, database, concurrency=2, checks={"snapshot": True})
        moving = await run(text, database, concurrency=2)
    finally:
        over.set()
        await writer
    assert len({result.value for result in summary.checks}) == 1
    assert len({result.value for result in moving.checks}) > 1


def _insert(url: str, over: threading.Event) -> None:
    while not over.wait(0.02):
        servers.execute(url, "insert into t values (1)")


async def test_a_snapshot_needs_postgresql_itself(
    sqlite_file: SqliteFile, database: str, request: pytest.FixtureRequest
) -> None:
    """Elsewhere, and through a pooler, it is refused in one line."""
    with pytest.raises(UsageError, match="--snapshot: .* cannot share a snapshot"):
        await run("select 1", f"sqlite:///{sqlite_file()}", checks={"snapshot": True})
    pooled = request.getfixturevalue("pgbouncer").through(database)
    with pytest.raises(RefusedError, match="through a pooler"):
        await run("select 1", pooled, checks={"snapshot": True})


async def test_the_slowest_come_first_and_reports_are_in_file_order(postgres_url: str, tmp_path: Path) -> None:
    """By the last run's times; one that nobody knows yet comes before all others."""
    ledger = str(tmp_path / "ledger.db")
    sleep = "select g from pg_sleep({}) as g where g::text = 'x'"
    text = f"-- name: fast\nselect 1 where false;\n-- name: slow\n{sleep.format(0.2)};\n-- name: sleepy\n{sleep.format(0.1)};"
    await run(text, postgres_url, ledger=ledger, concurrency=1)
    again = await run(text + "\n-- name: new\nselect 1 where false", postgres_url, ledger=ledger, concurrency=1)
    assert [result.name for result in again.checks] == ["fast", "slow", "sleepy", "new"]
    began = sorted(again.checks, key=lambda result: result.began_s)
    assert [result.name for result in began] == ["new", "slow", "sleepy", "fast"]


async def test_what_did_not_run_is_an_error_in_the_report(postgres_url: str) -> None:
    """After -x, --max-failures, a deadline, a signal: exit 5, and nothing looks green."""
    text = "-- name: bad\nselect 1;\n" + "\n".join(
        f"-- name: later{i}\nselect pg_sleep(0.01) where false;" for i in range(5)
    )
    stopped = await run(text, postgres_url, concurrency=1, fail_fast=True)
    assert (stopped.exit_code, stopped.failed, stopped.skipped) == (5, 1, 5)
    assert {r.message for r in stopped.checks[1:]} == {"not run: a check failed, and --fail-fast is set"}
    assert {str(r.verdict) for r in stopped.checks[1:]} == {"error"}
    assert (await run(text, postgres_url, concurrency=1, max_failures=Threshold(1))).exit_code == 5
    slow = "-- name: slow\nselect pg_sleep(30);\n-- name: later\nselect 1 where false;"
    late = await run(slow, postgres_url, concurrency=1, deadline_s=0.2)
    assert (late.exit_code, late.checks[0].message) == (5, "did not end: the deadline of 0.2s passed")
    control = Control()
    control.drain("interrupted", 5)
    early = await run(slow, postgres_url, control=control)
    assert [r.message for r in early.checks] == ["not run: interrupted"] * 2


async def test_fifteen_hundred_failures_do_not_stop_a_run(sqlite_file: SqliteFile) -> None:
    """The rule that gives up after a thousand failures is for parameter sets, not for checks."""
    url = f"sqlite:///{sqlite_file()}"
    summary = await run("select :n", url, params=("range:n=1..1100",))
    assert (summary.exit_code, summary.failed, summary.skipped) == (1, 1100, 0)


# --- faults --------------------------------------------------------------------------------------------------------


async def faulty(text: str, url: str, **more: object) -> CheckResult:
    summary = await run(text, url, **more)
    assert summary.exit_code == 3
    (result,) = summary.checks
    assert result.verdict is Verdict.ERROR
    return result


async def test_a_server_that_is_gone_or_lets_nobody_in(
    postgres: servers.PostgresServer, sqlite_file: SqliteFile
) -> None:
    """Gone at the start, a wrong database, no such file: an error with the reason."""
    assert "connection refused" in (await faulty("select 1 where false", "postgresql://x@127.0.0.1:1/d")).message
    nowhere = servers.database_url(postgres.url, "no_such_database")
    assert "no_such_database" in (await faulty("select 1 where false", nowhere)).message
    missing = sqlite_file().with_name("missing.db")
    assert "missing.db" in (await faulty("select 1 where 0", f"sqlite:///{missing}")).message
    assert not missing.exists()


async def test_a_wrong_password(database: str) -> None:
    """A role that the server does not let in is an error with the server's reason, never a password."""
    name = "bulkq_check_nologin"
    servers.execute(database, f"drop role if exists {name}", f"create role {name} nologin password 'right'")
    try:
        parts = database.partition("://")[2].partition("@")
        result = await faulty("select 1 where false", f"postgresql://{name}:wrong-secret@{parts[2] or parts[0]}")
        assert name in result.message
        assert "wrong-secret" not in str(result)
    finally:
        servers.execute(database, f"drop role {name}")


async def test_a_server_that_goes_away_in_the_middle(proxy: object, database: str) -> None:
    """Its checks are errors after a short wait; nothing hangs, and what had ended keeps its verdict."""
    url = proxy.through(database)  # type: ignore[attr-defined]
    text = "-- name: early\nselect 1 where false;\n-- name: cut\nselect pg_sleep(20);\n-- name: later\nselect 1 where false;"

    async def cut() -> None:
        await asyncio.sleep(0.5)
        await proxy.close()  # type: ignore[attr-defined]

    cutting = asyncio.create_task(cut())
    async with asyncio.timeout(15):
        summary = await run(text, url, concurrency=1, outage_s=0.4)
    await cutting
    assert verdicts(summary) == {"early": "pass", "cut": "error", "later": "error"}
    assert summary.exit_code == 3
    assert "stayed away" in by_name(summary)["later"].message


async def test_a_lock_and_a_timeout(database: str) -> None:
    """A table that somebody keeps to himself, and a query that takes too long."""
    servers.execute(database, "create table t (id int)")
    import asyncpg

    holder = await asyncpg.connect(database)
    try:
        await holder.execute("begin; lock table t in access exclusive mode")
        began_s = time.monotonic()
        locked = await faulty("select * from t", database, lock_timeout_s=0.05, retries=0)
        assert locked.sqlstate == "55P03"
        assert time.monotonic() - began_s < 3  # the description waits no longer than the query may
        assert f"it may have waited for pid {holder.get_server_pid()} (" in locked.message
        assert "which keeps t to itself" in locked.message
    finally:
        await holder.close()
    slow = await faulty("select pg_sleep(10)", database, timeout_s=0.1)
    assert slow.message == "timed out after 0.1s"


async def test_a_statement_that_somebody_cancels(database: str) -> None:
    """Tried once more, then an error."""
    import asyncpg

    running = asyncio.create_task(run("select pg_sleep(20)", database))
    other = await asyncpg.connect(database)
    cancelled = 0
    try:
        async with asyncio.timeout(15):
            while cancelled < 2:
                await asyncio.sleep(0.05)
                cancelled += await other.fetchval(
                    "select count(*) from (select pg_cancel_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
                    "and datname = current_database() and state = 'active' and query like '%pg_sleep(20)%' offset 0) x"
                )
            summary = await running
    finally:
        await other.close()
    assert (summary.exit_code, summary.checks[0].message) == (3, "canceling statement due to user request")


async def test_bytes_in_the_text_of_a_query(sqlite_file: SqliteFile) -> None:
    """A literal that is no UTF-8 can be prepared and run."""
    summary = await run("-- @expect not empty\nselect x'ff00' as b", f"sqlite:///{sqlite_file('')}")
    assert [str(result.verdict) for result in summary.checks] == ["pass"]


async def test_a_value_that_is_too_long_for_a_report(sqlite_file: SqliteFile) -> None:
    """It is compared whole, and shown and kept as far as people read."""
    long = "-- name: a\n-- @expect value = 'y'\nselect replace(hex(zeroblob(500000)), '0', 'y');"
    url = f"sqlite:///{sqlite_file('')}"
    summary = await run(long, url)
    (result,) = summary.checks
    assert (str(result.verdict), result.value) == ("fail", f"{'y' * 1000}... (999,000 more characters)")
    cells = await run("select replace(hex(zeroblob(2500)), '0', 'y') as v", url)
    for text in (FORMATS["text"], FORMATS["html"], FORMATS["markdown"], FORMATS["tap"]):
        assert f"{'y' * 300}... (4,700 more characters)" in text(cells)
    assert f'"{"y" * 1000}... (4,000 more characters)"' in FORMATS["json"](cells)
    assert f"{'y' * 1000}... (999,000 more characters)" in FORMATS["json"](summary)


async def test_a_result_that_is_too_large(database: str, sqlite_file: SqliteFile) -> None:
    """Rows are counted to the limit and no further; where a piece ends does not matter."""
    checks: dict[str, object] = {"most_rows": 20_000}
    large = await faulty("select * from generate_series(1, 40000)", database, checks=checks)
    assert large.message == "the result is too large: more than 20,000 rows: count them in SQL, or raise --max-rows"
    small: dict[str, object] = {"most_rows": 2}
    await faulty("select * from generate_series(1, 3)", database, checks=small)
    assert (await run("select * from generate_series(1, 20000)", database, checks=checks)).checks[0].rows == 20_000
    endless = "with recursive c(n) as (select 1 union all select n + 1 from c) select n from c"
    await faulty(endless, f"sqlite:///{sqlite_file()}", checks=checks)


async def test_a_table_that_may_not_be_read(database: str) -> None:
    """No permission is an error with the server's words."""
    name = "bulkq_check_reader"
    servers.execute(
        database, f"drop role if exists {name}", f"create role {name}", "create table secret (id int)",
        "create function as_reader() returns text language sql as 'select set_config(''role'', ''bulkq_check_reader'', true)'",
    )  # fmt: skip
    try:
        result = await faulty(
            "with r as materialized (select as_reader() as x) select query_to_xml('select * from secret', true, true, '') from r where x is not null",
            database,
        )
        assert (result.sqlstate, result.message) == ("42501", "permission denied for table secret")
    finally:
        servers.execute(database, f"drop owned by {name}", f"drop role {name}")


async def test_no_column_to_look_at(database: str) -> None:
    """A statement that returns no columns is no answer."""
    result = await faulty("select where false", database)
    assert result.message == "the statement returns no columns: there is nothing to look at"


async def test_masked_values_do_not_come_through_an_error(database: str) -> None:
    """A server repeats values in its messages; a check that masks columns shows none of them."""
    result = await faulty("-- @mask email\nselect email::int as email from (values ('a@b.c')) t(email)", database)
    assert result.sqlstate == "22P02"
    assert "a@b.c" not in result.message


async def test_a_ledger_that_fails_is_not_green(postgres_url: str, tmp_path: Path) -> None:
    """A folder that is not there stops everything before the first statement."""
    with pytest.raises(BulkqError):
        await run("select 1 where false", postgres_url, ledger=str(tmp_path / "no" / "ledger.db"))


# --- selection ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with checks, as the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checks" / "deep").mkdir(parents=True)
    (tmp_path / "checks" / "a.sql").write_text(
        "-- name: one\n-- @tags nightly, users\nselect 1;\n-- name: two\nselect 2;\n-- name: pair\n-- @expect same as helper\nselect 3;\n"
        "-- name: helper\nselect 3;\n"
    )
    (tmp_path / "checks" / "deep" / "b.sql").write_text("-- @tags users\nselect 1")
    (tmp_path / "other.sql").write_text("-- name: total\nselect 1")
    return tmp_path


def names(
    *specs: str, tags: tuple[str, ...] = (), exclude: tuple[str, ...] = (), changed: frozenset[Path] | None = None
) -> list[str]:
    wanted = None if changed is None else lambda file: file.resolve() in changed
    found = select(specs, tags=tags, exclude=exclude, changed=wanted, dialect="postgres")
    assert not found.broken, found.broken
    return [query.name for query in found.queries]


def test_paths_globs_names_tags_and_exclusions(folder: Path) -> None:
    """Folders are searched through; what is only compared with is no check; each check is there once."""
    assert names("checks") == ["one", "two", "pair", "b"]
    assert names("checks/a.sql", "checks") == ["one", "two", "pair", "b"]
    assert names("checks/*.sql", "oth*.sql") == ["one", "two", "pair", "total"]
    assert names("checks/**/b.sql") == ["b"]
    assert names("checks", "./checks/a.sql", str(folder / "checks" / "a.sql")) == ["one", "two", "pair", "b"]
    assert names("checks/a.sql:two") == ["two"]
    assert names("checks/a.sql:t*", "checks/a.sql:one") == ["one", "two"] or names("checks/a.sql:t*") == ["two"]
    assert names("checks/a.sql:helper") == ["helper"]
    assert names("checks", tags=("users",)) == ["one", "b"]
    assert names("checks", exclude=("checks/deep",)) == ["one", "two", "pair"]
    assert names("checks", exclude=("*/a.sql:t*", "b")) == ["one", "pair"]
    assert names("checks", changed=frozenset({(folder / "checks/deep/b.sql").resolve()})) == ["b"]


def test_what_cannot_be_selected_is_named(folder: Path) -> None:
    """Each with its file, and the rest is still found."""
    (folder / "checks" / "bad.sql").write_text("-- name: bad\n-- @expect rowz = 1\nselect 1")
    (folder / "checks" / "pairless.sql").write_text("-- @expect same as nobody\nselect 1")
    (folder / "empty").mkdir()
    specs = ["checks", "missing.sql", "nothing*.sql", "empty", "other.sql:totl", "other.sql:x*"]
    found = select(specs, tags=(), exclude=(), changed=None, dialect="postgres")
    said = {(one.file, one.line): one.message for one in found.broken}
    assert 'checks/bad.sql:2: @expect "rowz = 1"' in said["checks/bad.sql", 2]
    assert 'no such file: "missing.sql"' in said["missing.sql", 1]
    assert said["nothing*.sql", 1] == 'no file matches "nothing*.sql"'
    assert said["empty", 1] == 'no .sql file in "empty"'
    assert "no query named" in said["other.sql", 1]
    assert 'no query named "nobody"' in said["checks/pairless.sql", 2]
    assert {"one", "two"} <= {query.name for query in found.queries}


def test_no_file_of_a_folder_is_left_out(folder: Path) -> None:
    """Upper case, links to folders, also those that lead in circles; a link that leads nowhere is an error."""
    (folder / "all").mkdir()
    (folder / "all" / "UP.SQL").write_text("select 1")
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "linked.sql").write_text("select 1")
    (folder / "all" / "link").symlink_to(folder / "elsewhere")
    (folder / "elsewhere" / "back").symlink_to(folder / "all")
    (folder / "all" / "folder.sql").mkdir()
    assert names("all") == ["UP", "linked"]
    (folder / "all" / "gone.sql").symlink_to(folder / "nowhere.sql")
    found = select(["all"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.file for one in found.broken] == ["all/gone.sql"]


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may read every folder: for a moment nobody special asks."""
    effective = os.geteuid()
    if effective == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(effective)


@pytest.mark.parametrize("spec", ["c/**/*.sql", "c/*/*.sql", "c/*/b.sql", "{here}/c/**", "c"])
def test_a_folder_that_cannot_be_read_is_an_error_of_a_glob_too(spec: str, folder: Path) -> None:
    """Its checks would be missing without a word, and the rest green."""
    (folder / "c" / "sub").mkdir(parents=True)
    (folder / "c" / "a.sql").write_text("select 1 where 1 = 0")
    (folder / "c" / "sub" / "b.sql").write_text("select 1")
    (folder / "c" / "sub").chmod(0o700 if os.geteuid() == 0 else 0)
    folder.chmod(0o755)
    spec = spec.replace("{here}/", "")
    with ordinary_user():
        found = select([spec], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.message for one in found.broken] == [
        f'cannot read the folder "c/sub{"/b.sql" if spec == "c/*/b.sql" else ""}": permission denied'
    ]


def test_globs_name_what_a_shell_would(folder: Path) -> None:
    """Links to folders are followed once, hidden files are not meant, a folder that matches is searched through."""
    (folder / "checks" / ".hidden.sql").write_text("select 1")
    (folder / "checks" / "back").symlink_to(folder / "checks")
    (folder / "checks" / "self").symlink_to("self")
    (folder / "checks" / "deep" / "x.sql").mkdir()
    (folder / "checks" / "deep" / "x.sql" / "y.sql").write_text("select 1")
    assert names("./checks/**/[a-b].sql") == ["one", "two", "pair", "b"]
    assert names(f"{folder}/ch*/deep/*.sql") == ["b", "y"]
    assert names("checks/.h*.sql") == [".hidden"]
    assert names("checks/de*") == ["b", "y"]
    assert names("checks/d*/**") == ["b", "y"]
    found = select(["checks/a.sql/*.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.message for one in found.broken] == ['no file matches "checks/a.sql/*.sql"']


def test_a_link_that_leads_nowhere_is_called_that(folder: Path) -> None:
    """It is no mistyped name."""
    (folder / "checks" / "gone.sql").symlink_to("nowhere.sql")
    found = select(["checks/gone.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.message for one in found.broken] == ['"checks/gone.sql" is a link that leads nowhere: to "nowhere.sql"']


async def test_a_missing_file_of_params_is_told_with_the_check(folder: Path, sqlite_file: SqliteFile) -> None:
    """Its name alone does not say which check wants it."""
    (folder / "p.sql").write_text("-- name: p\n-- @params none.csv\nselect :id")
    with pytest.raises(ParameterError, match='^p.sql:3: @params of p: .*none.csv"?: no such file'):
        await run(load((folder / "p.sql").read_text(), "p.sql"), f"sqlite:///{sqlite_file()}")


async def test_a_parameter_with_the_name_of_a_masked_column_is_masked(sqlite_file: SqliteFile) -> None:
    """The name of the check shows its parameters."""
    text = "-- @mask Email\nselect :email as email, :n as n"
    (found,) = (await run(text, f"sqlite:///{sqlite_file()}", constants={"email": "a@example.org", "n": "1"})).checks
    assert (found.params, found.sample) == ({"email": "***", "n": "1"}, (("***", "1"),))


async def test_one_check_has_one_history(
    folder: Path, sqlite_file: SqliteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From whatever folder of the project it is named; and every text of `-e` has its own."""
    (folder / "bulkq.toml").touch()
    url, ledger = f"sqlite:///{sqlite_file()}", str(folder / "l.db")

    async def earlier(text: str, file: str | None) -> int:
        return len((await run(load(text, file), url, ledger=ledger)).checks[0].history)

    assert await earlier("select 1", "checks/a.sql") == 0
    assert await earlier("select 1", str(folder / "checks" / "a.sql")) == 1
    monkeypatch.chdir(folder / "checks")
    assert await earlier("select 1", "a.sql") == 2
    assert await earlier("select 1", "deep/../a.sql") == 3
    assert "checks/a.sql:a" in await show("a.sql:a", ledger, 5, as_json=False)
    assert [await earlier(text, None) for text in ("select 1", "select 2", "select 1")] == [0, 0, 1]


def test_a_pipe_in_a_folder_is_an_error(folder: Path) -> None:
    """Reading it would wait for ever; one that the command line names is read."""
    os.mkfifo(folder / "checks" / "f.sql")
    for spec in ("checks", "checks/*.sql"):
        found = select([spec], tags=(), exclude=(), changed=None, dialect="postgres")
        assert [one.message for one in found.broken] == [
            '"checks/f.sql" is no regular file: take it out of the folder, or name it itself'
        ]


def test_a_tag_that_no_check_has_is_an_error(folder: Path) -> None:
    """Beside a good one it would leave checks out without a word; nothing may be there where that was allowed."""
    with pytest.raises(UsageError, match=r'--tag "user": no check has it \(did you mean "users"\?\); there are '):
        names("checks", tags=("users", "user"))
    (folder / "empty").mkdir()
    specs = ("checks/a.sql:one", "empty", "nothing*.sql", "other.sql:x*")
    found = select(specs, tags=("none",), exclude=(), changed=None, dialect="postgres", allow_empty=True)
    assert (found.queries, found.broken) == ((), ())


def test_a_check_has_changed_with_what_it_is_compared_with(folder: Path) -> None:
    """The file of the reference, in a file of its own, counts as the check's."""
    (folder / "p.sql").write_text("-- @expect same as other.sql:total\nselect 1")
    assert names("p.sql", changed=frozenset({(folder / "other.sql").resolve()})) == ["p"]


def test_a_check_is_not_compared_with_itself(folder: Path) -> None:
    """On the same database that would always be green; on another one it is what the condition is for."""
    (folder / "p.sql").write_text("-- @expect same as p\nselect 1")
    found = select(["p.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.message.partition(": that is ")[2] for one in found.broken] == [
        "the check itself: name another query, or a database with on TARGET"
    ]
    (folder / "p.sql").write_text("-- @expect same as p on replica\nselect 1")
    assert names("p.sql") == ["p"]


def test_a_reference_takes_no_parameters_of_its_own(folder: Path) -> None:
    """The sets of a check are the sets of what it is compared with."""
    (folder / "p.sql").write_text("-- @expect same as other.sql:total\nselect 1")
    found = select(["p.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [query.name for query in found.references.values()] == ["total"]
    (folder / "other.sql").write_text("-- name: total\nselect :n")
    found = select(["p.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert 'needs :n, which "p" does not have' in found.broken[0].message


# --- corners ------------------------------------------------------------------------------------------------------------


async def test_parameters_from_the_database_itself(database: str, tmp_path: Path) -> None:
    """`@params` may ask the target; what goes wrong there is that check's error."""
    servers.execute(database, "create table t (id int)", "insert into t values (1), (2)")
    (tmp_path / "ids.sql").write_text("select id as n from t")
    text = "-- name: a\n-- @params sql:select id as n from t\nselect :n::int where :n = 2;\n-- name: b\n-- @params @ids.sql\nselect :n::int where false;\n"
    text += "-- name: c\n-- @params sql:select nope\nselect :n::int;"
    summary = await run(load(text, str(tmp_path / "x.sql")), database)
    assert [(r.name, str(r.verdict)) for r in summary.checks] == [
        ("a", "pass"), ("a", "fail"), ("b", "pass"), ("b", "pass"), ("c", "error"),
    ]  # fmt: skip
    assert "nope" in summary.checks[-1].message


async def test_limits_of_a_file_and_of_the_command(database: str) -> None:
    """`@timeout`, `@lock_timeout` and `@retries` hold where no option says otherwise."""
    text = "-- @timeout 100ms\n-- @lock_timeout 50ms\n-- @retries 0\nselect pg_sleep(0.3)"
    assert (await run(text, database)).checks[0].message == "timed out after 0.1s"
    assert (await run(text, database, timeout_given=True, timeout_s=5.0)).checks[0].rows == 1


async def test_a_comparison_that_cannot_end(postgres_url: str, proxy: object, database: str) -> None:
    """The other target goes away: an error, and nothing is kept."""
    other = proxy.through(database)  # type: ignore[attr-defined]
    query = load("-- @expect same as sql on other\nselect 1")[0]
    slow = load("select 1 from pg_sleep(20)")[0]
    request = make_run(queries=(query,), targets=(Target(url=postgres_url),), ledger="none", outage_s=0.3)
    checks = Checks(
        run=request, references={query.place: slow}, other_targets={"other": Target(url=other, name="other")}
    )
    running = asyncio.create_task(check(checks, control=Control()))
    await asyncio.sleep(0.6)
    await proxy.close()  # type: ignore[attr-defined]
    async with asyncio.timeout(15):
        summary = await running
    assert (summary.exit_code, str(summary.checks[0].verdict)) == (3, "error")
    assert "other" in summary.checks[0].message


async def test_a_difference_too_large_to_show(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known all the same; which rows differ is told as far as they were looked at, or not at all."""
    from bulkq.checks import row_diff
    from bulkq.tasks.check import collector, compare

    text = "-- name: a\n-- @expect same as b\nselect g from generate_series(1, 9000) g;\n-- name: b\nselect -g from generate_series(1, 9000) g;"
    monkeypatch.setattr(row_diff.groups, "__defaults__", (100,))
    whole = by_name(await run(text, postgres_url))["a"]
    assert whole.message.startswith("at least ")
    monkeypatch.setattr(compare, "MOST_PASSES", 1000)
    whole = by_name(await run(text, postgres_url))["a"]
    assert whole.message == "9,000 rows only here, 9,000 rows only in b, expected same as b"
    monkeypatch.setattr(collector, "MOST_SPOOLED_BYTES", 100)
    lost = by_name(await run(text, postgres_url))["a"]
    assert lost.message.startswith("the 9,000 rows are not the 9,000 of b, and too large to compare")
    assert lost.sample == ()

    def full(_: object, lines: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.writelines", full)
    lost = by_name(await run(text, postgres_url))["a"]
    assert "cannot be kept" in lost.message
    assert "no space left on device" in lost.message


async def test_a_librarys_message_shows_no_masked_value(sqlite_file: SqliteFile) -> None:
    """A message without SQLSTATE is a library's, which repeats the value that it could not read."""
    path = sqlite_file("create table t (email text); insert into t values (cast(x'7365637265742d6eff' as text))")
    (result,) = (await run("-- name: people\n-- @mask email\nselect email from t", f"sqlite:///{path}")).checks
    assert "secret" not in result.message
    assert result.message == "the message may hold masked values: run the query without @mask to read it"


async def test_one_row_that_differs_in_another_order(postgres_url: str) -> None:
    """Rows that come in another order on each side are not taken for rows that differ, however many they are."""
    text = (
        "-- name: a\n-- @expect same as b\nselect g, 'v' || g from generate_series(1, 250000) g order by (g * 7919) % 250007;\n"
        "-- name: b\nselect g, case g when 777 then 'x' else 'v' || g end from generate_series(1, 250000) g;"
    )
    result = by_name(await run(text, postgres_url))["a"]
    assert result.message == "1 row only here, 1 row only in b, expected same as b"
    assert result.sample == (("a", "777", "v777"), ("b", "777", "x"))


async def test_rows_that_look_alike_are_shown_apart(postgres_url: str) -> None:
    """A letter with its accent and the two characters apart look the same: escapes tell which is which."""
    text = "-- name: a\n-- @expect same as b\nselect U&'caf\\00e9';\n-- name: b\nselect U&'cafe\\0301';"
    assert by_name(await run(text, postgres_url))["a"].sample == (("a", r"caf\xe9"), ("b", r"cafe\u0301"))


async def test_a_database_that_is_not_the_one_expected(database: str) -> None:
    """Its checks are errors, and the run was refused: exit 4."""
    request = make_run(
        queries=load("select 1 where false"),
        targets=(Target(url=database, name="prod", expect={"database": "another"}),),
        ledger="none",
    )
    summary = await check(Checks(run=request), control=Control())
    assert (summary.exit_code, str(summary.checks[0].verdict)) == (4, "error")
    assert "another" in summary.checks[0].message


async def test_checks_in_every_schema(database: str, tmp_path: Path) -> None:
    """`--schemas`: each is a target of its own, with its own verdict and history; so is what `--targets-sql` gives."""
    for schema in ("tenant_a", "tenant_b"):
        servers.execute(database, f"create schema {schema}", f"create table {schema}.t (id int)")
    servers.execute(database, "insert into tenant_b.t values (1)")
    text = "-- name: a\nselect id from t;\n-- name: b\n-- @expect same as c\nselect id from t;\n-- name: c\nselect id from t"
    selected = tuple(query for query in load(text) if query.name != "c")
    run_ = make_run(
        queries=selected,
        targets=(Target(url=database, name="db"),),
        schemas=("tenant_%",),
        ledger=str(tmp_path / "l.db"),
    )
    checks = Checks(run=run_, references={selected[1].place: load(text)[2]})
    for _ in range(2):
        summary = await check(checks, control=Control())
    assert summary.targets == ("db/tenant_a", "db/tenant_b")
    assert [(r.name, r.target, str(r.verdict)) for r in summary.checks] == [
        ("a", "db/tenant_a", "pass"), ("a", "db/tenant_b", "fail"), ("b", "db/tenant_a", "pass"), ("b", "db/tenant_b", "pass"),
    ]  # fmt: skip
    assert all(len(result.history) == 1 for result in summary.checks)
    bare = Target(url=f"{database}?application_name=x", name="bare")
    two = replace(
        checks, run=set_fields(run_, {"schemas": ("tenant_%",), "targets": (Target(url=database, name="db"), bare)})
    )
    assert len((await check(two, control=Control())).checks) == 8
    servers.execute(database, "create database bulkq_no_tenants")
    try:
        there = Target(url=f"{database.rpartition('/')[0]}/bulkq_no_tenants", name="bare")
        two = replace(two, run=set_fields(two.run, {"targets": (Target(url=database, name="db"), there)}))
        with pytest.raises(UsageError, match='bare: no schema matches --schemas "tenant_%": nothing would be checked'):
            await check(two, control=Control())
        assert (await check(replace(two, allow_empty=True), control=Control())).targets == (
            "db/tenant_a",
            "db/tenant_b",
        )
    finally:
        servers.execute(database, "drop database bulkq_no_tenants with (force)")
    asked = set_fields(
        run_,
        {"schemas": (), "targets_sql": f"select '{database}' union all select '{database}?application_name=x'"},
    )
    assert (
        len(
            (
                await check(Checks(run=set_fields(asked, {"queries": load("select 1 where false")})), control=Control())
            ).checks
        )
        == 2
    )


async def test_a_query_for_targets_that_fails(postgres_url: str) -> None:
    """It is no failed check: nothing was run."""
    with pytest.raises(UsageError, match='--targets-sql "select nope": column "nope" does not exist'):
        await run("select 1", postgres_url, targets_sql="select nope")


async def test_a_target_that_never_answers(postgres_url: str) -> None:
    """It is waited for as long as `--connect-timeout` says, and no longer."""
    async with silence() as url, asyncio.timeout(5):
        summary = await run("select 1 where false", postgres_url, url, connect_timeout_s=0.2)
    assert [str(result.verdict) for result in summary.checks] == ["pass", "error"]
    assert "did not answer within 0.2s" in summary.checks[1].message


async def test_a_deadline_counts_while_connecting(postgres_url: str) -> None:
    """A silent target is waited for no longer than that, and what was not asked any more did not run: exit 5."""
    text = "-- name: a\nselect 1 where false;\n-- name: b\n-- @expect same as a on other\nselect 1 where false"
    async with silence() as url, asyncio.timeout(4):
        summary = await run("select 1 where false", postgres_url, url, deadline_s=0.3)
        other: dict[str, object] = {"other_targets": {"other": Target(url=url, name="other")}}
        compared = await run(text, postgres_url, checks=other, deadline_s=0.3)
        with pytest.raises(TargetError):
            await run("select 1 where false", url, schemas=("%",), deadline_s=0.3)
    assert [str(result.verdict) for result in summary.checks] == ["error", "error"]
    assert summary.checks[0].message.endswith(": the deadline of 0.3s passed")
    assert "did not answer within the deadline of 0.3s" in summary.checks[1].message
    assert (summary.exit_code, summary.skipped, summary.unknown) == (5, 2, 0)
    assert (compared.exit_code, compared.skipped, compared.elapsed_s < 2) == (5, 2, True)


async def test_a_deadline_of_a_run_that_is_in_time(postgres_url: str) -> None:
    """It is forgotten with the run."""
    assert (await run("select 1 where false", postgres_url, deadline_s=60.0)).exit_code == 0


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
async def test_a_value_of_the_wrong_type_is_found_before_the_start(
    kind: str, database: str, sqlite_file: SqliteFile, tmp_path: Path
) -> None:
    """With its line, in a check and in what it is compared with; nothing was executed. What a query gives is its own error."""
    url = database if kind == "postgresql" else f"sqlite:///{sqlite_file()}"
    (tmp_path / "bad.csv").write_text("x\n1\nabc\n")
    for params in ({"params": (str(tmp_path / "bad.csv"),)}, {"constants": {"x": "abc"}}):
        with pytest.raises(ParameterError, match='x"?: .*"abc" is not a bigint') as wrong:
            await run("-- name: a(x: bigint)\nselect :x where 1 = 0", url, **params)
        assert ("bad.csv:3: " in str(wrong.value)) == ("params" in params)
    text = "-- name: a(x)\n-- @expect same as b\nselect :x;\n-- name: b(x: bigint)\nselect :x"
    with pytest.raises(ParameterError, match="bad.csv:3: "):
        await run(text, url, params=(str(tmp_path / "bad.csv"),))
    (tmp_path / "fine.csv").write_text("x\n1\n2\n")
    fine = await run("-- name: a(x: bigint)\nselect :x where 1 = 0", url, url, params=(str(tmp_path / "fine.csv"),))
    assert (fine.ok, fine.exit_code) == (4, 0)
    asked = "-- name: a(x: bigint)\n-- @params sql:select 'abc' as x\nselect :x where 1 = 0"
    assert (await run(asked, url)).exit_code == (3 if kind == "postgresql" else 5)  # and nothing green


async def test_a_statement_that_is_refused_is_still_told_by_the_run(database: str, tmp_path: Path) -> None:
    """Its values cannot be looked at before, and nothing else suffers."""
    (tmp_path / "n.csv").write_text("x\n1\n")
    text = "-- name: a(x: bigint)\nselect nope where :x = 1;\n-- name: b(x: bigint)\nselect :x where false"
    summary = await run(text, database, params=(str(tmp_path / "n.csv"),))
    assert verdicts(summary) == {"a": "error", "b": "pass"}
