#!/usr/bin/env bash
# asyncpg 0.32.0: `fetchval("select count(*) ...")` uses one process where `fetch` with the same query uses three.
#
# A good guess: fetchval is fetch for a single value. It sends Execute with a limit of one row, and PostgreSQL runs a parallel plan serially
# if the client limits the rows, because it cannot know that the client will not come back for more. EXPLAIN shows the Gather node with
# "Workers Planned: 2" all the same. fetchrow and cursors behave as fetchval does; fetch, fetchmany and execute do not.
# For many queries: take a slow aggregate with `(await fetch(...))[0][0]`.
#
# The query counts the processes that work on it: a function that is marked as parallel safe returns the number of its process.
# The leader takes no part (parallel_leader_participation = off), so a serial run counts 1, and a parallel run the workers.
# Output seen:
#   fetch    2 workers
#   fetchval the leader alone
#   fetchrow the leader alone
#   cursor   the leader alone
#   plan     Finalize Aggregate, Gather, Partial Aggregate
# Exits with 1 if one of these changes. Needs postgresql-15 (15.x); the server listens on a unix socket in a temporary folder only.
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
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }

venv/bin/python - <<'PY'
import asyncio
import os

import asyncpg

SETTINGS = {
    "parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0",
    "max_parallel_workers_per_gather": "2", "parallel_leader_participation": "off",
}  # fmt: skip


async def main():
    connection = await asyncpg.connect(host=os.getcwd(), user="postgres", database="postgres", server_settings=SETTINGS)
    await connection.execute("create table t as select generate_series(1, 300000) as id")
    await connection.execute("create function process() returns int language plpgsql parallel safe as 'begin return pg_backend_pid(); end'")
    await connection.execute("analyze t")
    own = connection.get_server_pid()
    # min() and max() have partial aggregates, so the plan is Finalize Aggregate over Gather over Partial Aggregate.
    query = "select int4range(min(process()), max(process()), '[]') from t"

    async def by_cursor():
        async with connection.transaction():
            return [row async for row in connection.cursor(query)][0][0]

    answers = {
        "fetch": (await connection.fetch(query))[0][0],
        "fetchval": await connection.fetchval(query),
        "fetchrow": (await connection.fetchrow(query))[0],
        "cursor": await by_cursor(),
    }
    found = {}
    for name, seen in answers.items():
        ends = {seen.lower, seen.upper - 1}
        found[name] = "the leader alone" if ends == {own} else f"{len(ends)} workers" if own not in ends else "others"
        print(f"{name:<8} {found[name]}")
    plan = [row[0].strip(" ->") for row in await connection.fetch(f"explain (costs off) {query}")]
    print("plan     " + ", ".join(line for line in plan if "Aggregate" in line or line == "Gather"))
    await connection.close()
    alone = "the leader alone"
    assert found == {"fetch": "2 workers", "fetchval": alone, "fetchrow": alone, "cursor": alone}
    assert plan[:2] == ["Finalize Aggregate", "Gather"]


asyncio.run(main())
PY
