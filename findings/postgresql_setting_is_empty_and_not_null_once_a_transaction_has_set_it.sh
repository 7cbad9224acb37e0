#!/usr/bin/env bash
# PostgreSQL: `current_setting('app.tenant', true)` is NULL in a new session, and '' in one where a transaction ever had SET LOCAL app.tenant.
#
# PostgreSQL 15.x (Debian postgresql-15); 18.4 does the same. A good guess: SET LOCAL leaves nothing behind, so after the transaction the setting is
# unknown again, and with missing_ok NULL. But the session keeps the name with the empty text as its value, also after a rollback, RESET ALL and
# DISCARD ALL, which poolers send. So a query sees NULL or '' depending on what the pooled connection did before.
# For many queries: `where tenant = current_setting('app.tenant', true)::integer` finds no rows in a fresh session and fails in a used one;
# `coalesce(current_setting(...), 'default')` gives '' there, and a policy `... is null or tenant = ...` hides all rows. Write nullif(..., '').
#
# Output seen:
#   session                        current_setting   coalesce(..., 'none')   ::integer
#   new                            NULL              none                    NULL
#   after SET LOCAL and COMMIT     ''                                        22P02
#   after SET LOCAL and ROLLBACK   ''                                        22P02
#   then RESET ALL                 ''                                        22P02
#   then DISCARD ALL               ''                                        22P02
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

SETTING = "current_setting('app.tenant', true)"
STEPS = {
    "new": [],
    "after SET LOCAL and COMMIT": ["begin", "set local app.tenant = '7'", "commit"],
    "after SET LOCAL and ROLLBACK": ["begin", "set local app.tenant = '7'", "rollback"],
    "then RESET ALL": ["begin", "set local app.tenant = '7'", "commit", "reset all"],
    "then DISCARD ALL": ["begin", "set local app.tenant = '7'", "commit", "discard all"],
}


def ask(connection, expression):
    try:
        return connection.execute(f"select {expression}").fetchone()[0]
    except psycopg.Error as error:
        return error.sqlstate


found = {}
print(f"{'session':<31}{'current_setting':<18}{'coalesce(..., none)':<24}::integer")
for name, steps in STEPS.items():
    with psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True) as connection:
        for step in steps:
            connection.execute(step)
        row = ask(connection, SETTING), ask(connection, f"coalesce({SETTING}, 'none')"), ask(connection, f"{SETTING}::integer")
    found[name] = row
    print(f"{name:<31}{'NULL' if row[0] is None else repr(row[0]):<18}{row[1]:<24}{'NULL' if row[2] is None else row[2]}")
assert found == {name: ("", "", "22P02") if steps else (None, "none", None) for name, steps in STEPS.items()}
PY
