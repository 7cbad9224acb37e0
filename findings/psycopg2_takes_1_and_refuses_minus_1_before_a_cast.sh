#!/usr/bin/env bash
# psycopg2: `select %s::text` takes 1 and fails with -1; so do `::smallint` with -32768, `::oid`, and ClientCursor of psycopg 3.
#
# psycopg2 2.9.13, psycopg 3.3.9, PostgreSQL 15.x. A good guess: a parameter is one value, whatever its sign; or a library that writes values into the text puts
# parentheses around what needs them. Both write `-1::text` (with a space before the minus, so that `5 -%s` is not a comment). In PostgreSQL `::`
# binds tighter than the minus, so it is `-(1::text)`. A cast that rounds goes another way: -2.5::int is -3 and not -2, as the value is
# a literal of numeric and not a double.
# For many queries: sets with a minus sign fail in the middle of a file, with "operator does not exist: - text". Write `(%s)::text` or cast(%s as text).
#
# Output seen:
#                              psycopg2                    ClientCursor                Cursor of psycopg 3
#   1      %s::text            1                           1                           1
#   -1     %s::text            42883 - text                42883 - text                -1
#   -1     (%s)::text          -1                          -1                          -1
#   -1     cast(%s as text)    -1                          -1                          -1
#   -32768 %s::smallint        22003                       22003                       -32768
#   -1     %s::int::text       42883 - text                42883 - text                -1
#   -2.5   %s::int             -3                          -3                          -2
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' 'psycopg2-binary==2.9.13'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import psycopg
import psycopg2

URL = f"host={os.getcwd()} user=postgres dbname=postgres"
CASES = [
    (1, "%s::text"),
    (-1, "%s::text"),
    (-1, "(%s)::text"),
    (-1, "cast(%s as text)"),
    (-32768, "%s::smallint"),
    (-1, "%s::int::text"),
    (-2.5, "%s::int"),
]
old = psycopg2.connect(URL)
new = psycopg.connect(URL)
found = []


def answer(connection, cursor, sql, value):
    try:
        cursor.execute(f"select {sql}", (value,))
        return str(cursor.fetchone()[0])
    except (psycopg.Error, psycopg2.Error) as error:
        state = getattr(error, "sqlstate", None) or error.pgcode
        return state + error.diag.message_primary.removeprefix("operator does not exist:") * (state == "42883")
    finally:
        connection.rollback()


for value, sql in CASES:
    row = (
        answer(old, old.cursor(), sql, value),
        answer(new, psycopg.ClientCursor(new), sql, value),
        answer(new, new.cursor(), sql, value),
    )
    found.append(row)
    print(f"{value:<7}{sql:<19} {row[0]:<27} {row[1]:<27} {row[2]}")
TEXT = "42883 - text"
assert found == [
    ("1", "1", "1"),
    (TEXT, TEXT, "-1"),
    ("-1", "-1", "-1"),
    ("-1", "-1", "-1"),
    ("22003", "22003", "-32768"),
    (TEXT, TEXT, "-1"),
    ("-3", "-3", "-2"),
], found
PY
