#!/usr/bin/env bash
# PostgreSQL: SET CONSTRAINTS ALL IMMEDIATE directly before COMMIT fails for a transaction that COMMIT alone commits.
#
# Version: Debian's postgresql-15 (15.x); 18.4 does the same. The manual says that "any outstanding data modifications that would have been
# checked at the end of the transaction are instead checked during the execution of the SET CONSTRAINTS command"
# (https://www.postgresql.org/docs/15/sql-set-constraints.html). A good guess: the same triggers run in the same order, a moment earlier.
# But the new mode also holds for the rows that deferred triggers themselves change. Here one deferred trigger inserts a child and the next
# one its parent. In COMMIT the foreign key is checked after both; after SET CONSTRAINTS, directly behind the first.
# For many queries: the command brings deferred work under statement_timeout, but it is not safe for every schema.
#
# Output seen, with the number of children afterwards:
#   commit                          1
#   set constraints, then commit    ERROR:  23503, 0
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
"$bin/postgres" --version | grep -q ' 15\.' || { echo "another version than 15:"; "$bin/postgres" --version; exit 2; }
ask() { "$bin/psql" -X -q -A -t -h "$folder" -U postgres -v VERBOSITY=sqlstate "$@" 2>&1; }

ask <<'SQL'
create table parent (id int primary key);
create table child (id int references parent deferrable initially deferred);
create table orders (id int);
create function add_child() returns trigger language plpgsql as 'begin insert into child values (new.id); return null; end';
create function add_parent() returns trigger language plpgsql as 'begin insert into parent values (new.id); return null; end';
create constraint trigger a after insert on orders deferrable initially deferred for each row execute function add_child();
create constraint trigger b after insert on orders deferrable initially deferred for each row execute function add_parent();
SQL
alone=$(ask -c 'begin' -c 'insert into orders values (1)' -c 'commit' -c 'select count(*) from child')
early=$(ask -c 'begin' -c 'insert into orders values (2)' -c 'set constraints all immediate' -c 'commit' -c 'select count(*) from child where id = 2')
echo "commit                          ${alone}"
echo "set constraints, then commit    ${early//$'\n'/, }"
[ "$alone" = 1 ]
[ "$early" = $'ERROR:  23503\n0' ]
