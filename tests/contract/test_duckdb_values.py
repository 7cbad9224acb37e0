"""DuckDB's own types in files: the digits that DuckDB writes, in the forms that PostgreSQL has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
import pytest

from bulkq.text.pg_text import format_real, single
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

FLOATS = [
    "0.1",
    "0.3",
    "2.5",
    "3",
    "-0.25",
    "1e-7",
    "0.0001",
    "100000",
    "123456",
    "999999",
    "1e6",
    "123456789",
    "16777216",
    "1e10",
    "57667768",
    "3.4028235e38",
    "1e-45",
    "7.53128e-41",
    "33554432.5",
    "0.33333334",
    "1.17549435e-38",
]

TYPES = """
create table v as select
  0.1::float as f, [0.1::float, 0.3, null] as fl, {'a': 0.1::float, 'float': 'x'} as st, map {'k': 0.1::float} as m,
  union_value(n := 0.1::float) as un, {'a': 0.1::float, 'b': 0.1::float::double, 't': time '24:00:00'} as mixed,
  [0.7::float, 0.5]::float[2] as arr, 'nan'::float as nan, '-inf'::float as inf, null::float as nothing, 0.1::double as d,
  170141183460469231731687303715884105727::hugeint as h, 340282366920938463463374607431768211455::uhugeint as uh,
  1.50::decimal(10, 2) as dec, interval '1 month 2 days 03:04:05.5' as iv, '12:13:14+02'::timetz as tz, '101'::bit as b,
  'b c'::enum ('a', 'b c') as e, '00000000-0000-0000-0000-000000000001'::uuid as u, timestamp_ns '2024-01-01 10:00:00.123456789' as tn
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The URL of a database with values of every type."""
    with duckdb.connect(str(tmp_path / "v.duckdb")) as connection:
        connection.execute(TYPES)
        rows = ", ".join(f"({n}, '{text}'::float)" for n, text in enumerate(FLOATS))
        connection.execute(f"create table f as select * from (values {rows}) as f(id, r)")
    return f"duckdb:///{tmp_path / 'v.duckdb'}"


def test_every_type_in_csv(file: str, cli: Cli) -> None:
    """What CSV has of each type; scalars are what DuckDB itself writes."""
    done = cli("run", "-e", "select * from v", "-t", file, "--format", "jsonl")
    found = json.loads(done.out)
    assert found["fl"] == [0.1, 0.3, None]
    assert (found["f"], found["st"], found["m"], found["un"]) == (0.1, {"a": 0.1, "float": "x"}, {"k": 0.1}, 0.1)
    assert found["mixed"] == {"a": 0.1, "b": 0.10000000149011612, "t": "24:00:00"}
    assert (found["arr"], found["nan"], found["inf"], found["nothing"], found["d"]) == (
        [0.7, 0.5],
        "NaN",
        "-Infinity",
        None,
        0.1,
    )
    scalars = ["f", "d", "h", "uh", "dec", "iv", "tz", "b", "e", "u", "tn"]
    ours = cli("run", "-e", f"select {', '.join(scalars)} from v", "-t", file, "--format", "csv").out
    theirs = cli(
        "run",
        "-e",
        f"select {', '.join(f'{s}::varchar as {s}' for s in scalars)} from v",
        "-t",
        file,
        "--format",
        "csv",
    ).out
    assert ours == theirs
    assert b'"[0.1,0.3,null]",' in cli("run", "-e", "select fl, f from v", "-t", file, "--format", "csv").out


def test_floats_are_the_same_as_reals(file: str, cli: Cli, postgres_url: str, tmp_path: Path) -> None:
    """FLOAT and PostgreSQL's real have the same text, so that a comparison of the two holds."""
    values = ", ".join(f"({n}, '{text}'::real)" for n, text in enumerate(FLOATS))
    (tmp_path / "bulkq.toml").write_text(f'[targets.pg]\nurl = "{postgres_url}"\n[targets.duck]\nurl = "{file}"\n')
    (tmp_path / "s.sql").write_text(
        f"-- name: here\n-- @expect same as there on duck\nselect * from (values {values}) v(id, r);\n"
        "-- name: there\nselect id, r from f;\n"
    )
    done = cli("check", "s.sql", "-t", "pg")
    assert done.code == 0, done.out.decode()


