"""Checks on many targets and schemas."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import UsageError
from bulkq.model import Target
from bulkq.model.run import make_run, set_fields
from bulkq.tasks.check.open_check import CheckRequest
from bulkq.tasks.check.run_checks import check
from tests.support.checks import load, run
from tests.support.servers import postgres as servers
from tests.support.servers.silence import silence

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile


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


async def test_a_database_that_is_not_the_one_expected(database: str) -> None:
    """Its checks are errors, and the run was refused: exit 4."""
    request = make_run(
        queries=load("select 1 where false"),
        targets=(Target(url=database, name="prod", expect={"database": "another"}),),
        ledger="none",
    )
    summary = await check(CheckRequest(run=request), control=Control())
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
    checks = CheckRequest(run=run_, references={selected[1].place: load(text)[2]})
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
                await check(
                    CheckRequest(run=set_fields(asked, {"queries": load("select 1 where false")})), control=Control()
                )
            ).checks
        )
        == 2
    )


async def test_a_pattern_that_no_schema_matches_is_an_error(database: str) -> None:
    """Beside one that matches, its checks would be missing and the rest green."""
    servers.execute(database, "create schema tenant_a")
    summary = await run("select 1 where false", database, schemas=("tenant_a", "ten%"))
    assert (len(summary.checks), summary.exit_code) == (1, 0)
    with pytest.raises(UsageError, match='no schema matches --schemas "tenant_b": correct it, or leave it out'):
        await run("select 1 where false", database, schemas=("tenant_a", "tenant_b"))


async def test_a_row_that_names_no_target_is_an_error(database: str) -> None:
    """The database that it stands for would not be checked."""
    rows = f"select '{database}' union all select null"
    with pytest.raises(UsageError, match="1 of 2 rows name no target: leave them out with WHERE"):
        await run("select 1 where false", database, targets_sql=rows)


async def test_parameter_sets_are_those_of_the_schema(database: str) -> None:
    """A query of parameter sets finds the tables of the schema that is checked, not those of `public`."""
    servers.execute(database, "create schema tenant_a", "create table tenant_a.t as select 5 as id")
    servers.execute(database, "create table public.t as select 7 as id")
    summary = await run(
        "select id from t where id = :id", database, schemas=("tenant_a",), params=("sql:select id from t",)
    )
    assert [(one.params, str(one.verdict)) for one in summary.checks] == [({"id": "5"}, "fail")]


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
