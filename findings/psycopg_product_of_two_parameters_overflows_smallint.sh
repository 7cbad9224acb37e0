#!/usr/bin/env bash
# psycopg 3.3.9: `select %s * %s` with 200 and 200 fails: smallint out of range (SQLSTATE 22003).
#
# A good guess: a Python int is an integer or a bigint of PostgreSQL, as with psycopg2, whose parameters are literals in the text, and with
# asyncpg, where the server chooses the type. psycopg 3 chooses a type for each value by its size: smallint, integer, bigint or numeric.
# An expression of two parameters is then computed in the smaller types, so the same query passes with some values and fails with others.
# The result's type changes with the value too: 2**63 makes a comparison with a bigint column one of numeric, which no index on it serves.
# For many queries: one text over many parameter sets fails for sets in the middle of a file; write `%s::bigint`.
#
# Output seen:
#   psycopg   100 *   100 -> 10000        psycopg2 -> 10000
#   psycopg   200 *   200 -> 22003        psycopg2 -> 40000
#   psycopg 50000 * 50000 -> 22003        psycopg2 -> 22003
#   psycopg 50000 *   200 -> 10000000     psycopg2 -> 10000000
#   types of 1, 40000, 2**40, 2**63: smallint integer bigint numeric
#   where id = %s, id bigint: 2**62 Index Only Scan, 2**63 Seq Scan
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
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
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import os

import psycopg
import psycopg2

WHERE = {"host": os.getcwd(), "user": "postgres", "dbname": "postgres"}
three, two = psycopg.connect(**WHERE, autocommit=True), psycopg2.connect(**WHERE)
two.autocommit = True


def product(connection, a, b):
    cursor = connection.cursor()
    try:
        cursor.execute("select %s * %s", (a, b))
    except (psycopg.Error, psycopg2.Error) as error:
        return getattr(error, "sqlstate", None) or error.pgcode
    return cursor.fetchone()[0]


found = []
for a, b in ((100, 100), (200, 200), (50000, 50000), (50000, 200)):
    found.append((product(three, a, b), product(two, a, b)))
    print(f"psycopg {a:>5} * {b:>5} -> {found[-1][0]:<12} psycopg2 -> {found[-1][1]}")
kinds = three.execute("select pg_typeof(%s), pg_typeof(%s), pg_typeof(%s), pg_typeof(%s)", (1, 40000, 2**40, 2**63)).fetchone()
print("types of 1, 40000, 2**40, 2**63:", *kinds)
three.execute("create table t as select generate_series(1, 100000)::bigint as id")
three.execute("create index on t (id)")
three.execute("vacuum analyze t")


def plan(value):
    return three.execute("explain (costs off) select id from t where id = %s", [value]).fetchone()[0].split(" using")[0].split(" on")[0]


plans = [plan(2**62), plan(2**63)]
print("where id = %s, id bigint: 2**62 {}, 2**63 {}".format(*plans))
assert found == [(10000, 10000), ("22003", 40000), ("22003", "22003"), (10000000, 10000000)]
assert kinds == ("smallint", "integer", "bigint", "numeric")
assert plans == ["Index Only Scan", "Seq Scan"]
PY
