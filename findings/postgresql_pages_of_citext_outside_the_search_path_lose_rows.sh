#!/usr/bin/env bash
# citext in a schema of its own: ORDER BY is case-insensitive and `>` is case-sensitive in the same query. Pages by key lose rows.
#
# PostgreSQL 15.x with its citext 1.6. Extensions are often kept in a schema such as `extensions`, and the type is named with that schema. The manual of
# citext says that without the schema in search_path "the normal, case-sensitive text operators will be invoked instead". A good guess: then all of the
# query is case-sensitive, or the operator is not found. But ORDER BY, the unique index and DISTINCT take the operator class of the type, wherever it is;
# only `=`, `<` and `>` are looked up by name. So `where k > $last order by k limit 2` follows two orders: rows are left out or come twice,
# without an error, and `where k = 'B'` finds no row although an INSERT of 'B' is refused as a duplicate. A role, a pooler or `set search_path` in a function decides it.
# A comparison with a qualified operator, `k operator(ext.>) $last`, is right in any session.
#
# Output seen:
#   search_path        pages of two rows by key    order by k    where k = 'B'   insert 'B'
#   public, ext        A b C D e                   A b C D e     b               duplicate
#   public             A b e                       A b C D e     none            duplicate
# Exits with 1 if this changes. The server listens on a unix socket in a temporary folder only.
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

ask() { PGOPTIONS="-c search_path=$1" "$bin/psql" -X -Atq -h "$folder" -U postgres -c "$2" 2>&1 || true; }
ask public "create schema ext; create extension citext schema ext"
ask public "create table t (k ext.citext primary key)"
ask public "insert into t values ('C'), ('A'), ('e'), ('b'), ('D')"

pages() {
  local page last='' all=''
  while page=$(ask "$1" "select k from t where k > '$last'::ext.citext order by k limit 2") && [ -n "$page" ]; do
    all="$all $(echo $page)"
    last=$(tail -n 1 <<<"$page")
  done
  echo "${all# }"
}

line() {
  local one
  one=$(ask "$1" "select k from t where k = 'B'::ext.citext")
  refused=$(ask "$1" "insert into t values ('B')" | grep -o duplicate || true)
  printf '%-18s %-27s %-13s %-15s %s\n' "$1" "$(pages "$1")" "$(echo $(ask "$1" 'select k from t order by k'))" "${one:-none}" "${refused:-stored}"
}

found="$(line public,ext; line public)"
echo "$found"
expected='public,ext         A b C D e                   A b C D e     b               duplicate
public             A b e                       A b C D e     none            duplicate'
[ "$found" = "$expected" ] || { echo "changed"; exit 1; }
