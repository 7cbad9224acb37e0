#!/usr/bin/env bash
# psqlpy 0.13.1: numerics lose their digits behind the 28th, a year is 360 days, and 24:00 is 00:00, all without an error.
#
# A good guess: an asyncio driver for PostgreSQL gives what asyncpg and psycopg give: a Decimal of all digits, 365 days for an interval of one
# year, and an error for a time that Python does not have. psqlpy decodes numerics into a type of 96 bits, so what does not fit behind the
# point is cut, down to 0, and it counts every month of an interval as 30 days, also twelve of them.
# For many queries: results of two drivers differ, and a value that is written back is not the one that was read. Select such values ::text.
#
# Output seen:
#                      psqlpy                          asyncpg                 psycopg
#   24:00              00:00:00                        ValueError              DataError
#   1 year             360 days, 0:00:00               365 days, 0:00:00       365 days, 0:00:00
#   12 months          360 days, 0:00:00               365 days, 0:00:00       365 days, 0:00:00
#   1/3 to 40 digits   0.3333333333333333333333333333  all 40                  all 40
#   1.2E-34            0E-28                           1.2E-34                 1.2E-34
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens in a temporary folder only, on a unix socket.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'psqlpy==0.13.1' 'asyncpg==0.32.0' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import asyncio
import os
from decimal import Decimal

import asyncpg
import psqlpy
import psycopg

FOLDER = os.getcwd()
THIRD = "0." + "3" * 40
VALUES = {
    "24:00": "time '24:00'",
    "1 year": "interval '1 year'",
    "12 months": "interval '12 months'",
    "1/3 to 40 digits": f"{THIRD}::numeric",
    "1.2E-34": "0.00000000000000000000000000000000012::numeric",
}


def say(value):
    return "all 40" if value == Decimal(THIRD) else str(value)


async def main():
    one = await psqlpy.connect(host=FOLDER, username="postgres", db_name="postgres")
    two = await asyncpg.connect(host=FOLDER, user="postgres", database="postgres")
    three = psycopg.connect(host=FOLDER, user="postgres", dbname="postgres", autocommit=True)
    found = {}
    print(f"{'':<19}{'psqlpy':<32}{'asyncpg':<24}psycopg")
    for name, sql in VALUES.items():
        answers = [say((await one.execute(f"select {sql} as v")).result()[0]["v"])]
        try:
            answers.append(say(await two.fetchval(f"select {sql}")))
        except ValueError as error:
            answers.append(type(error).__name__)
        try:
            answers.append(say(three.execute(f"select {sql}").fetchone()[0]))
        except psycopg.Error as error:
            answers.append(type(error).__name__)
        found[name] = answers
        print(f"{name:<19}{answers[0]:<32}{answers[1]:<24}{answers[2]}")
    year = ["360 days, 0:00:00", "365 days, 0:00:00", "365 days, 0:00:00"]
    assert found == {
        "24:00": ["00:00:00", "ValueError", "DataError"],
        "1 year": year,
        "12 months": year,
        "1/3 to 40 digits": ["0." + "3" * 28, "all 40", "all 40"],
        "1.2E-34": ["0E-28", "1.2E-34", "1.2E-34"],
    }


asyncio.run(main())
PY
