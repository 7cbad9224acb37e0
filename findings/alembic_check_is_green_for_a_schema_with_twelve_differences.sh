#!/usr/bin/env bash
# `alembic check` says "No new upgrade operations detected." and exits with 0 for tables with another primary key, no identity and an invalid unique index.
#
# Alembic 1.20.1, SQLAlchemy 2.1.9, psycopg 3.3.9 on PostgreSQL 15.x (Debian 12). A good guess: the check of CI that models and database agree looks at what
# create_all would make, or says what it has not looked at. It compares tables, columns, types, NOT NULL, plain indexes, unique and foreign keys. Its manual
# names CHECK, primary keys, sequences and the values of enums as not compared (defaults by an option); WHERE, method and INCLUDE of an index, validity of
# an index or a foreign key, identity, the expression of a generated column, collation, exclusion and partitioning are not compared either.
# For many queries: INSERTs fail for want of an identity, ON CONFLICT finds no key, duplicates come in, and the check was green. Compare with the
# catalog of a database that create_all has made, e.g. two `pg_dump -s`.
#
# Output seen, for 12 tables that differ each in one thing, and one that differs in a type:
#   the 12 together      exit 0  No new upgrade operations detected.
#   with the 13th        exit 255  FAILED: New upgrade operations detected modify_type
#   lines of pg_dump -s that differ from those of create_all: 72
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'alembic==1.20.1' 'SQLAlchemy==2.1.9' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

cat >models.py <<'PY'
import os

from sqlalchemy import ARRAY, CheckConstraint, Column, Computed, Enum, ForeignKey, Identity, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import INT4RANGE, ExcludeConstraint

all_of_it = MetaData()


def table(name, *things, key=True, **options):
    first = [Column("id", Integer, primary_key=True, autoincrement=False)] if key else []
    return Table(name, all_of_it, *first, *things, **options)


table("check_of_other_text", Column("a", Integer), CheckConstraint("a > 10", name="positive"))
table("key_on_other_column", Column("a", Integer, nullable=False))
table("identities", Column("id", Integer, Identity(always=True), primary_key=True), key=False)
table("enum_value", Column("a", Enum("new", "done", name="state")))
table("computed", Column("a", Integer), Column("b", Integer, Computed("a * 3", persisted=True)))
table("index_where", Column("a", Integer), Column("live", Integer), Index("index_where_a", "a", unique=True, postgresql_where=text("live = 1")))
table("index_invalid", Column("a", Integer), Index("index_invalid_a", "a", unique=True))
table("index_method", Column("a", ARRAY(Integer)), Index("index_method_a", "a", postgresql_using="gin"))
table("parent")
table("key_not_valid", Column("a", Integer, ForeignKey("parent.id", name="key_not_valid_a")))
table("collated", Column("a", Text(collation="C")))
table("exclusion", Column("a", INT4RANGE), ExcludeConstraint(("a", "&&"), name="exclusion_a"))
table("partitioned", Column("a", Integer), postgresql_partition_by="RANGE (id)")
if os.environ.get("THIRTEENTH"):
    table("type", Column("a", Integer))
PY
"$bin/psql" -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE TABLE check_of_other_text (id int PRIMARY KEY, a int CONSTRAINT positive CHECK (a > 0));
CREATE TABLE key_on_other_column (id int NOT NULL, a int PRIMARY KEY);
CREATE TABLE identities (id int PRIMARY KEY);
CREATE TYPE state AS ENUM ('new');
CREATE TABLE enum_value (id int PRIMARY KEY, a state);
CREATE TABLE computed (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE index_where (id int PRIMARY KEY, a int, live int);
CREATE UNIQUE INDEX index_where_a ON index_where (a);
CREATE TABLE index_invalid (id int PRIMARY KEY, a int);
INSERT INTO index_invalid VALUES (1, 1), (2, 1);
CREATE TABLE index_method (id int PRIMARY KEY, a int[]);
CREATE INDEX index_method_a ON index_method (a);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE key_not_valid (id int PRIMARY KEY, a int);
INSERT INTO key_not_valid VALUES (1, 7);
ALTER TABLE key_not_valid ADD CONSTRAINT key_not_valid_a FOREIGN KEY (a) REFERENCES parent NOT VALID;
CREATE TABLE collated (id int PRIMARY KEY, a text);
CREATE TABLE exclusion (id int PRIMARY KEY, a int4range);
CREATE TABLE partitioned (id int PRIMARY KEY, a int);
SQL
"$bin/psql" -X -q -c "CREATE UNIQUE INDEX CONCURRENTLY index_invalid_a ON index_invalid (a)" 2>/dev/null && exit 1
mkdir -p scripts/versions
cat >scripts/env.py <<'PY'
from alembic import context
from models import all_of_it
from sqlalchemy import create_engine

with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection, target_metadata=all_of_it)
    with context.begin_transaction():
        context.run_migrations()
PY
printf '[alembic]\nscript_location = scripts\nsqlalchemy.url = postgresql+psycopg://postgres@/postgres?host=%s\n' "$folder" >alembic.ini
check() {
    local code=0
    PYTHONPATH=$folder venv/bin/alembic check >out 2>&1 || code=$?
    echo "exit $code  $(tail -n 1 out | grep -oE "No new.*|FAILED.*detected|modify_type" | paste -s -d ' ')"
}
first=$(check)
"$bin/psql" -X -q -c "CREATE TABLE type (id int PRIMARY KEY, a bigint)"
second=$(THIRTEENTH=1 check)
"$bin/createdb" made
"$bin/pg_dump" -s -T type >there.sql
PYTHONPATH=$folder venv/bin/python -c "
from sqlalchemy import create_engine
from models import all_of_it
all_of_it.create_all(create_engine('postgresql+psycopg://postgres@/made?host=$folder'))"
"$bin/pg_dump" -s -d made >made.sql
differ=$(diff there.sql made.sql | grep -c '^[<>]' || true)
printf '%s\n' "the 12 together   $first" "with the 13th     $second" "lines of pg_dump -s that differ: $differ"
[ "$first" = "exit 0  No new upgrade operations detected." ]
[[ "$second" = "exit 255  FAILED"* ]]
[ "$differ" -gt 12 ]
