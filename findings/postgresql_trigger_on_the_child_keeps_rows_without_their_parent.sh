#!/usr/bin/env bash
# ON DELETE CASCADE: a trigger of the child that returns NULL keeps the row, the parent is gone, and the foreign key is still "valid". SQLite refuses that.
#
# PostgreSQL 15.x (Debian 12; 18.4 does the same), SQLite of Python 3.11. A good guess: a foreign key that is validated holds for every row, whatever triggers
# do; the cascade fails, or is checked at commit. PostgreSQL runs the cascade as a DELETE or UPDATE of the child, and a BEFORE trigger that returns
# NULL ("soft delete": mark the row and keep it) ends it in silence. VALIDATE CONSTRAINT of a constraint that is valid looks at nothing, and updates of the
# row are accepted while the column of the key does not change. pg_dump writes the rows, and pg_restore cannot make the constraint.
# For deletes in batches: the count of the parent's rows is right, and the orphans are found by an outer join, or the day the backup is needed.
#
# Output seen:
#                                     postgresql                sqlite
#   delete of parent 1                DELETE 1                  FOREIGN KEY constraint failed
#   parent 2 becomes 4                UPDATE 1                  FOREIGN KEY constraint failed
#   rows of the child without parent  2                         0
#   pg_constraint.convalidated        t
#   validate constraint               ALTER TABLE
#   update of the orphans             UPDATE 2
#   pg_restore of the dump            exit 1, is not present in table "parent"
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
psql() { "$bin/psql" -X -At -v ON_ERROR_STOP=1 "$@"; }

psql -q <<'SQL'
create table parent (id int primary key);
create table child (id int primary key, kept bool default false, parent int references parent on delete cascade on update cascade);
insert into parent values (1), (2), (3);
insert into child (id, parent) values (10, 1), (20, 2), (30, 3);
create function keep() returns trigger language plpgsql as 'begin return null; end';
create trigger keep before delete or update of parent on child for each row execute function keep();
SQL
cat >lite.py <<'PY'
import sqlite3

base = sqlite3.connect(":memory:", isolation_level=None)
base.executescript("""
    pragma foreign_keys = on;
    create table parent (id integer primary key);
    create table child (id integer primary key, parent int references parent on delete cascade on update cascade);
    insert into parent values (1), (2), (3);
    insert into child values (10, 1), (20, 2), (30, 3);
    create trigger keep_deleted before delete on child begin select raise(ignore); end;
    create trigger keep_updated before update of parent on child begin select raise(ignore); end;
""")
for statement in ("delete from parent where id = 1", "update parent set id = 4 where id = 2"):
    try:
        base.execute(statement)
        print("accepted")
    except sqlite3.Error as error:
        print(error)
print(base.execute("select count(*) from child where parent not in (select id from parent)").fetchone()[0])
PY
python3 lite.py >lite
{
    psql -c "delete from parent where id = 1"
    psql -c "update parent set id = 4 where id = 2"
    psql -c "select count(*) from child where parent not in (select id from parent)"
    psql -c "select convalidated from pg_constraint where contype = 'f'"
    psql -c "alter table child validate constraint child_parent_fkey"
    psql -c "update child set kept = true where parent not in (select id from parent)"
    "$bin/pg_dump" -Fc -f dump postgres
    "$bin/createdb" copy
    code=0
    "$bin/pg_restore" -d copy dump 2>errors || code=$?
    echo "exit $code, $(grep -o 'is not present in table "parent"' errors)"
} >ours
paste -d '|' - ours lite <<'TEXT' | awk -F '|' '{ printf "%-34s%-26s%s\n", $1, $2, $3 }' | sed 's/ *$//' | tee seen
delete of parent 1
parent 2 becomes 4
rows of the child without parent
pg_constraint.convalidated
validate constraint
update of the orphans
pg_restore of the dump
TEXT
diff - seen <<'TEXT'
delete of parent 1                DELETE 1                  FOREIGN KEY constraint failed
parent 2 becomes 4                UPDATE 1                  FOREIGN KEY constraint failed
rows of the child without parent  2                         0
pg_constraint.convalidated        t
validate constraint               ALTER TABLE
update of the orphans             UPDATE 2
pg_restore of the dump            exit 1, is not present in table "parent"
TEXT
