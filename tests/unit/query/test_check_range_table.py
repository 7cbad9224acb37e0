"""Ranges that bound other rows than those of the table whose key is gone over."""

from __future__ import annotations

import pytest

from bulkq.errors import RefusedError
from bulkq.model.key_range import KeyColumn, TableKey
from bulkq.query import inline
from bulkq.query.check_range_table import refuse_other_rows

KEY = TableKey('public."Users"', (KeyColumn("id", "bigint"),))


def refusal(sql: str, dialect: str = "postgresql", key: TableKey = KEY) -> str:
    """Why a statement is refused; "" if it is not."""
    try:
        refuse_other_rows(inline(sql, dialect), key, dialect)
    except RefusedError as error:
        assert str(error).endswith(", or add --allow unbounded")
        return str(error).removeprefix("-e:1: ").removesuffix(", or add --allow unbounded")
    return ""


@pytest.mark.parametrize(
    "sql",
    [
        'update "Users" set a = 1 where :range',
        "update only public.users as u set a = o.a from orders o where o.id = u.o and :range(u)",
        "update users set a = 1 where :range(users)",
        "update users set a = 1 where id > :lo and users.id <= :hi",
        "update users u set a = 1 where :lo < u.id and :hi >= u.id returning 1",
        "delete from users where users.id in (select u.id from users u join orders using (id, o) where :range(u))",
        "delete from orders where u in (select id from users where :range) and a is distinct from b",
        "delete from orders o where exists (select 1 from (users u) where u.id = o.u and :range(u))",
        "with x as not materialized (select * from users where :range) update orders set a = 1 from x where x.id = u",
        "with x(id) as (select id from orders), y as (select id from users) delete from users using y where :range(y)",
        "with x as (select id from orders) insert into l select id from x where :range",
        "insert into l (a, b) select a, b from orders, users where :range",
        "insert into l select f.id from generate(1, 2) f where :range(f)",
        "insert into l select s.id from orders, (select 1 as id) as s where :range(s)",
        "insert into l select id from lateral (select 1 as id) where :range",
        "merge into users t using orders s on s.id = t.id and :range(t) when matched then update set a = 1",
        "update users set a = 1 where id > :lo and id <= :hi and f(:lo, :hi)",
        "update users set a = 1 where :range(elsewhere)",
        "select id from users where :range for no key update",
        "select 1 where :range",
    ],
)  # fmt: skip
def test_ranges_of_the_table(sql: str) -> None:
    """Also where the tokens do not tell, such as in a subquery with an alias."""
    assert refusal(sql) == ""


@pytest.mark.parametrize(
    ("sql", "where", "others"),
    [
        ("update users u set a = 1 from orders o where o.u = u.id and :range(o)", ":range", '"orders"'),
        ("update users u set a = 1 from s.orders where :range(orders)", ":range", '"orders"'),
        ("delete from users where id in (select u from orders where :range)", ":range", '"orders"'),
        ("delete from users where id in (select u from a join orders as b on true, c where :range)", ":range", '"a", "orders", "c"'),
        ("delete from users u using orders where orders.id > :lo and orders.id <= :hi", ":lo", '"orders"'),
        ("merge into orders t using users s on s.id = t.id and :range(t) when matched then update set a = 1", ":range", '"orders"'),
    ],
)  # fmt: skip
def test_ranges_of_another_table(sql: str, where: str, others: str) -> None:
    """The key is gone over from its first to its last row, which the other table need not have."""
    assert f"{where} bounds rows of {others}, and the ranges are those of {KEY.table}: write " in refusal(sql)


def test_rows_that_are_inserted_into_the_table() -> None:
    """Later ranges would meet them; a row that is replaced is none."""
    assert "INSERT adds rows to " in refusal("insert into public.users (a, b) select a, b from users where :range")
    assert "INSERT adds rows to " in refusal("with x as (insert into users select 1) select * from users where :range")
    assert refusal("insert into users select * from users where :range on conflict (id) do update set a = 1") == ""
    assert refusal("insert or replace into users select * from users where :range", "sqlite") == ""
    assert refusal("insert into other select * from users where :range") == ""


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("update users set a = 1 where created > :lo and created <= :hi", ':lo is compared with "created", and public."Users"'),
        ("update users set a = 1 where id > :lo and n <= :hi", ':hi is compared with "n", and public."Users"'),
        ("update users set a = 1 where id + 1 > :lo and id <= :hi", ":lo is not compared with a column: write id > :lo"),
        ("update users set a = 1 where f(id) > :lo and id <= :hi", ":lo is not compared with a column: write id > :lo"),
        ("update users set a = 1 where :lo < 5 and :hi >= id", ":lo is not compared with a column: write id > :lo"),
    ],
)  # fmt: skip
def test_bounds_of_another_column(sql: str, found: str) -> None:
    """Rows whose value in it lies between no two ends of ranges would be left out."""
    assert refusal(sql).startswith(found)


def test_names_of_mysql() -> None:
    """Backticks, and every name without its case."""
    key = TableKey("`d`.`users`", (KeyColumn("Id", "bigint"),))
    assert refusal("update `Users` u join orders o on o.u = u.id set u.a = 1 where :range(u)", "mysql", key) == ""
    assert refusal("update users u join orders o on o.u = u.id set u.a = 1 where :range(`o`)", "mysql", key)
    assert refusal("update low_priority users set a = 1 where ID > :lo and `iD` <= :hi", "mysql", key) == ""
