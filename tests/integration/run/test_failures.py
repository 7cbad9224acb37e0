"""Failures and timeouts of single sets, and stops because of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.support.targets import ENDLESS, Target, lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


def test_one_endless_query_among_many(target: Target, cli: Cli, tmp_path: Path) -> None:
    """The endless one times out alone, soon after its deadline; the others are answered and nothing runs on."""
    query = f"select :id as id, case when cast(:id as text) = '4711' then ({ENDLESS[target.kind if target.sqlite else 'postgresql']}) else 1 end as one"
    query = query.replace(":id as id", "cast(:id as integer) as id")
    started = time.monotonic()
    got = cli(
        "run",
        "-e",
        query,
        "-t",
        target.url,
        "-p",
        "range:id=1..10000",
        "-o",
        "out.jsonl",
        "--timeout",
        "1s",
        "--failures",
        "bad.jsonl",
    )
    assert got.code == 1, got.err
    assert time.monotonic() - started < 12
    assert (got.counts["ok"], got.counts["failed"]) == ("9999", "1")
    (bad,) = lines(tmp_path / "bad.jsonl")
    assert bad["n"] == 4711
    assert bad["message"] == "timed out after 1s"
    assert [row["id"] for row in lines(tmp_path / "out.jsonl")] == [n for n in range(1, 10_001) if n != 4711]
    assert target.active() == 0


def test_poison_is_named_and_set_aside(target: Target, cli: Cli, tmp_path: Path) -> None:
    """Ten poison sets among twenty thousand are ten failures with line and SQLSTATE; all others are answered."""
    poison = set(range(1_000, 20_001, 2_000))
    path = tmp_path / "sets.csv"
    path.write_text(
        "id,by\n" + "".join(f"{n},{'boom' if n in poison else 1}\n" for n in range(1, 20_001)), encoding="utf-8"
    )
    if target.sqlite:
        query = "select cast(:id as integer) as id, case when :by = 'boom' then json('x') else 1 end as one"
    else:
        query = "select :id::int as id, 1 / (case when :by::text = 'boom' then 0 else 1 end) as one"
    got = cli("run", "-e", query, "-t", target.url, "-p", path, "-o", "out.jsonl", "--failures", "bad.jsonl")
    assert got.code == 1, got.err
    bad = lines(tmp_path / "bad.jsonl")
    assert {row["n"] for row in bad} == poison
    assert {row["source"] for row in bad} == {f"{path}:{n + 1}" for n in poison}
    assert {row["sqlstate"] for row in bad} == {"SQLITE_ERROR" if target.sqlite else "22012"}
    assert len(lines(tmp_path / "out.jsonl")) == 19_990


def test_failures_are_parameters_again(target: Target, cli: Cli, tmp_path: Path) -> None:
    """A `--failures` file can be given to `-p`: what failed is tried again and nothing else."""
    query = (
        "select cast(:id as integer) / (select d from divisor) as q"
        if not target.sqlite
        else "select json(case when :id in (3, 5) then (select d from divisor) else '1' end) as q"
    )
    target.execute("create table divisor (d text)" if target.sqlite else "create table divisor (d integer)")
    target.execute("insert into divisor values ('x')" if target.sqlite else "insert into divisor values (0)")
    first = cli(
        "run", "-e", query, "-t", target.url, "-p", "range:id=1..5", "--failures", "bad.jsonl", "--format", "none"
    )
    assert first.code == 1, first.err
    target.execute("update divisor set d = '1'" if target.sqlite else "update divisor set d = 1")
    failed = len(lines(tmp_path / "bad.jsonl"))
    assert failed == (2 if target.sqlite else 5)
    again = cli("run", "-e", query, "-t", target.url, "-p", "bad.jsonl", "--format", "none")
    assert (again.code, again.counts["ok"]) == (0, str(failed)), again.err


def test_fail_fast_cancels_what_is_in_flight(postgres_target: Target, cli: Cli) -> None:
    """With `-x` one failure stops the run at once and cancels the other lanes' statements on the server."""
    query = "select case when :id::int = 8 then 1 / 0 else (select 1 from pg_sleep(30)) end"
    started = time.monotonic()
    got = cli(
        "run", "-e", query, "-t", postgres_target.url, "-p", "range:id=1..100", "-j", "8", "-x", "--format", "none"
    )
    assert got.code == 5, got.err
    assert time.monotonic() - started < 10
    assert got.counts["failed"] == "1"
    assert int(got.counts["skipped"]) == 99
    assert postgres_target.active() == 0


def test_max_failures_drains(target: Target, cli: Cli) -> None:
    """`--max-failures 3` stops the run, exit 5, and lets what runs finish."""
    query = "select json('x')" if target.sqlite else "select 1 / 0"
    got = cli(
        "run",
        "-e",
        f"{query} where :id is not null" if target.sqlite else f"{query} where :id::int > 0",
        "-t",
        target.url,
        "-p",
        "range:id=1..500",
        "--max-failures",
        "3",
        "--format",
        "none",
        "-j",
        "2",
    )
    assert got.code == 5, got.err
    assert 3 <= int(got.counts["failed"]) < 500


def test_hopeless_runs_end(target: Target, cli: Cli) -> None:
    """When the first thousand sets all failed, the run stops with exit 5."""
    query = "select json('x' || :id)" if target.sqlite else "select 1 / (:id::int - :id::int)"
    got = cli("run", "-e", query, "-t", target.url, "-p", "range:id=1..5000", "--format", "none")
    assert got.code == 5, got.err
    assert "all of the first" in got.err


def test_a_refused_statement_fails_once(target: Target, cli: Cli) -> None:
    """A statement that the database does not accept is one failure and the rest is skipped."""
    got = cli(
        "run",
        "-e",
        "select absent from nowhere where id = :id",
        "-t",
        target.url,
        "-p",
        "range:id=1..50",
        "--format",
        "none",
    )
    assert got.code == 1, got.err
    assert (got.counts["failed"], got.counts["skipped"]) == ("1", "49")
    assert "nowhere" in got.err
