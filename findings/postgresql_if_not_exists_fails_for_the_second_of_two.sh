#!/usr/bin/env bash
# PostgreSQL: `create table if not exists`, said by two sessions at the same time, fails for the second one with 23505 on a table of the catalog.
#
# PostgreSQL 15.x (Debian postgresql-15), psycopg 3.3.9. A good guess: the second session waits for the first, sees the table, and says "already exists, skipping";
# and CREATE OR REPLACE and GRANT, which can be repeated, wait and then replace. IF NOT EXISTS looks with a snapshot in which the table of the other
# transaction is not visible, goes on to insert into the catalog, waits there for the unique index, and gets its error, whose constraint (pg_type_...)
# names neither the table nor the statement's own. GRANT and CREATE OR REPLACE FUNCTION of an object that is there fail with XX000 "tuple
# concurrently updated", which looks like a damaged server. Which ones are safe cannot be guessed: ADD COLUMN IF NOT EXISTS, an existing view.
# For many queries: processes that start together and make their tables need a lock of their own (pg_advisory_xact_lock), or a second attempt.
#
# Output seen (the second session's answer, after it has waited for the first one's commit):
#   create table if not exists                23505 pg_type_typname_nsp_index
#   create materialized view if not exists    23505 pg_type_typname_nsp_index
#   create index if not exists                23505 pg_class_relname_nsp_index
#   create sequence if not exists             23505 pg_class_relname_nsp_index
#   create schema if not exists               23505 pg_namespace_nspname_index
#   create or replace function, new           23505 pg_proc_proname_args_nsp_index
#   create or replace function, there         XX000 tuple concurrently updated
#   create or replace view, new               23505 pg_type_typname_nsp_index
#   create or replace view, there             ok
#   grant                                     XX000 tuple concurrently updated
#   alter role ... set                        23505 pg_db_role_setting_databaseid_rol_index
#   add column if not exists                  ok
#   create statistics if not exists           ok
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
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
import threading
import time

import psycopg

URL = f"host={os.getcwd()} user=postgres dbname=postgres"
STATEMENTS = {
    "create table if not exists": "create table if not exists t (x int)",
    "create materialized view if not exists": "create materialized view if not exists m as select 1 as x",
    "create index if not exists": "create index if not exists i on base (x)",
    "create sequence if not exists": "create sequence if not exists q",
    "create schema if not exists": "create schema if not exists s",
    "create or replace function, new": "create or replace function g() returns int language sql as 'select 2'",
    "create or replace function, there": "create or replace function f() returns int language sql as 'select 2'",
    "create or replace view, new": "create or replace view w as select 2 as x",
    "create or replace view, there": "create or replace view v as select 2 as x",
    "grant": "grant select on base to public",
    "alter role ... set": "alter role postgres set work_mem = '5MB'",
    "add column if not exists": "alter table base add column if not exists y int",
    "create statistics if not exists": "create statistics if not exists z on x, y from base",
}
with psycopg.connect(URL) as made:
    made.execute("create table base (x int); create view v as select 1 as x")
    made.execute("create function f() returns int language sql as 'select 1'")
watcher = psycopg.connect(URL, autocommit=True)
found = {}


def second(connection, sql, answers):
    try:
        connection.execute(sql)
        answers.append("ok")
    except psycopg.Error as error:
        answers.append(f"{error.sqlstate} {error.diag.constraint_name or error.diag.message_primary}")


for name, sql in STATEMENTS.items():
    answers = []
    with psycopg.connect(URL) as first, psycopg.connect(URL, autocommit=True) as other:
        first.execute(sql)
        thread = threading.Thread(target=second, args=(other, sql, answers))
        thread.start()
        waits = "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s"
        while not watcher.execute(waits, [other.info.backend_pid]).fetchone()[0]:
            assert not answers
            time.sleep(0.02)
        first.commit()
        thread.join()
    found[name] = answers[0]
    print(f"{name:<41} {answers[0]}")
TWICE = "XX000 tuple concurrently updated"
assert list(found.values()) == [
    "23505 pg_type_typname_nsp_index",
    "23505 pg_type_typname_nsp_index",
    "23505 pg_class_relname_nsp_index",
    "23505 pg_class_relname_nsp_index",
    "23505 pg_namespace_nspname_index",
    "23505 pg_proc_proname_args_nsp_index",
    TWICE,
    "23505 pg_type_typname_nsp_index",
    "ok",
    TWICE,
    "23505 pg_db_role_setting_databaseid_rol_index",
    "ok",
    "ok",
], found
PY
