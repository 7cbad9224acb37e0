"""Lookups over many lanes: order, large results, files."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.targets import LOOKUP, Target, ids, lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


def test_every_set_is_answered_in_input_order(target: Target, cli: Cli, tmp_path: Path) -> None:
    """Twenty thousand lookups over eight lanes come out in the order they went in."""
    target.numbers(20_000)
    wanted = [(n * 7_919) % 20_000 + 1 for n in range(20_000)]
    got = cli("run", "-e", LOOKUP, "-t", target.url, "-p", ids(tmp_path, wanted), "-o", "out.jsonl", "-j", "8")
    assert got.code == 0, got.err
    assert got.out == b""
    assert [row["id"] for row in lines(tmp_path / "out.jsonl")] == wanted
    assert got.counts["ok"] == "20000"


def test_unordered_gives_the_same_rows(target: Target, cli: Cli, tmp_path: Path) -> None:
    """`--unordered` gives every row once, in any order."""
    target.numbers(5_000)
    got = cli("run", "-e", LOOKUP, "-t", target.url, "-p", "range:id=1..5000", "-o", "out.csv", "--unordered")
    assert got.code == 0, got.err
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert sorted(int(row["id"]) for row in rows) == list(range(1, 5_001))


def test_slow_queries_run_side_by_side(postgres_target: Target, cli: Cli) -> None:
    """Twenty one-second queries over eight lanes take three seconds and a little."""
    got = cli(
        "run",
        "-e",
        "select pg_sleep(1) where :id::int > 0",
        "-t",
        postgres_target.url,
        "-p",
        "range:id=1..20",
        "-j",
        "8",
        "--format",
        "none",
    )
    assert got.code == 0, got.err
    assert 3.0 <= float(got.counts["elapsed"].rstrip("s")) < 4.5


def test_many_queries_run_side_by_side(postgres_target: Target, cli: Cli, tmp_path: Path) -> None:
    """Queries without parameters of one file run at the same time; output is in file order."""
    text = "".join(
        f"-- name: q{n}\nselect {n} as n from pg_sleep({'0.9' if n == 1 else '0.5'});\n" for n in range(1, 9)
    )
    (tmp_path / "many.sql").write_text(text, encoding="utf-8")
    got = cli("run", "many.sql", "-t", postgres_target.url, "-j", "8")
    assert got.code == 0, got.err
    assert float(got.counts["elapsed"].rstrip("s")) < 2.5
    assert [json.loads(line)["n"] for line in got.text.splitlines()] == list(range(1, 9))


def test_row_counts_where_asked_for(target: Target, cli: Cli) -> None:
    """With `--format`, a statement that returns no rows gives its row count per set, in order."""
    target.numbers(10)
    got = cli(
        "run",
        "-e",
        "update numbers set touched = 1 where id <= :id",
        "-t",
        target.url,
        "-p",
        "range:id=1..3",
        "--write",
        "--ledger",
        "none",
        "--format",
        "jsonl",
        "--include",
        "n",
        "-j",
        "1",
    )
    assert got.code == 0, got.err
    assert [json.loads(line) for line in got.text.splitlines()] == [{"_n": n, "rowcount": n} for n in (1, 2, 3)]


def test_included_columns(target: Target, cli: Cli) -> None:
    """`--include` adds number, parameters, query and target."""
    target.numbers(3)
    got = cli(
        "run",
        "-e",
        "select square from numbers where id = :id",
        "-t",
        target.url,
        "-p",
        "range:id=2..3",
        "--include",
        "n,params,query",
        "--format",
        "jsonl",
    )
    assert got.code == 0, got.err
    first = json.loads(got.text.splitlines()[0])
    assert (first["_n"], str(first["id"]), first["_query"], first["square"]) == (1, "2", "sql", 4)


def test_a_big_result_is_streamed(target: Target, cli: Cli, tmp_path: Path) -> None:
    """One query of many rows arrives whole, in every format."""
    target.numbers(60_000)
    for name in ("out.csv", "out.tsv", "out.jsonl", "out.json"):
        got = cli("run", "-e", "select id, square from numbers order by id", "-t", target.url, "-o", name)
        assert got.code == 0, got.err
    jsonl = lines(tmp_path / "out.jsonl")
    assert [row["id"] for row in jsonl] == list(range(1, 60_001))
    assert json.loads((tmp_path / "out.json").read_text()) == jsonl
    rows = list(csv.reader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["id", "square"]
    assert len(rows) == 60_001
    assert (tmp_path / "out.tsv").read_text().replace("\t", ",") == (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize("sql", ["show work_mem", "explain select 1", "(select 1) union select 2", "values (1)"])
def test_every_statement_with_rows_goes_to_csv(sql: str, postgres_target: Target, cli: Cli) -> None:
    """Without parameters a result is copied by the server, where the server copies such a statement."""
    got = cli("run", "-e", sql, "-t", postgres_target.url, "--format", "csv")
    assert got.code == 0, got.err
    assert len(got.text.splitlines()) >= 2


def test_output_to_a_file_per_query(target: Target, cli: Cli, tmp_path: Path) -> None:
    """`{query}` in the path makes a file for each query."""
    (tmp_path / "two.sql").write_text(
        "-- name: a\nselect 1 as x;\n-- name: b\nselect 2 as y, 3 as z;\n", encoding="utf-8"
    )
    got = cli("run", "two.sql", "-t", target.url, "-o", "out-{query}.csv")
    assert got.code == 0, got.err
    assert (tmp_path / "out-a.csv").read_text() == "x\n1\n"
    assert (tmp_path / "out-b.csv").read_text() == "y,z\n2,3\n"


def test_a_header_without_rows(target: Target, cli: Cli, tmp_path: Path) -> None:
    """No parameter sets: exit 0, ok=0, and the output exists."""
    target.numbers(1)
    got = cli("run", "-e", LOOKUP, "-t", target.url, "-p", ids(tmp_path, []), "-o", "out.jsonl")
    assert (got.code, got.counts["ok"]) == (0, "0"), got.err
    assert (tmp_path / "out.jsonl").read_text() == ""
