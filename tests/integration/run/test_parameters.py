"""Parameters: lists, identifiers, constants, queries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.targets import LOOKUP, lines

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.targets import Target


def test_lists_and_identifiers(target: Target, cli: Cli, tmp_path: Path) -> None:
    """`:ids*` is a list and `:{table}` a checked, quoted name, both from the parameters."""
    target.execute('create table "odd name" (id integer)', 'insert into "odd name" values (1), (2), (3)')
    target.execute("create table plain (id integer)", "insert into plain values (10)")
    (tmp_path / "q.sql").write_text(
        "-- name: q\n-- @param tab ident\nselect count(*) as n from :{tab} where id in (:ids*);\n", encoding="utf-8"
    )
    sets = [{"tab": "odd name", "ids": [1, 3, 9]}, {"tab": "plain", "ids": [10]}, {"tab": "odd name", "ids": [2]}]
    (tmp_path / "sets.jsonl").write_text("".join(json.dumps(s) + "\n" for s in sets), encoding="utf-8")
    got = cli("run", "q.sql", "-t", target.url, "-p", "sets.jsonl")
    assert got.code == 0, got.err
    assert [json.loads(line)["n"] for line in got.text.splitlines()] == [2, 1, 1]


def test_only_text_is_an_identifier(target: Target, cli: Cli, tmp_path: Path) -> None:
    """NULL and a list name no table: refused before the start, later a failure of their own set, and no table called "None" is touched."""
    target.execute(
        'create table "None" (k integer)', 'insert into "None" values (1), (2)', "create table b (k integer)"
    )
    (tmp_path / "q.sql").write_text("-- name: wipe\n-- @param tab ident\ndelete from :{tab} where 1 = 1;\n", "utf-8")
    (tmp_path / "sets.csv").write_text("tab,k\nb,1\n,2\n", "utf-8")
    got = cli("run", "q.sql", "-t", target.url, "-p", "sets.csv", "--extra-columns", "ignore", "--write")
    assert (got.code, got.err.splitlines()) == (
        2,
        ['sets.csv:3: column "tab": NULL is not an identifier: write a name (:{tab} of q.sql:wipe)'],
    )
    (tmp_path / "number.jsonl").write_text('{"tab":7}\n', "utf-8")
    got = cli("run", "q.sql", "-t", target.url, "-p", "number.jsonl", "--write")
    assert (got.code, "a number is not an identifier" in got.err) == (2, True)
    late = [{"tab": "b"}] * 1_000 + [{"tab": None}, {"tab": ["b"]}, {"tab": 7}, {"tab": {"x": 1}}, {"tab": "b"}]
    text = "".join(json.dumps(one) + "\n" for one in late)
    query = (
        "run",
        "q.sql",
        "-t",
        target.url,
        "-p",
        "-",
        "--params-format",
        "jsonl",
        "--write",
        "--failures",
        "f.jsonl",
    )
    got = cli(*query, stdin=text.encode())
    assert got.code == 1, got.err
    assert "ok=1001 failed=4" in got.err
    kept = lines(tmp_path / "f.jsonl")
    assert [(one["n"], one["outcome"]) for one in kept] == [(n, "not_started") for n in range(1001, 1005)]
    assert [one["params"] for one in kept] == late[1000:1004]
    assert target.execute('select count(*) from "None"') == [(2,)]


def test_a_bad_constant_is_told_once(target: Target, cli: Cli, tmp_path: Path) -> None:
    """A value of `--param` that is none of its type is named as that option, on every database, and not once per set."""
    (tmp_path / "q.sql").write_text("-- name: q(id: bigint, n)\nselect :id as id, cast(:n as text) as n;\n", "utf-8")
    (tmp_path / "ns.csv").write_text("n\n1\n2\n3\n", "utf-8")
    for command in (("run",), ("plan", "run")):
        got = cli(*command, "q.sql", "-t", target.url, "-p", "ns.csv", "--param", "id=abc")
        said = '--param id: "abc" is not a bigint (:id of q.sql:q)'
        assert (got.code, (got.text + got.err).count(said)) == (2, 1), got.err


def test_parameters_from_a_query(target: Target, cli: Cli) -> None:
    """`-p sql:` streams the sets out of a query on the target."""
    target.numbers(3_000)
    got = cli(
        "run", "-e", LOOKUP, "-t", target.url, "-p", "sql:select id from numbers where id % 3 = 0 order by id desc"
    )
    assert got.code == 0, got.err
    assert [json.loads(line)["id"] for line in got.text.splitlines()] == list(range(3_000, 0, -3))


def test_parameters_from_a_query_that_writes(target: Target, cli: Cli) -> None:
    """A source of parameters only reads: what would change data is refused with exit code 4, and the line says what to do."""
    target.numbers(3)
    source = "sql:delete from numbers where id = 1 returning id"
    for mode in ((), ("--write",)):
        got = cli("run", "-e", "select :id as id", "-t", target.url, "-p", source, *mode)
        assert (got.code, got.out) == (4, b""), got.err
        assert got.last.endswith(": a parameter source is read-only: change data in a query of the run, with --write")
    assert target.execute("select count(*) from numbers") == [(3,)]
