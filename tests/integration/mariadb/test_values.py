"""Values as the server writes them, and sets larger than a packet."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

import bulkq
from bulkq.engine.stop_control import Control
from bulkq.model.run import set_fields
from bulkq.query import inline
from bulkq.tasks.run import run as new_run
from tests.support.databases import SCHEMES
from tests.support.mariadb_sessions import DRIVERS, asked, counts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases import Database


TYPES = """create table v (id integer primary key, a time, b time(3), c datetime, d datetime(6), e date, f year, g decimal(20, 6),
    h float, i double, j bigint unsigned, k timestamp(2) null, l enum('x', 'y'), m set('p', 'q'), o json, p char(3), q time(6))"""


VALUES = """insert into v values
    (1, '838:59:59', '-25:30:00.5', '2024-02-29 10:00:00', '2024-01-01 00:00:00', '2024-02-29', 1999, 1.1, 1.1, 1e100,
     18446744073709551615, '2024-01-01 01:02:03.4', 'x', 'p,q', '{"a": [1, null]}', 'é', '-00:00:01.000001'),
    (2, '-838:59:59', '24:00:00', '0000-00-00', '9999-12-31 23:59:59.999999', '0000-00-00', 2155, -0.000001, 16777216, 0.1,
     0, null, 'y', '', '[]', '', '838:59:59.000000'),
    (3, '00:00:00', '00:00:00', '1000-01-01', '1000-01-01', '2024-00-00', 1901, 12345678901234.5, 1e-7, -1.7976931348623157e308,
     9223372036854775808, null, null, 'q', '"x"', '3', '12:34:56.7')"""


async def test_values_are_the_text_of_the_server(base: Database, driver: str, tmp_path: Path) -> None:
    """Byte for byte what the server itself writes, also where Python has no such value; and it can be read back."""
    ((mode,),) = base.execute("select @@global.sql_mode")
    base.execute("set global sql_mode = ''", "set sql_mode = ''", TYPES, VALUES, "create table w like v")
    out = tmp_path / "out.csv"
    reading = asked(base, driver, "select * from v order by id", tmp_path, output=str(out), format="csv", write=False)
    assert (await new_run(reading, control=Control())).exit_code == 0
    names = [
        str(name)
        for (name,) in base.execute(
            "select column_name from information_schema.columns "
            f"where table_schema = '{base.path}' and table_name = 'v' order by ordinal_position"
        )
    ]
    texts = ", ".join(f"cast({name} as char)" for name in names)
    wanted = [
        tuple("" if value is None else value for value in row)
        for row in base.execute(f"select {texts} from v order by id")
    ]
    with out.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == names
    assert [tuple(row) for row in rows] == wanted
    marks = ", ".join(f":{name}" for name in names)
    back = asked(base, driver, f"insert into w values ({marks})", tmp_path, params=(str(out),))
    done = await new_run(back, control=Control())
    base.execute(f"set global sql_mode = '{mode}'")
    assert done.ok == 3
    assert base.execute("select id, a, b, d, f, q from w order by id") == base.execute(
        "select id, a, b, d, f, q from v order by id"
    )


async def test_a_time_in_json(base: Database, driver: str, tmp_path: Path) -> None:
    """A TIME is text in JSON Lines, whatever its length."""
    base.execute(TYPES, "insert into v (id, a, b) values (1, '838:59:59', '-25:30:00.5')")
    out = tmp_path / "out.jsonl"
    wanted = asked(base, driver, "select a, b from v", tmp_path, output=str(out), format="jsonl", write=False)
    assert (await new_run(wanted, control=Control())).exit_code == 0
    assert json.loads(out.read_text()) == {"a": "838:59:59", "b": "-25:30:00.500"}


ODD = """insert into v (id, c, d, e, k, l, m, q) values
    (1, '0000-00-00', '2024-02-29 01:02:03.5', '2024-00-00', null, 'x', 'q,p', '-00:00:00.000001'),
    (2, null, null, null, '2024-01-01 01:02:03.4', 'y', '', null)"""


def _schemes() -> list[str]:
    """Schemes of the libraries that are installed, also of those that the contract suite does not try."""
    more = ["mysql+mysqlconnector"] if find_spec("mysql") and find_spec("mysql.connector") else []
    return [*(SCHEMES[driver] for driver in DRIVERS), *more]


@pytest.mark.parametrize("scheme", _schemes())
async def test_dates_that_python_does_not_have(base: Database, scheme: str, tmp_path: Path) -> None:
    """They are text and not NULL in JSON Lines and in Python; a SET is its text, and a BIT its bytes, with every library."""
    ((mode,),) = base.execute("select @@global.sql_mode")
    base.execute("set global sql_mode = ''", "set sql_mode = ''", TYPES, ODD)
    base.execute(
        "create table bits (id integer, b bit(12), v varbinary(9))", "insert into bits values (1, b'11', x'00')"
    )
    out = tmp_path / "out.jsonl"
    sql = "select t.id, c, d, e, k, l, m, q, bits.b, bits.v from v as t left join bits on bits.id = t.id order by 1"
    reading = asked(base, scheme, sql, tmp_path, output=str(out), format="jsonl", write=False)
    try:
        done = await new_run(reading, control=Control())
    finally:
        base.execute(f"set global sql_mode = '{mode}'")
    assert done.exit_code == 0
    first, second = map(json.loads, out.read_text().splitlines())
    assert (first["c"], first["e"]) == ("0000-00-00 00:00:00", "2024-00-00")
    assert (first["d"], first["q"]) == ("2024-02-29T01:02:03.5", "-00:00:00.000001")
    assert (first["l"], first["m"], second["m"]) == ("x", "p,q", "")
    assert (first["b"], first["v"]) == ("\\x0003", "\\x00")
    assert [second[name] for name in "cdeqbv"] == [None] * 6
    assert second["k"] == "2024-01-01T01:02:03.4"
    async with bulkq.open(base.url(scheme)) as db, db.run("select c, e, k from v order by id") as rows:
        found = [tuple(row) async for row in rows]
    assert found == [
        ("0000-00-00 00:00:00", "2024-00-00", None),
        (None, None, datetime(2024, 1, 1, 1, 2, 3, 400_000)),  # noqa: DTZ001 - the server's has no zone
    ]


# --- the next step ----------------------------------------------------------------------------------------------------


async def test_a_set_that_is_larger_than_a_packet(base: Database, driver: str, tmp_path: Path) -> None:
    """It fails once with the variable's name, and the sets around it are applied."""
    base.execute("create table big (v longtext)", "set global max_allowed_packet = 1048576")
    rows = tmp_path / "rows.csv"
    rows.write_text("v\na\n" + "x" * 3_000_000 + "\nb\n")
    wanted = asked(base, driver, "insert into big values (:v)", tmp_path, params=(str(rows),))
    done = await new_run(wanted, control=Control())
    base.execute("set global max_allowed_packet = 16777216")
    assert (done.exit_code, done.ok, done.failed, done.unknown) == (1, 2, 1, 0)
    assert (done.failures[0].n, done.failures[0].attempts) == (2, 1)
    assert "max_allowed_packet of the server is 1,048,576" in done.failures[0].message
    assert base.execute("select group_concat(v order by v) from big") == [("a,b",)]


