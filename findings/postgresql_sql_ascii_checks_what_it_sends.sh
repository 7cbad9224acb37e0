#!/usr/bin/env bash
# PostgreSQL: a database of encoding SQL_ASCII refuses to send bytes that it stored, unless the client says SQL_ASCII too.
#
# Version: Debian's postgresql-15 (15.x). The manual says of SQL_ASCII that the server takes bytes above 127 as
# uninterpreted and converts nothing (https://www.postgresql.org/docs/15/multibyte.html). A good guess is that a client with
# client_encoding UTF8 then receives the bytes as they are. It does not: the server validates what it sends, and SELECT
# and COPY TO fail with SQLSTATE 22021, after any rows that came before:
#
#   ERROR:  invalid byte sequence for encoding "UTF8": 0xe9
#
# The error names no row and no column. The bytes can be read as bytea: convert_to(v, 'SQL_ASCII').
# Needs: postgresql-15 and postgresql-client-15. The server listens on a unix socket in a temporary folder only.
set -eu
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
work=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown nobody "$work"
cd "$work"
trap 'as "$bin/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$work"' EXIT
as "$bin/initdb" -D "$work/data" -U postgres -A trust -E SQL_ASCII --locale=C >/dev/null
as "$bin/pg_ctl" -D "$work/data" -w -l "$work/log" -o "-c listen_addresses='' -c unix_socket_directories='$work'" start >/dev/null
version=$(as "$bin/postgres" --version)
case "$version" in *" 15."*) ;; *) echo "needs version 15, found $version"; exit 2;; esac
ask() { PGCLIENTENCODING=$1 "$bin/psql" -X -A -t -q -h "$work" -U postgres postgres -c "$2" 2>&1 || true; }

ask SQL_ASCII "create table t (v text); insert into t values (E'caf\\xe9')" >/dev/null
same=$(ask SQL_ASCII "select v from t" | od -An -tx1 | tr -d ' \n')
select=$(ask UTF8 "select v from t")
copy=$(ask UTF8 "copy t to stdout")
bytes=$(ask UTF8 "select convert_to(v, 'SQL_ASCII') from t")
printf '%s\nclient SQL_ASCII: %s\nclient UTF8, SELECT: %s\nclient UTF8, COPY: %s\nclient UTF8, bytea: %s\n' \
  "$version" "$same" "$select" "$copy" "$bytes"
expected='ERROR:  invalid byte sequence for encoding "UTF8": 0xe9'
[ "$same" = 636166e90a ] && [ "$select" = "$expected" ] && [ "$copy" = "$expected" ] && [ "$bytes" = '\x636166e9' ]
