#!/usr/bin/env bash
# `alembic revision --autogenerate` of a model that has not changed writes drop_table for each partition; `alembic upgrade` then deletes the rows.
#
# Alembic 1.20.1, SQLAlchemy 2.1.9, psycopg 3.3.9 on PostgreSQL 15.x (Debian 12). A good guess: partitions belong to the table that the model describes
# (postgresql_partition_by), as their indexes and constraints do, or `alembic check` that made a migration empty yesterday stays green today. SQLAlchemy lists
# partitions as tables of their own, and a table that no model has is to be dropped. Partitions that a job, pg_partman or an operator makes
# appear in the next migration of someone who changed another table. `downgrade` writes INHERITS for them, which
# PostgreSQL refuses, so the migration cannot be taken back either.
# For backfills and archives by partition: exclude them in env.py, with include_name or include_object and pg_class.relispartition.
#
# Output seen:
#   tables of the model: p; partitions: p_2026 p_rest; rows: 2
#   alembic check                      exit 255
#   operations of autogenerate         op.drop_table('p_2026') op.drop_table('p_rest')
#   rows after alembic upgrade         0, exit 0
#   alembic downgrade                  exit 1, cannot inherit from partitioned table "p"
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'alembic==1.20.1' 'sqlalchemy==2.1.9' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
sql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }

mkdir -p migrations/versions
cat >alembic.ini <<'INI'
[alembic]
script_location = migrations
INI
cat >migrations/script.py.mako <<'MAKO'
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
from alembic import op
import sqlalchemy as sa
def upgrade():
    ${upgrades if upgrades else "pass"}
def downgrade():
    ${downgrades if downgrades else "pass"}
MAKO
cat >migrations/env.py <<'PY'
import sqlalchemy as sa
from alembic import context

models = sa.MetaData()
sa.Table("p", models, sa.Column("id", sa.Integer), sa.Column("day", sa.Date), postgresql_partition_by="RANGE (day)")
with sa.create_engine("postgresql+psycopg://").connect() as connection:
    context.configure(connection, target_metadata=models)
    with context.begin_transaction():
        context.run_migrations()
PY
alembic=$folder/venv/bin/alembic
"$alembic" -q revision --autogenerate -m first >/dev/null
"$alembic" -q upgrade head
sql -c "create table p_2026 partition of p for values from ('2026-01-01') to ('2027-01-01')" -c "create table p_rest partition of p default" \
    -c "insert into p values (1, '2026-05-05'), (2, '2031-05-05')"
{
    echo "tables of the model: p; partitions: $(sql -c "select string_agg(relname, ' ' order by relname) from pg_class where relispartition"); rows: $(sql -c "select count(*) from p")"
    code=0
    "$alembic" check >/dev/null 2>&1 || code=$?
    echo "alembic check                      exit $code"
    "$alembic" -q revision --autogenerate -m second >/dev/null
    echo "operations of autogenerate         $(sed -n '/^def upgrade/,/^def downgrade/s/^ *\(op\..*\)/\1/p' migrations/versions/*_second.py | sort | tr '\n' ' ' | sed 's/ $//')"
    code=0
    "$alembic" -q upgrade head || code=$?
    echo "rows after alembic upgrade         $(sql -c "select count(*) from p"), exit $code"
    code=0
    "$alembic" -q downgrade -1 2>errors || code=$?
    echo "alembic downgrade                  exit $code, $(grep -m 1 -o 'cannot inherit from partitioned table "p"' errors)"
} | tee seen
diff - seen <<'TEXT'
tables of the model: p; partitions: p_2026 p_rest; rows: 2
alembic check                      exit 255
operations of autogenerate         op.drop_table('p_2026') op.drop_table('p_rest')
rows after alembic upgrade         0, exit 0
alembic downgrade                  exit 1, cannot inherit from partitioned table "p"
TEXT
