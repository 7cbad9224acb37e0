#!/usr/bin/env bash
# SQLAlchemy 2.1.9: `execute(insert(table), rows)` stores only the columns of the first row; further keys of later rows vanish without an error.
#
# A good guess: rows with other keys either get NULL for what is missing, or raise an error for what is too much. A later row that lacks a key
# of the first does raise StatementError, so the list looks as if it were checked. A later row that has one more key loses its value.
# For many queries: a JSON Lines file whose first object leaves out an optional field loads that field for no object at all.
#
# Output seen (SQLite in memory; PostgreSQL does the same):
#   first row has v, second has not: StatementError
#   first row has no v, second has:  [(1, None), (2, None)]
#   the same rows one by one:        [(1, None), (2, 'kept')]
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'SQLAlchemy==2.1.9'
cd "$folder"

venv/bin/python - <<'PY'
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert, select
from sqlalchemy.exc import StatementError

table = Table("t", MetaData(), Column("id", Integer, primary_key=True), Column("v", String))


def load(*calls):
    engine = create_engine("sqlite://")
    table.create(engine)
    with engine.begin() as connection:
        for rows in calls:
            connection.execute(insert(table), rows)
        return [tuple(row) for row in connection.execute(select(table))]


try:
    first = str(load([{"id": 1, "v": "kept"}, {"id": 2}]))
except StatementError:
    first = "StatementError"
rows = [{"id": 1}, {"id": 2, "v": "kept"}]
second, third = load(rows), load(*rows)
print(f"first row has v, second has not: {first}")
print(f"first row has no v, second has:  {second}")
print(f"the same rows one by one:        {third}")
assert (first, second, third) == ("StatementError", [(1, None), (2, None)], [(1, None), (2, "kept")])
PY
