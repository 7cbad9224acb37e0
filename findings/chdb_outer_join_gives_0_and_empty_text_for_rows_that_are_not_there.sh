#!/usr/bin/env bash
# chDB: `left join b ... where b.id is null`, the usual question for rows without a partner, finds none; the missing side is 0 and ''.
#
# chdb 4.4.0 with chdb-core 26.9.0 (ClickHouse in the process), DuckDB 2.0.1 for comparison. A good guess: the columns of the side that has no
# row are NULL, as in every database with SQL's outer join; `b.id` of an absent row is NULL even if the column is NOT NULL. In ClickHouse a column of
# a type that is not Nullable has the default value of its type there, unless join_use_nulls = 1. min() and max() of no rows are 0 for the same reason.
# For many queries: the check "no order without a customer" is green whatever the data, and an id of 0 is written for "none". Use NOT IN, an anti join
# (`left anti join`), or `settings join_use_nulls = 1`.
#
# Output seen, for orders of customers 1 and 7, where 7 does not exist:
#                                              chdb    chdb, join_use_nulls = 1   duckdb
#   orders without a customer                  0       1                          1
#   customer's id, name of order 2             0 ''    None None                  None None
#   max(id) of customers with the id 99        0       0                          None
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'chdb==4.4.0' 'chdb-core==26.9.0' 'duckdb==2.0.1'
cd "$folder"

venv/bin/python - <<'PY'
import json

import duckdb
from chdb import session

ENGINE = "engine = MergeTree order by id"
TABLES = ["create table customers (id integer not null, name varchar not null)", "create table orders (id integer not null, customer integer not null)"]
ROWS = ["insert into customers values (1, 'Ann')", "insert into orders values (1, 1), (2, 7)"]
QUESTIONS = {
    "orders without a customer": "select count(*) as n from orders o left join customers c on c.id = o.customer where c.id is null",
    "customer's id, name of order 2": "select c.id as i, c.name as n from orders o left join customers c on c.id = o.customer where o.id = 2",
    "max(id) of customers with the id 99": "select max(id) as n from customers where id = 99",
}

clickhouse = session.Session(f"{__import__('os').getcwd()}/data")
clickhouse.query("create database d")
clickhouse.query("use d")
duck = duckdb.connect()
for table in TABLES:
    clickhouse.query(f"{table} {ENGINE}")
    duck.execute(table)
for rows in ROWS:
    clickhouse.query(rows)
    duck.execute(rows)


def chdb(text):
    line = str(clickhouse.query(text, "JSONCompactEachRow")).strip()
    return [int(value) if isinstance(value, str) and value.isdigit() else value for value in json.loads(line)]


found = {}
print(f"{'':45}{'chdb':<8}{'chdb, join_use_nulls = 1':<27}duckdb")
for name, text in QUESTIONS.items():
    row = chdb(text), chdb(f"{text} settings join_use_nulls = 1"), list(duck.execute(text).fetchone())
    found[name] = row
    shown = [" ".join("''" if value == "" else str(value) for value in answer) for answer in row]
    print(f"{name:<45}{shown[0]:<8}{shown[1]:<27}{shown[2]}")
assert found == {
    "orders without a customer": ([0], [1], [1]),
    "customer's id, name of order 2": ([0, ""], [None, None], [None, None]),
    "max(id) of customers with the id 99": ([0], [0], [None]),
}
PY
