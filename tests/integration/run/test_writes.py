"""Writes without a ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.targets import lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.targets import Target


def test_writes_change_each_row_once(target: Target, cli: Cli) -> None:
    """A write run without a ledger applies every set once and tells how many rows changed."""
    target.numbers(5_000)
    query = "update numbers set touched = touched + 1 where id = :id"
    got = cli("run", "-e", query, "-t", target.url, "-p", "range:id=1..5000", "--write", "--ledger", "none", "-j", "8")
    assert got.code == 0, got.err
    assert got.counts["changed"] == "5000"
    assert got.out == b""
    assert target.execute("select min(touched), max(touched) from numbers") == [(1, 1)]


def test_a_bad_set_of_a_write_is_rolled_back_alone(target: Target, cli: Cli, tmp_path: Path) -> None:
    """In a write, the culprit is rolled back and every other set is applied once."""
    target.execute("create table t (id integer primary key, v integer not null check (v < 100))")
    path = tmp_path / "sets.csv"
    path.write_text(
        "id,v\n" + "".join(f"{n},{500 if n % 400 == 0 else 1}\n" for n in range(1, 2_001)), encoding="utf-8"
    )
    got = cli(
        "run",
        "-e",
        "insert into t values (:id, :v)",
        "-t",
        target.url,
        "-p",
        path,
        "--write",
        "--ledger",
        "none",
        "--failures",
        "bad.jsonl",
    )
    assert got.code == 1, got.err
    assert (got.counts["ok"], got.counts["failed"], got.counts["changed"]) == ("1995", "5", "1995")
    assert target.execute("select count(*) from t") == [(1_995,)]
    assert [row["n"] for row in lines(tmp_path / "bad.jsonl")] == [400, 800, 1200, 1600, 2000]
