#!/usr/bin/env bash
# PostgreSQL: an old row that breaks a NOT VALID constraint can have its other columns updated if it is a foreign key, and cannot if it is a CHECK.
#
# PostgreSQL 15.x (Debian postgresql-15); 18.4 does the same. A good guess: NOT VALID spares old rows until they are validated, so an update that does not
# touch the constraint's columns is not affected, for each kind of constraint. A foreign key is checked only if its own columns change. A CHECK
# is evaluated for every new version of a row, so setting any other column of an old bad row fails with 23514, and the error names the
# constraint that was to leave old rows alone.
# For many queries: "add the CHECK as NOT VALID, backfill in peace, validate later" makes the backfill fail, and the application's updates too, on
# just the rows that were spared. Mend the rows first, or let the check spare them: `check (v > 0 or id <= 1000000)`.
#
# Output seen, for an old row that breaks the constraint:
#   constraint           set other = 1     set v = v         a new bad row
#   check, not valid     23514             23514             23514
#   foreign key, n. v.   ok                ok                23503
# Exits with 1 if it changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import psycopg

CONSTRAINTS = {
    "check, not valid": "check (v > 0) not valid",
    "foreign key, n. v.": "foreign key (v) references parents not valid",
}
STATEMENTS = {
    "set other = 1": "update t set other = 1",
    "set v = v": "update t set v = v",
    "a new bad row": "insert into t values (2, -2, 0)",
}
connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
connection.execute("create table parents (id integer primary key)")


def state(statement):
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        return error.sqlstate
    return "ok"


found = {}
print(f"{'constraint':<21}" + "".join(f"{name:<18}" for name in STATEMENTS))
for name, constraint in CONSTRAINTS.items():
    connection.execute("drop table if exists t")
    connection.execute("create table t (id integer, v integer, other integer)")
    connection.execute("insert into t values (1, -1, 0)")
    connection.execute(f"alter table t add constraint c {constraint}")
    found[name] = [state(statement) for statement in STATEMENTS.values()]
    print(f"{name:<21}" + "".join(f"{value:<18}" for value in found[name]))
assert found == {"check, not valid": ["23514"] * 3, "foreign key, n. v.": ["ok", "ok", "23503"]}
PY
