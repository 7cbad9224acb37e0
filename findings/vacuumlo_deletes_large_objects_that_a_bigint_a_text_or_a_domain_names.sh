#!/usr/bin/env bash
# vacuumlo deletes the large objects whose number stands in a bigint, a text, an array or a domain over oid, and exits with 0. Only bare oid columns count.
#
# vacuumlo and PostgreSQL 15.x (Debian 12). A good guess: what is deleted is named nowhere, or vacuumlo is cautious about types that can hold a number. It
# looks at columns of the type oid, and of a type named `lo`, and at no others: `create domain document as oid` hides a reference as well as bigint does, and so
# does text, in which Hibernate stores the number of a @Lob String. The rows stay and look the same; reading the object is an error. A view with the
# column cast to oid does not help; a materialized view and a partition do. -n prints how many would go, without the columns that it has left out.
# For nightly maintenance: run `vacuumlo -n -v` first and see that every column with references is in its list of "Checking ...".
#
# Output seen:
#   column                       object after vacuumlo
#   oid                          kept
#   oid of a partition           kept
#   domain over oid              deleted
#   bigint                       deleted
#   text                         deleted
#   oid[]                        deleted
#   bigint, materialized as oid  kept
#   exit 0, "Successfully removed 4 large objects"
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/vacuumlo" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
export PGHOST=$folder PGUSER=postgres PGDATABASE=postgres
sql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }

sql <<'SQL'
create domain document as oid;
create table plain (v oid);
create table parted (v oid) partition by range (v);
create table part partition of parted default;
create table by_domain (v document);
create table by_bigint (v bigint);
create table by_text (v text);
create table by_array (v oid[]);
create table copied (v bigint);
create table known (place int generated always as identity, name text, id oid);
with made as (select name, lo_from_bytea(0, name::bytea) as id from unnest(array['oid', 'oid of a partition', 'domain over oid', 'bigint', 'text', 'oid[]',
    'bigint, materialized as oid']) name)
insert into known (name, id) select name, id from made;
insert into plain select id from known where name = 'oid';
insert into parted select id from known where name = 'oid of a partition';
insert into by_domain select id from known where name = 'domain over oid';
insert into by_bigint select id from known where name = 'bigint';
insert into by_text select id from known where name = 'text';
insert into by_array select array[id] from known where name = 'oid[]';
insert into copied select id from known where name like 'bigint, mat%';
-- what this script remembers must not count as a reference
alter table known alter id type bigint;
create materialized view copied_as_oid as select v::oid as v from copied;
SQL
code=0
"$bin/vacuumlo" -v postgres >out 2>&1 || code=$?
sql -F ':' -c "select rpad(name, 28), case when l.oid is null then 'deleted' else 'kept' end
    from known left join pg_largeobject_metadata l on l.oid = known.id::oid order by place" | sed 's/:/ /' | tee seen
echo "exit $code, \"$(grep -o 'Successfully removed [0-9]* large objects' out)\"" | tee -a seen
diff - seen <<'TEXT'
oid                          kept
oid of a partition           kept
domain over oid              deleted
bigint                       deleted
text                         deleted
oid[]                        deleted
bigint, materialized as oid  kept
exit 0, "Successfully removed 4 large objects"
TEXT
