"""Checks with parameter sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from bulkq.errors import ParameterError, UsageError
from tests.support.checks import load, run, verdicts
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from tests.support.servers.postgres import PostgresServer
    from tests.support.sqlite_files import SqliteFile


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
    with pytest.raises(UsageError, match=r'-p ".*": no selected check has a :parameter'):
        await run("select 1 where false", postgres_url, params=params)


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


@pytest.mark.parametrize("limit", [-1, 1])
async def test_the_first_check_with_a_bad_value_is_told(
    limit: int, password_url: str, postgres: PostgresServer, sqlite_file: SqliteFile
) -> None:
    """Questions about values travel over several sessions, or over the one that the server has; nothing depends on which is faster."""
    url = password_url.replace("@", ":right@", 1)
    servers.execute(postgres.url, f"alter role {urlsplit(url).username} connection limit {limit}")
    types = {12: "date", 13: "inet", 29: "interval"}
    text = "".join(
        f"-- name: c{number}(x: {types.get(number, 'text')})\nselect :x where {number} < 0;\n" for number in range(30)
    )
    for urls in ([url], [url, f"sqlite:///{sqlite_file()}", url + "?application_name=other"]):
        with pytest.raises(ParameterError, match='"abc" is not a date'):
            await run(text, *urls, constants={"x": "abc"})
    fine = text.replace("x: date", "x").replace("x: inet", "x").replace("x: interval", "x")
    assert (await run(fine, url, constants={"x": "abc"})).ok == 30


async def test_a_statement_that_is_refused_is_still_told_by_the_run(database: str, tmp_path: Path) -> None:
    """Its values cannot be looked at before, and nothing else suffers."""
    (tmp_path / "n.csv").write_text("x\n1\n")
    text = "-- name: a(x: bigint)\nselect nope where :x = 1;\n-- name: b(x: bigint)\nselect :x where false"
    summary = await run(text, database, params=(str(tmp_path / "n.csv"),))
    assert verdicts(summary) == {"a": "error", "b": "pass"}