async def test_a_limit_without_a_type(base: Database, driver: str, tmp_path: Path) -> None:
    """The failure says how to declare the parameter; declared, it runs."""
    wanted = asked(base, driver, "select id from t limit :n", tmp_path, constants={"n": "2"}, write=False)
    done = await new_run(wanted, control=Control())
    assert (done.exit_code, done.failed) == (1, 1)
    assert 'declare it, "-- name: sql(n: integer)"' in str(done.failures[0].hint)
    text = "-- name: sql(n: integer)\nselect id from t limit :n"
    assert (await new_run(set_fields(wanted, {"queries": (inline(text, "mysql"),)}), control=Control())).ok == 1


# --- what DELETE only warns of ----------------------------------------------------------------------------------------


async def test_a_text_that_is_no_number_deletes_nothing(base: Database, driver: str, tmp_path: Path) -> None:
    """MariaDB would delete row 2 for `2x`, with a warning; the set fails as it does for UPDATE, and the others are applied."""
    ids = tmp_path / "ids.csv"
    ids.write_text("id\n1\n2x\n3\n")
    deleting = asked(base, driver, "delete from t where id = :id", tmp_path, params=(str(ids),))
    done = await new_run(deleting, control=Control())
    assert (done.exit_code, done.ok, done.failed, done.unknown) == (1, 2, 1, 0)
    assert (done.failures[0].n, done.failures[0].sqlstate) == (2, "22007")
    assert "'2x': correct the value, or write DELETE IGNORE" in done.failures[0].message
    assert counts(base) == [(2, 0), (4, 0)]


async def test_delete_ignore_asks_for_the_warning(base: Database, driver: str, tmp_path: Path) -> None:
    """The set is applied as the server compares it, and the warning is counted."""
    wanted = asked(base, driver, "delete ignore from t where id = :id", tmp_path, constants={"id": "2x"})
    done = await new_run(wanted, control=Control())
    assert (done.exit_code, done.ok, done.warnings) == (0, 1, 1)
    assert counts(base) == [(1, 0), (3, 0), (4, 0)]
