#!/usr/bin/env bash
# PostgreSQL: the text '1' for a column of `interval hour` is one hour from COPY and from a literal, but nothing from a parameter.
#
# Version: Debian's postgresql-15 (15.x). A good guess is that a parameter of a prepared statement is read as the literal in its place
# would be. A parameter has the type of the column without its fields: '1' is read as one second, and the assignment to `interval hour`
# then cuts the second off, without an error. A parameter whose type is a domain over `interval hour` does know the fields; a cast
# from text to that domain does not:
#
#   COPY                                     01:00:00
#   INSERT ... VALUES ('1')                  01:00:00
#   EXECUTE insert ('1')                     00:00:00
#   EXECUTE insert ('1'), column of a domain 01:00:00
#   '1'::text::domain                        00:00:00
#
# Needs: postgresql-15 and postgresql-client-15. The server listens on a unix socket in a temporary folder only.
set -eu
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
work=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown nobody "$work"
cd "$work"
trap 'as "$bin/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$work"' EXIT
as "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$work/data" -w -l "$work/log" -o "-c listen_addresses='' -c unix_socket_directories='$work'" start >/dev/null
version=$(as "$bin/postgres" --version)
case "$version" in *" 15."*) ;; *) echo "needs version 15, found $version"; exit 2;; esac

found=$("$bin/psql" -X -A -t -q -h "$work" -U postgres postgres <<'SQL'
create table waits (way text, v interval hour);
copy waits from stdin with (format csv);
copy,1
\.
insert into waits values ('literal', '1');
prepare by_parameter as insert into waits values ('parameter', $1);
execute by_parameter('1');
create domain hours as interval hour;
create table domains (v hours);
prepare by_domain as insert into domains values ($1);
execute by_domain('1');
select way, v from waits;
select 'domain', v from domains;
select 'cast', '1'::text::hours;
SQL
)
printf '%s\n%s\n' "$version" "$found"
[ "$found" = 'copy|01:00:00
literal|01:00:00
parameter|00:00:00
domain|01:00:00
cast|00:00:00' ]