def test_floats_that_nothing_can_be_put_around(file: str, cli: Cli) -> None:
    """RETURNING has the same digits; where FLOAT and DOUBLE cannot be told apart, the set fails."""
    sql = "insert into v (f, fl, m) values (0.3, [0.7], map {'k': 1e20::float}) returning f, fl, m"
    done = cli("run", "-e", sql, "-t", file, "--write", "--format", "csv")
    assert done.out.splitlines()[1] == b'0.3,[0.7],"{""k"":1e+20}"', done.err
    assert json.loads(cli("run", "-e", sql, "-t", file, "--write", "--format", "jsonl").out)["f"] == 0.3
    done = cli(
        "run",
        "-e",
        "update v set d = 1 where f is not null returning {'a': f, 'b': d} as x",
        "-t",
        file,
        "--write",
        "--format",
        "csv",
    )
    assert done.code == 1
    assert "cast it to text in the query" in done.err


def test_four_bytes(postgres_url: str) -> None:
    """Any number of four bytes is written as PostgreSQL writes it."""
    import random
    import struct

    generator = random.Random(5)
    values = [struct.unpack("f", struct.pack("I", generator.getrandbits(32)))[0] for _ in range(3000)]
    values += [struct.unpack("f", struct.pack("f", generator.randrange(10**8) / 100))[0] for _ in range(3000)]
    rows = ", ".join(f"({n}, '{value!r}'::real)" for n, value in enumerate(values))
    found = servers.execute(postgres_url, f"select r::text from (values {rows}) v(n, r) order by n")
    assert [row[0] for row in found] == [format_real(single(value)) for value in values]


ASKED = {
    "pivot f on id using sum(r)": b"0,1,",
    "select * from (pivot (select 'x' as a, 1 as n) on a using sum(n))": b"x",
    "explain select * from f where id = 1": b"explain_key,explain_value",
    "pragma table_info('f')": b"cid,name,type,notnull,dflt_value,pk",
    "pragma database_size": b"database_name",
    "describe f": b"column_name,column_type",
    "summarize f": b"column_name,column_type",
    "show tables": b"name",
    "unpivot f on r": b"id,name,value",
}


def test_questions_of_other_kinds(file: str, cli: Cli) -> None:
    """PIVOT, EXPLAIN, PRAGMA, DESCRIBE, SHOW and SUMMARIZE are reads, also where DuckDB cannot prepare them."""
    for sql, header in ASKED.items():
        done = cli("run", "-e", sql, "-t", file, "--format", "csv")
        assert (done.code, done.out[: len(header)]) == (0, header), done.err
    check = cli("check", "-e", "from (pivot (select 'x' as a, 1 as n) on a using sum(n)) where x is null", "-t", file)
    assert check.code == 0, check.err


@pytest.mark.parametrize(
    "sql",
    [
        "pragma enable_profiling",
        "pragma threads = 1",
        "explain analyze copy f to 'x.csv'",
        "create table z as pivot f on id using sum(r)",
    ],
)
def test_what_is_no_question(file: str, cli: Cli, tmp_path: Path, sql: str) -> None:
    """What would change something is refused in a read-only run, whatever it begins with."""
    assert cli("run", "-e", sql, "-t", file).code in {2, 4}
    assert not (tmp_path / "x.csv").exists()


def test_a_checkpoint_in_a_transaction(file: str, cli: Cli) -> None:
    """It says what to write, and written so it runs."""
    done = cli("run", "-e", "checkpoint", "-t", file, "--write")
    assert (done.code, 'write "-- @transaction off" above the statement' in done.err) == (1, True)
    assert cli("run", "-e", "-- @transaction off\ncheckpoint", "-t", file, "--write").code == 0


def test_bytes_of_a_file(cli: Cli, tmp_path: Path) -> None:
    """What bulkq wrote comes back if the type is declared, and is refused before the start if it is not."""
    with duckdb.connect(str(tmp_path / "b.duckdb")) as connection:
        connection.execute("create table s (v blob, w blob[])")
        connection.execute(
            "insert into s values (unhex('00ff'), [unhex('00ff')]), (unhex(''), []), (unhex('616263'), null)"
        )
        connection.execute("create table d (v blob, w blob[])")
    url = f"duckdb:///{tmp_path / 'b.duckdb'}"
    cli("run", "-e", "select v, w from s", "-t", url, "-o", "b.csv")
    writes = ("-t", url, "-p", "b.csv", "--extra-columns", "ignore", "--write")
    refused = cli("run", "-e", "insert into d (v) values (:v)", *writes)
    assert refused.code == 2
    assert "declare the parameter as blob" in refused.err
    assert cli("run", "-e", "insert into d (w) values (:w)", *writes).code == 2
    (tmp_path / "q.sql").write_text("-- name: q(v: blob)\ninsert into d (v) values (:v);\n")
    assert cli("run", str(tmp_path / "q.sql"), *writes).code == 0
    with duckdb.connect(str(tmp_path / "b.duckdb")) as connection:
        assert connection.execute("select v from d order by v").fetchall() == [(b"",), (b"\x00\xff",), (b"abc",)]
