"""`@expect same as`: two queries, or one query on two targets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.model import CheckResult, Target
from bulkq.model.run import make_run
from bulkq.tasks.check import connect_and_plan
from bulkq.tasks.check.evaluate import OTHER_SETS
from bulkq.tasks.check.open_check import CheckRequest
from bulkq.tasks.check.run_checks import check
from bulkq.tasks.check.selection import select
from tests.support.checks import by_name, load, run

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile


SAME = """\
-- name: a
-- @expect same as b
-- @sample 3
-- @mask v
select g as id, g * 2 as v from generate_series(1, 5000) g where g <> 17;
-- name: b
select g, case when g = 4000 then 1 else g * 2 end from generate_series(1, 5000) g where {where};
"""


async def compared(text: str, url: str) -> tuple[CheckResult, ...]:
    """The results of the first query of `text`, which is compared with the second."""
    query, other = load(text)
    request = make_run(queries=(query,), targets=(Target(url=url),), ledger="none")
    return (await check(CheckRequest(run=request, references={query.place: other}), control=Control())).checks


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
        CheckRequest(
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
        CheckRequest(
            run=gone,
            references={query.place: other},
            other_targets={"other": Target(url="sqlite:////no/such.db", name="lite")},
        ),
        control=Control(),
    )
    assert (lost.exit_code, lost.checks[0].message[:6]) == (3, "lite: ")


async def test_values_are_compared_by_bytes_whatever_the_collation_of_their_column(sqlite_file: SqliteFile) -> None:
    """Ann and ANN are different values of a NOCASE key, although the database calls them equal."""
    rows = "create table t (k text collate nocase primary key); insert into t values ('bob'),"
    here, there = sqlite_file(f"{rows} ('Ann')"), sqlite_file(f"{rows} ('ANN')", "there.db")
    (query,) = load("-- name: a\n-- @expect same as a on other\nselect k from t;")
    request = make_run(queries=(query,), targets=(Target(url=f"sqlite:///{here}"),), ledger="none")
    other = {"other": Target(url=f"sqlite:///{there}", name="lite")}
    asked = CheckRequest(run=request, references={query.place: query}, other_targets=other)
    (result,) = (await check(asked, control=Control())).checks
    assert result.message == "1 row only here, 1 row only in a on lite, expected same as a on other"
    assert [row[1] for row in result.sample] == ["Ann", "ANN"]


async def test_parameter_sets_of_a_comparison_come_from_the_target_of_the_check(sqlite_file: SqliteFile) -> None:
    """Both queries get the same values; the other target, which has other rows, is not asked for its own."""
    rows = "create table t (id integer); insert into t values "
    here, there = sqlite_file(f"{rows} (1), (2)"), sqlite_file(f"{rows} (1), (2), (3)", "there.db")
    text = (
        "-- @expect same as sql on other\n-- @params sql:select id from t order by id {}\n"
        "select :id, count(*) from t where id < :id"
    )
    for order in ("asc", "desc"):
        (query,) = load(text.format(order))
        request = make_run(queries=(query,), targets=(Target(url=f"sqlite:///{here}"),), ledger="none")
        other = {"other": Target(url=f"sqlite:///{there}", name="lite")}
        asked = CheckRequest(run=request, references={query.place: query}, other_targets=other)
        summary = await check(asked, control=Control())
        assert {(r.params["id"], str(r.verdict)) for r in summary.checks} == {("1", "pass"), ("2", "pass")}


async def test_parameter_sets_that_both_databases_take_in_their_own_way(
    postgres_url: str, sqlite_file: SqliteFile
) -> None:
    """A boolean or a number of PostgreSQL is a text there and a number on SQLite: it is the same set."""
    sets = "select true as b, 1.50 as n, 0.1::float8 as f, now()::date as d, null::int as x"
    values = " || ".join(f"cast(:{name} as text)" for name in "bnfdx")
    text = f"-- @expect same as sql on other\n-- @params sql:{sets}\nselect 1 where {values} = ''"
    (query,) = load(text)
    request = make_run(queries=(query,), targets=(Target(url=postgres_url),), ledger="none")
    other = {"other": Target(url=f"sqlite:///{sqlite_file()}", name="lite")}
    asked = CheckRequest(run=request, references={query.place: query}, other_targets=other)
    (found,) = (await check(asked, control=Control())).checks
    assert (str(found.verdict), found.message) == ("pass", "no rows, the same as sql on lite")


async def test_parameter_sets_that_change_between_two_reads_are_an_error(postgres_url: str) -> None:
    """The query of the sets gives each side other values: no set is compared with another one."""
    head = "-- name: a\n-- @params sql:select pg_backend_pid() as id\n-- @expect same as b\n"
    text = f"{head}select 1 where :id::int is null;\n-- name: b\nselect 1 where :id::int is null;"
    (found,) = await compared(text, postgres_url)
    assert (str(found.verdict), found.message) == ("error", f"b: {OTHER_SETS}")


@pytest.mark.parametrize(("first", "second"), [(2, 3), (3, 2)])
async def test_a_parameter_set_of_one_side_alone_is_an_error(
    sqlite_file: SqliteFile, monkeypatch: pytest.MonkeyPatch, first: int, second: int
) -> None:
    """Rows were added, or deleted, between the two reads of the sets: the others are compared, and one is not green."""
    path = sqlite_file("create table t (id integer)")
    limits = iter((first, second))
    specs = connect_and_plan.wanted_sets
    monkeypatch.setattr(
        connect_and_plan,
        "wanted_sets",
        lambda *of: replace(
            specs(*of), specs=(f"sql:select value as id from json_each('[1, 2, 3]') limit {next(limits)}",)
        ),
    )
    head = "-- name: a\n-- @params sql:select 1 as id\n-- @expect same as b\n"
    text = f"{head}select 1 where :id is null;\n-- name: b\nselect 1 where :id is null;"
    found = await compared(text, f"sqlite:///{path}")
    assert [str(one.verdict) for one in found] == ["pass", "pass", "error"]
    assert OTHER_SETS in found[2].message


VARIANTS = """\
-- name: a
-- @requires pg
-- @expect same as b
select 1 as v;
-- name: a
-- @requires sqlite
-- @expect same as c
select 2 as v;
-- name: b
-- @requires sqlite
select 3 as v;
-- name: b
-- @requires pg
select 1 as v;
-- name: c
select 2 as v;
-- name: d
-- @expect same as e
select 1 as v;
-- name: e
-- @requires pg>=99
select 1 as v;
"""


async def test_a_check_is_compared_with_the_variant_for_its_target(
    postgres_url: str, sqlite_file: SqliteFile, tmp_path: Path
) -> None:
    """Not with the first of the name, nor with that of another variant of the check; with none it is an error."""
    file = tmp_path / "v.sql"
    file.write_text(VARIANTS)
    found = select([str(file)], tags=(), exclude=(), changed=None, dialect="postgresql")
    urls = (Target(url=postgres_url, name="pg"), Target(url=f"sqlite:///{sqlite_file()}", name="lite"))
    request = make_run(queries=found.queries, targets=urls, ledger="none")
    asked = CheckRequest(run=request, references=found.references, variants=found.variants)
    results = (await check(asked, control=Control())).checks
    assert [(r.name, r.target, str(r.verdict)) for r in results] == [
        ("a", "pg", "pass"), ("a", "lite", "pass"), ("d", "pg", "error"), ("d", "lite", "error"),
    ]  # fmt: skip
    assert results[2].message.startswith("same as e: requires pg>=99")


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
        asked = CheckRequest(run=wanted, references={query.place: reference}, other_targets={"other": other})
        (found,) = (await check(asked, control=Control())).checks
        assert str(found.verdict) == verdict
        assert (verdict == "error") == found.message.startswith("same as a on other: that is the check itself on the ")


async def test_a_comparison_that_cannot_end(postgres_url: str, proxy: object, database: str) -> None:
    """The other target goes away: an error, and nothing is kept."""
    other = proxy.through(database)  # type: ignore[attr-defined]
    query = load("-- @expect same as sql on other\nselect 1")[0]
    slow = load("select 1 from pg_sleep(20)")[0]
    request = make_run(queries=(query,), targets=(Target(url=postgres_url),), ledger="none", outage_s=0.3)
    checks = CheckRequest(
        run=request, references={query.place: slow}, other_targets={"other": Target(url=other, name="other")}
    )
    running = asyncio.create_task(check(checks, control=Control()))
    await asyncio.sleep(0.6)
    await proxy.close()  # type: ignore[attr-defined]
    async with asyncio.timeout(15):
        summary = await running
    assert (summary.exit_code, str(summary.checks[0].verdict)) == (3, "error")
    assert "other" in summary.checks[0].message


@pytest.mark.long
async def test_a_difference_too_large_to_show(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known all the same; which rows differ is told as far as they were looked at, or not at all."""
    from bulkq.checks import unmatched_rows
    from bulkq.tasks.check import find_differing_rows, sink

    text = "-- name: a\n-- @expect same as b\nselect g from generate_series(1, 9000) g;\n-- name: b\nselect -g from generate_series(1, 9000) g;"
    monkeypatch.setattr(unmatched_rows.groups, "__defaults__", (100,))
    whole = by_name(await run(text, postgres_url))["a"]
    assert whole.message.startswith("at least ")
    monkeypatch.setattr(find_differing_rows, "MOST_PASSES", 1000)
    whole = by_name(await run(text, postgres_url))["a"]
    assert whole.message == "9,000 rows only here, 9,000 rows only in b, expected same as b"
    monkeypatch.setattr(sink, "MOST_SPOOLED_BYTES", 100)
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


@pytest.mark.long
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
