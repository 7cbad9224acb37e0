#!/usr/bin/env bash
# PostgreSQL: the elements of `array::text[]` are not those of the array's own text.
#
# Version: Debian's postgresql-15 (15.x). A good guess is that `a::text` and `a::text[]` hold the same element texts. The first
# is the array's output function, which uses the output function of the element type, as COPY does. The second casts
# each element to text, and some types have a cast that prints something else, as has every user-defined cast:
#
#   type      a::text           a::text[]
#   boolean   {t}               {true}
#   inet      {10.0.0.1}        {10.0.0.1/32}
#   char(4)   {"ab  "}          {ab}
#   an enum with CREATE CAST ... AS ASSIGNMENT to text: {lo} and {HI}
#
# So to_json(a::text[]) is not the array's text as JSON.
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
create type loud as enum ('lo');
create function louder(loud) returns text language sql immutable as $$ select 'HI' $$;
create cast (loud as text) with function louder(loud) as assignment;
select a::text, a::text[] from (select array[true]) as q(a);
select a::text, a::text[] from (select array[inet '10.0.0.1']) as q(a);
select a::text, a::text[] from (select array['ab'::char(4)]) as q(a);
select a::text, a::text[] from (select array['lo'::loud]) as q(a);
SQL
)
printf '%s\n%s\n' "$version" "$found"
[ "$found" = '{t}|{true}
{10.0.0.1}|{10.0.0.1/32}
{"ab  "}|{ab}
{lo}|{HI}' ]
