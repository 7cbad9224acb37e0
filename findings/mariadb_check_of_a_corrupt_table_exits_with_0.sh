#!/usr/bin/env bash
# `mariadb-check` prints that a table is corrupt, or that it does not exist, and exits with 0; --auto-repair says OK and leaves rows out.
#
# MariaDB 10.11.x (Debian 12). A good guess: like fsck or pg_amcheck, it has an exit code for "found something". The answers of CHECK, REPAIR and OPTIMIZE
# TABLE are rows with a column Msg_type; the client prints them and looks at none. Only a statement that fails (no right, no server) gives exit code 2.
# After a repair the last row says `status OK`, though the row before it says that two of three rows are gone.
# For nightly jobs: ask with SQL and read Msg_type, or look for lines that begin with error or warning.
#
# Output seen, for a MyISAM table of three rows whose data file lost its second half, and a table that does not exist:
#   check of corrupt:   exit 0  Corrupt
#   check of nosuch:    exit 0  Table 'd.nosuch' doesn't exist
#   --auto-repair:      exit 0  Number of rows changed from 3 to 1, OK
#   without the right:  exit 2
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
daemon=$(PATH=$PATH:/usr/sbin command -v mariadbd) || { echo "install the Debian package mariadb-server"; exit 2; }
"$daemon" --no-defaults --version | grep -q ' 10\.11\.' || { echo "another version than 10.11:"; "$daemon" --no-defaults --version; exit 2; }
folder=$(mktemp -d)
as=(env)
if [ "$(id -u)" = 0 ]; then as=(runuser -u nobody -- env); chown nobody "$folder"; fi
pid=
trap '[ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }; cd /; rm -rf "$folder"' EXIT
"${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal --skip-test-db \
  --tmpdir="$folder" >/dev/null 2>&1
"${as[@]}" "$daemon" --no-defaults --datadir="$folder/data" --socket="$folder/s" --skip-networking --pid-file="$folder/pid" \
  --tmpdir="$folder" >"$folder/log" 2>&1 &
pid=$!
for _ in $(seq 300); do [ -S "$folder/s" ] && break; kill -0 "$pid" || { cat "$folder/log"; exit 2; }; sleep 0.1; done
cd "$folder"
ask() { mariadb --no-defaults --socket="$folder/s" -u root -e "$1"; }
ask "CREATE DATABASE d; CREATE TABLE d.t (a int) ENGINE=MyISAM; INSERT INTO d.t VALUES (1), (2), (3); CREATE USER reader@localhost;
  GRANT SELECT ON d.* TO reader@localhost; FLUSH TABLES"
check() {
    local code=0
    mariadb-check --no-defaults --socket="$folder/s" "$@" >out 2>&1 || code=$?
    echo "exit $code"
}
message() { sed -n "s/^$1 *: //p" out | tail -n 1; }
denied=$(check -u reader --optimize d t)
"${as[@]}" truncate -s 8 data/d/t.MYD
ask "FLUSH TABLES"
missing="$(check -u root d nosuch)  $(message Error)"
corrupt="$(check -u root d)  $(message error)"
repair="$(check -u root --auto-repair d)  $(message warning), $(message status)"
printf '%s\n' "check of corrupt:   $corrupt" "check of nosuch:    $missing" "--auto-repair:      $repair" "without the right:  $denied"
[ "$corrupt" = "exit 0  Corrupt" ]
[ "$missing" = "exit 0  Table 'd.nosuch' doesn't exist" ]
[ "$repair" = "exit 0  Number of rows changed from 3 to 1, OK" ]
[ "$denied" = "exit 2" ]
