#!/usr/bin/env bash
# PostgreSQL: a REPEATABLE READ transaction counts 0 rows in a table of 1,000 if another session has altered the type of a column meanwhile.
#
# PostgreSQL 15.x (Debian postgresql-15); 18.4 does the same. A good guess: the snapshot of a REPEATABLE READ (or SERIALIZABLE) transaction shows each
# table as it was at its first statement; the manual says so of TRUNCATE only as a caveat. Commands that write the table anew give all rows to their
# own transaction, so an older snapshot sees none: TRUNCATE, ALTER ... TYPE, ADD COLUMN with a volatile default, SET UNLOGGED. After REFRESH MATERIALIZED
# VIEW it sees the new rows. VACUUM FULL and CLUSTER keep the old ones. Only a transaction that has not touched the table yet is hit; the one that
# has makes the other session wait. pg_dump and checks over many tables on one exported snapshot are such transactions.
# For many queries: "no row violates the rule" is true of a table that looks empty. Lock the tables first, or count the rows as well.
#
# Output seen (rows that a snapshot from before the command sees; it was 1,000):
#   none                                           1000
#   alter column type                              0
#   add column with a volatile default             0
#   add column with a constant default             1000
#   set unlogged                                   0
#   truncate                                       0
#   vacuum full                                    1000
#   cluster                                        1000
#   delete 995, refresh materialized view          5
# Exits with 1 if it changes. The server listens on a unix socket in a temporary folder only.
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

import psycopg

COMMANDS = {
    "none": "select 1",
    "alter column type": "alter table t alter v type bigint",
    "add column with a volatile default": "alter table t add w uuid default gen_random_uuid()",
    "add column with a constant default": "alter table t add w integer default 7",
    "set unlogged": "alter table t set unlogged",
    "truncate": "truncate t",
    "vacuum full": "vacuum full t",
    "cluster": "cluster t using t_pkey",
    "delete 995, refresh materialized view": "refresh materialized view m",
}
EXPECTED = dict(zip(COMMANDS, (1000, 0, 0, 1000, 0, 0, 1000, 1000, 5), strict=True))

changer = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres", autocommit=True)
reader = psycopg.connect(host=os.getcwd(), user="postgres", dbname="postgres")
reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
found = {}
for name, command in COMMANDS.items():
    changer.execute("drop table if exists t cascade")
    changer.execute("create table t (id integer primary key, v integer)")
    changer.execute("insert into t select n, n from generate_series(1, 1000) as n")
    table = "t"
    if "refresh" in command:
        changer.execute("create materialized view m as select * from t")
        table = "m"
    reader.execute("select 1 from pg_class limit 1")  # the snapshot is taken here
    if "refresh" in command:
        changer.execute("delete from t where id > 5")
    changer.execute(command)
    (found[name],) = reader.execute(f"select count(*) from {table}").fetchone()
    reader.rollback()
    print(f"{name:<47}{found[name]}")
assert found == EXPECTED
PY
