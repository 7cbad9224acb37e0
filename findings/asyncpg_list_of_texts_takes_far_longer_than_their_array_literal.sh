#!/usr/bin/env bash
# asyncpg: 2,000 texts as a list take several times the processor time of the same texts in an array literal, though the literal is longer for the server.
#
# asyncpg 0.32.0 on PostgreSQL 15.x, Python 3.11. A good guess: the binary form of an array, written in C, is the fastest way to send many values. asyncpg
# asks two abstract base classes about each element (isinstance with collections.abc.Iterable and Sized, which are calls in Python) to find inner arrays,
# and does so for texts and numbers too. '{"' + '","'.join(texts) + '"}' for $1::text::text[] skips that. The server needs about as long for both.
# Take care of quotes and backslashes in the texts, and of the setting array_nulls if one may be NULL.
#
# Output seen (microseconds of the client for each text, without the answer; they differ by machine, the ratio hardly):
#   list     0.30
#   literal  0.04
# Exits with 1 if a list takes less than twice as long. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'asyncpg==0.32.0'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import asyncio
import os
import time

import asyncpg

TEXTS = [str(number) for number in range(500_000, 502_000)]
ROUNDS = 100


async def of(connection, sql, make):
    """Return the least seconds of a call: other load only adds to it."""
    statement = await connection.prepare(sql)
    assert await statement.fetchval(make()) == len(TEXTS)
    best_s = 1e9
    for _ in range(ROUNDS):
        begun_s = time.thread_time()
        await statement.fetchval(make())
        best_s = min(best_s, time.thread_time() - begun_s)
    return best_s


async def main():
    connection = await asyncpg.connect(host=os.getcwd(), user="postgres", database="postgres")
    as_list = await of(connection, "select count(*) from unnest($1::text[])", lambda: TEXTS)
    literal = await of(connection, "select count(*) from unnest($1::text::text[])", lambda: '{"' + '","'.join(TEXTS) + '"}')
    await connection.close()
    print(f"list     {as_list / len(TEXTS) * 1e6:.2f}\nliteral  {literal / len(TEXTS) * 1e6:.2f}")
    assert as_list > 2 * literal, "changed"


asyncio.run(main())
PY
