#!/usr/bin/env bash
# Alembic on SQLite: `batch_alter_table` that makes one column NOT NULL drops triggers, collations, AUTOINCREMENT and, by a foreign key, other rows.
#
# Alembic 1.20.1, SQLAlchemy 2.1.9, SQLite 3.40.1 (Python 3.11). A good guess: only the named column changes, or a warning names what is lost; for an index
# on an expression and a CHECK without a name there is one. Batch mode makes a new table of what SQLAlchemy reflects, copies the rows, drops the
# old table and renames. What is not reflected is gone without a word: triggers, COLLATE, AUTOINCREMENT, DESC of an index. DROP TABLE with
# PRAGMA foreign_keys = ON also deletes the rows of other tables that refer to it with ON DELETE CASCADE.
# For many queries: after a migration that looks harmless, keys compare by case, ids of deleted rows are given again, audit rows are missing.
#
# Output seen, for alter_column("age", nullable=False) on table p:
#                                        before             after
#   triggers                             1                  0
#   rows where name = 'ann' (NOCASE)     1                  0
#   id after the last row was deleted    3                  2
#   index on age DESC                    (age desc)         (age)
#   rows of the child table              1                  0
#   warnings about these                                    0
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'alembic==1.20.1' 'SQLAlchemy==2.1.9'
cd "$folder"

venv/bin/python - <<'PY'
import warnings

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine

TABLES = (
    "pragma foreign_keys = on",
    "create table p (id integer primary key autoincrement, name text collate nocase not null, age int)",
    "create table child (id integer primary key, p_id integer references p (id) on delete cascade)",
    "create table log (id integer)",
    "create index by_age on p (age desc)",
    "create trigger note after insert on p begin insert into log values (new.id); end",
    "insert into p (name, age) values ('Ann', 5), ('Bob', 9)",
    "insert into child values (1, 1)",
    "delete from p where id = 2",
)


def look(connection):
    def one(sql):
        return connection.exec_driver_sql(sql).scalar()

    index = one("select sql from sqlite_master where name = 'by_age'")
    return (
        one("select count(*) from sqlite_master where type = 'trigger'"),
        one("select count(*) from p where name = 'ann'"),
        one("insert into p (name, age) values ('Zoe', 7) returning id"),
        index[index.index("(") :],
        one("select count(*) from child"),
    )


def build():
    connection = create_engine("sqlite://").connect()
    for statement in TABLES:
        connection.exec_driver_sql(statement)
    connection.commit()
    return connection


before = look(build())
connection = build()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    with Operations(MigrationContext.configure(connection)).batch_alter_table("p") as batch:
        batch.alter_column("age", nullable=False)
    connection.commit()
after = look(connection)
print(f"{'':37}{'before':<19}after")
for name, *values in zip((
    "triggers", "rows where name = 'ann' (NOCASE)", "id after the last row was deleted", "index on age DESC", "rows of the child table",
), before, after):  # fmt: skip
    print(f"{name:<37}{values[0]!s:<19}{values[1]}")
told = [warning for warning in caught if issubclass(warning.category, UserWarning)]
print(f"{'warnings about these':<37}{'':<19}{len(told)}")
assert before == (1, 1, 3, "(age desc)", 1) and after == (0, 0, 2, "(age)", 0) and not told
PY
