#!/usr/bin/env bash
# `select ... where id = $1` of a partitioned table locks one partition five times and all of them the sixth time: it waits for a partition that it never reads.
#
# PostgreSQL 15.x (Debian 12; 18.4 does the same), asyncpg 0.32.0, psycopg 3.3.9. A good guess: partitions are pruned when the statement is planned with its
# value, so a lock on another partition (ALTER TABLE, TRUNCATE, VACUUM FULL of an old one) does not matter, as it does not for the first five executions. The
# sixth makes a generic plan, which knows no value and locks every partition. If that plan looks dearer, the server goes on with plans for each value,
# and one partition is locked again; if it looks cheaper, all are locked for good. A sixth execution that fails is tried anew each time. UPDATE does the same.
# asyncpg prepares each statement, psycopg one that it has seen five times (here: at once, prepare_threshold = 0).
# For many queries: a job that works in a trial with five rows hangs at the sixth. `set plan_cache_mode = force_custom_plan` ends it. With thousands of
# partitions, the sixth execution of each connection also takes as many locks.
#
# Output seen, with ten partitions (partitions that each execution locks):
#   psycopg select of a key       1 1 1 1 1 10 1 1
#   psycopg update of a key       1 1 1 1 1 10 1 1
#   asyncpg select of a key       1 1 1 1 1 10 1 1
#   asyncpg count of a range      2 2 2 2 2 10 10 10
#   the same, force_custom_plan   2 2 2 2 2 2 2 2
# Output seen, rows of a key in p5 while another session has locked p9, lock_timeout = 200ms:
#   asyncpg                       1 1 1 1 1 LockNotAvailableError LockNotAvailableError LockNotAvailableError
#   asyncpg, force_custom_plan    1 1 1 1 1 1 1 1
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
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
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres

"$bin/psql" -X -q <<'SQL'
create table p (id int, v text) partition by range (id);
select format('create table p%s partition of p for values from (%s) to (%s)', n, n * 10, n * 10 + 10) from generate_series(0, 9) n \gexec
insert into p select n, 'x' from generate_series(0, 99) n;
analyze p;
SQL
cat >look.py <<'PY'
import asyncio

import asyncpg
import psycopg

LOCKS = "select count(*) from pg_locks where pid = pg_backend_pid() and relation::regclass::text ~ '^p[0-9]'"
ROUNDS = range(8)


def by_psycopg(query):
    counts = []
    with psycopg.connect() as connection:
        connection.prepare_threshold = 0
        for _ in ROUNDS:
            connection.execute(query, [55])
            counts.append(connection.execute(LOCKS, prepare=False).fetchone()[0])
            connection.commit()
    return counts


async def by_asyncpg(query, *setting):
    connection = await asyncpg.connect()
    for statement in setting:
        await connection.execute(statement)
    counts = []
    for _ in ROUNDS:
        async with connection.transaction():
            await connection.fetch(query, 55)
            counts.append(await connection.fetchval(LOCKS))
    await connection.close()
    return counts


async def beside_a_lock(*setting):
    locker, connection = await asyncpg.connect(), await asyncpg.connect()
    for statement in ("set lock_timeout = '200ms'", *setting):
        await connection.execute(statement)
    seen = []
    async with locker.transaction():
        await locker.execute("lock table p9 in access exclusive mode")
        for _ in ROUNDS:
            try:
                seen.append(len(await connection.fetch("select * from p where id = $1", 55)))
            except asyncpg.PostgresError as error:
                seen.append(type(error).__name__)
    await locker.close()
    await connection.close()
    return seen


def show(name, seen):
    print(f"{name:<30}{' '.join(map(str, seen))}")


custom = "set plan_cache_mode = force_custom_plan"
range_of = "select count(*) from p where id between $1 and $1 + 8"
show("psycopg select of a key", by_psycopg("select * from p where id = %s"))
show("psycopg update of a key", by_psycopg("update p set v = 'y' where id = %s"))
show("asyncpg select of a key", asyncio.run(by_asyncpg("select * from p where id = $1")))
show("asyncpg count of a range", asyncio.run(by_asyncpg(range_of)))
show("the same, force_custom_plan", asyncio.run(by_asyncpg(range_of, custom)))
show("asyncpg", asyncio.run(beside_a_lock()))
show("asyncpg, force_custom_plan", asyncio.run(beside_a_lock(custom)))
PY
venv/bin/python look.py | tee seen
cat >expected <<'TEXT'
psycopg select of a key       1 1 1 1 1 10 1 1
psycopg update of a key       1 1 1 1 1 10 1 1
asyncpg select of a key       1 1 1 1 1 10 1 1
asyncpg count of a range      2 2 2 2 2 10 10 10
the same, force_custom_plan   2 2 2 2 2 2 2 2
asyncpg                       1 1 1 1 1 LockNotAvailableError LockNotAvailableError LockNotAvailableError
asyncpg, force_custom_plan    1 1 1 1 1 1 1 1
TEXT
diff expected seen
