"""`sql:`, on a file of SQLite."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.model import Target
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext
from bulkq.throttles.sql import SqlThrottle
from tests.support.throttles import DATABASE, until

if TYPE_CHECKING:
    from pathlib import Path


def throttle(argument: str, target: Target = DATABASE) -> SqlThrottle:
    """The throttle of a query."""
    return SqlThrottle(parse_expression(f"sql:{argument}"), ThrottleContext(targets=(("db", target),)), "db", target)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select 0", None),
        ("select -1", None),
        ("select null", None),
        ("select ''", None),
        ("select 1 where 0", None),
        ("select 3, 0", "sql: 3 > 0"),
        ("select 0.5", "sql: 0.5 > 0"),
        ("select 'a deploy is running'", "sql: a deploy is running"),
    ],
)
async def test_the_first_value_decides(sql: str, reason: str | None) -> None:
    """A number above 0 or a text is a reason; 0, NULL, an empty text and no row are none."""
    one = throttle(sql)
    await one.open()
    assert one.reason() == reason
    (reading,) = one.readings()
    if reading.number is not None:
        assert (reading.number > 0) is (reason is not None)
    await one.close()


async def test_a_table_that_changes(tmp_path: Path) -> None:
    """The query is run again and again, from a file, and cannot change anything."""
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as database:
        database.execute("create table hold (n int)")
    (tmp_path / "hold.sql").write_text("select count(*) from hold")
    one = throttle(str(tmp_path / "hold.sql"), Target(url=f"sqlite:///{path}"))
    await one.open()
    assert one.reason() is None
    with sqlite3.connect(path) as database:
        database.execute("insert into hold values (1)")
    await until(one, f"sql {tmp_path / 'hold.sql'}: 1 > 0")
    with sqlite3.connect(path) as database:
        database.execute("drop table hold")
    await until(one, f"sql {tmp_path / 'hold.sql'} cannot be read: no such table: hold")
    await one.close()
    with pytest.raises(UsageError, match="cannot be read"):
        await throttle("create table x (n int)", Target(url=f"sqlite:///{path}")).open()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("select :x", "--throttle sql: a query of a throttle cannot have parameters (:x)"),
        ("nothing.sql", '--throttle "sql:nothing.sql": cannot read the file: no such file or directory'),
    ],
)
def test_what_is_no_query_is_refused(argument: str, message: str) -> None:
    """It is an error before the start."""
    with pytest.raises(UsageError) as raised:
        throttle(argument)
    assert str(raised.value) == message


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    """The error says so."""
    (tmp_path / "x.sql").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot read the file: is not UTF-8$"):
        throttle(str(tmp_path / "x.sql"))
    (tmp_path / "x.sql").write_text("select 1; select 2")
    with pytest.raises(UsageError, match=r"^--throttle sql:.*x\.sql: "):
        throttle(str(tmp_path / "x.sql"))
