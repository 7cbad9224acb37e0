"""Text without a type on SQLite: beside an expression it is the number that it spells, in a column of text it stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.sqlite_files import SqliteFile

SHOP = """
create table t (id integer primary key, n int, code text, doc text, day text);
insert into t values (1, 20, '007', '{"a": 5, "z": "x"}', '2024-05-01'), (2, 3, '7', '{"a": 6}', '2025-01-01');
"""

MATCHES = [
    ("select id from t group by id having sum(n) > :v", "5", [1]),
    ("select id from t group by id having sum(n) > :v", "5.50", [1]),
    ("select id from t where n + 1 = :v", "4", [2]),
    ("select id from t where coalesce(n, 0) = :v", "3", [2]),
    ("select id from t group by id having max(n) = :v", "20", [1]),
    ("select id from t where json_extract(doc, '$.a') = :v", "5", [1]),
    ("select id from t where case when id = 1 then n else 0 end = :v", "20", [1]),
    ("select id from t where (select max(n) from t) = :v and id = 1", "20", [1]),
    ("select id from t where :v + 1 = n", "2", [2]),
    ("select id from t order by id limit :v", "1", [1]),
    ("select id from t where length(code) = :v", "3", [1]),
    ("select id from t where code = :v", "007", [1]),
    ("select id from t where code = :v", "7", [2]),
    ("select id from t where code in (:v)", "7", [2]),
    ("select id from t where n = :v", "03", [2]),
    ("select id from t where n = :v", "3.0", [2]),
    ("select id from t where strftime('%Y', day) = :v", "2024", [1]),
    ("select id from t where substr(code, 1, 1) = :v", "7", [2]),
    ("select id from (select id, strftime('%Y', day) as year from t) where year > :v", "2024", [2]),
    ("select id from t where (substr(code, 1, 1), id) = (:v, 2)", "7", [2]),
    ("select id from t where substr(code, 1, 1) in (values (:v))", "7", [2]),
    ("with p as (select :v as x) select id from t, p where substr(code, 1, 1) = p.x", "7", [2]),
    ("with p(x) as (values (:v)) select id from t, p group by id having sum(n) = x", "3", [2]),
    ("select id from t where doc -> '$.a' = :v", "6", [2]),
    ("select id from t where substr(code, 1, 1) = case when id then :v end", "7", [2]),
    ("select id from t where date(day) = :v", "2024-05-01", [1]),
    ("select id from t where :v = '5' and id = 1", "5", [1]),
]


@pytest.fixture(params=["sqlite", "sqlite+pysqlite"])
def shop(request: pytest.FixtureRequest, sqlite_file: SqliteFile) -> str:
    """The URL of a database, for each driver of SQLite."""
    return f"{request.param}:///{sqlite_file(SHOP)}"


@pytest.mark.parametrize("constants", [False, True])
def test_a_value_finds_what_it_names(shop: str, cli: Cli, tmp_path: Path, constants: bool) -> None:
    """From a CSV file and from `--param`: expressions are compared with numbers, text with text."""
    queries = [f"-- name: q{n}\n{sql.replace(':v', f':v{n}')};" for n, (sql, _, _) in enumerate(MATCHES)]
    (tmp_path / "q.sql").write_text("\n".join(queries))
    names, values = zip(*((f"v{n}", value) for n, (_, value, _) in enumerate(MATCHES)), strict=True)
    (tmp_path / "v.csv").write_text(f"{','.join(names)}\n{','.join(values)}\n")
    pairs = [arg for name, value in zip(names, values, strict=True) for arg in ("--param", f"{name}={value}")]
    source = pairs if constants else ["-p", "v.csv", "--extra-columns", "ignore"]
    done = cli("run", "q.sql", "-t", shop, *source, "--include", "query", "--format", "jsonl")
    found: dict[str, list[int]] = {f"q{n}": [] for n in range(len(MATCHES))}
    for line in done.out.splitlines():
        row = json.loads(line)
        found[row["_query"]].append(row["id"])
    assert found == {f"q{n}": ids for n, (_, _, ids) in enumerate(MATCHES)}, done.err


def test_a_check_is_red(shop: str, cli: Cli) -> None:
    """A check that has rows to show fails; with text beside the sum it would have passed."""
    done = cli("check", "-e", "select id from t group by id having sum(n) > :max", "-t", shop, "--param", "max=5")
    assert done.code == 1


def test_no_number_beside_a_number(shop: str, cli: Cli) -> None:
    """A text that is no number would be greater than all of them: it is refused before the start."""
    done = cli("run", "-e", "select 1 from t having count(*) > :max", "-t", shop, "--param", "max=1_000")
    assert done.code == 2
    assert '--param max: "1_000" is not a number, but is compared with one' in done.err


def test_writes_find_their_rows_and_keep_their_text(shop: str, cli: Cli, tmp_path: Path) -> None:
    """A write beside an expression matches; what goes into a column of text is stored as it was written."""
    (tmp_path / "v.csv").write_text("n,code\n4,0012\n21,1e3\n")
    sql = "update t set code = :code where n + 1 = :n"
    assert cli("run", "-e", sql, "-t", shop, "-p", "v.csv", "--write").code == 0
    done = cli("run", "-e", "select code, typeof(code) as kind from t order by id", "-t", shop, "--format", "csv")
    assert done.out == b"code,kind\n1e3,text\n0012,text\n"


def test_lint_says_where_a_type_belongs(shop: str, cli: Cli, tmp_path: Path) -> None:
    """Beside an expression that may give both, `bulkq lint -t` asks for a type; beside a column it does not."""
    (tmp_path / "q.sql").write_text(
        "-- name: a\nselect max(n) = :v from t;\n-- name: b\nselect 1 from t where n = :v;\n"
    )
    done = cli("lint", "q.sql", "-t", shop)
    assert done.code == 0
    assert [line.split(": SQLite")[0] for line in done.out.decode().splitlines()] == ["q.sql:2: warning: BQ010"]


@pytest.mark.parametrize("stdin", [False, True])
def test_with_a_target_that_has_types(shop: str, postgres_url: str, cli: Cli, tmp_path: Path, stdin: bool) -> None:
    """Of one source SQLite takes numbers and PostgreSQL text, which it converts itself."""
    sql = "select cast(:a as text) as a, count(*) as n from (select 1 as id) as t where id = 1 having count(*) < :b"
    rows = b"a,b\n007,2\n5.0,10\n9,1\n"
    (tmp_path / "v.csv").write_bytes(rows)
    source = ("-p", "-", "--params-format", "csv") if stdin else ("-p", "v.csv")
    done = cli(
        "run", "-e", sql, "-t", shop, "-t", postgres_url, *source, "--format", "csv", stdin=rows if stdin else b""
    )
    assert done.code == 0, done.err
    assert sorted(line.split(b",", 1)[1] for line in done.out.splitlines()[1:]) == [
        b"007,1",
        b"007,1",
        b"5.0,1",
        b"5.0,1",
    ]
