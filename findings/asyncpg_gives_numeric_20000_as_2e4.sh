#!/usr/bin/env bash
# asyncpg 0.32.0: a numeric that is a multiple of 10,000 arrives as Decimal("2E+4"), not Decimal("20000").
#
# A good guess: str() of a whole numeric is digits, as psql and psycopg write it, so that int(str(value)) works for every driver; sum() of a
# bigint is a numeric. asyncpg makes the Decimal from the groups of four digits that PostgreSQL sends, and leaves out groups at the end that
# are zero. So the text depends on the value: 19999 and 20001 are digits. int(value) or Decimal(str(value)) works for all.
#
# Output seen:
#   asyncpg: sum 19999 -> '19999', sum 20000 -> '2E+4', sum 20001 -> '20001', sum 120000000 -> '1.2000E+8'
#   psycopg: sum 19999 -> '19999', sum 20000 -> '20000', sum 20001 -> '20001', sum 120000000 -> '120000000'
#   int('2E+4'): ValueError
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'asyncpg==0.32.0' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import asyncio
import os
import sys

import asyncpg
import psycopg

NUMBERS = (19999, 20000, 20001, 120000000)
WHERE = {"host": os.getcwd(), "user": "postgres"}


async def by_asyncpg():
    connection = await asyncpg.connect(**WHERE, database="postgres")
    found = [str(await connection.fetchval(f"select sum({number}::bigint)")) for number in NUMBERS]
    await connection.close()
    return found


def by_psycopg():
    with psycopg.connect(**WHERE, dbname="postgres") as connection:
        return [str(connection.execute(f"select sum({number}::bigint)").fetchone()[0]) for number in NUMBERS]


seen = {"asyncpg": asyncio.run(by_asyncpg()), "psycopg": by_psycopg()}
for name, texts in seen.items():
    print(f"{name}: " + ", ".join(f"sum {number} -> {text!r}" for number, text in zip(NUMBERS, texts)))
try:
    int(seen["asyncpg"][1])
    print("int() takes it")
    raised = False
except ValueError:
    print(f"int({seen['asyncpg'][1]!r}): ValueError")
    raised = True
wanted = {"asyncpg": ["19999", "2E+4", "20001", "1.2000E+8"], "psycopg": [str(number) for number in NUMBERS]}
sys.exit(0 if seen == wanted and raised else 1)
PY
