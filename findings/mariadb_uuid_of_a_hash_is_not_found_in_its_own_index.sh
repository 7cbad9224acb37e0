#!/usr/bin/env bash
# In a primary key of the type UUID, MariaDB does not find hashes that were cast to it: `id <= x` and `id > x` are not all rows, and the index changes the answer.
#
# MariaDB 10.11.19 (Debian 12). A good guess: a UUID is 16 bytes with one order, whatever its version, as in PostgreSQL. Columns BINARY(16) with MD5 hashes
# are converted to it by CAST. But MariaDB orders UUIDs by their version and variant, and for values beside the standard ones its comparison is no order: the
# index is no sorted list, CHECK TABLE EXTENDED says OK, and each query answers by its own way. UUIDs of versions 1 to 7 (variant of RFC 9562) have an order.
# For converted columns: keep BINARY(16), or look first for versions above 7 and for variants beside 8, 9, a and b.
#
# Output seen, for 2,000 hashes, x being the 1,000th of them by ORDER BY:
#   check:            OK
#   by the index:     <= x: 966, > x: 963, of 2000 rows
#   without it:       <= x: 1003
#   versions 1 to 7:  <= x: 1000, > x: 1000, of 2000 rows; without the index 1000
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
ask() { mariadb --no-defaults --socket="$folder/s" -u root -N -e "$1"; }
ask "CREATE DATABASE d; CREATE TABLE d.hashes (id UUID PRIMARY KEY) ENGINE=InnoDB; CREATE TABLE d.standard LIKE d.hashes;
  INSERT INTO d.hashes SELECT CAST(UNHEX(MD5(seq)) AS UUID) FROM d.seq_1_to_2000;
  INSERT INTO d.standard SELECT INSERT(INSERT(LOWER(CONCAT_WS('-', LEFT(h, 8), SUBSTR(h, 9, 4), SUBSTR(h, 13, 4), SUBSTR(h, 17, 4), RIGHT(h, 12))),
    15, 1, 1 + seq MOD 7), 20, 1, 'a') FROM (SELECT seq, MD5(seq) AS h FROM d.seq_1_to_2000) AS s"
counts() {
    ask "SET @x = (SELECT id FROM d.$1 ORDER BY id LIMIT 1 OFFSET 999);
      SELECT (SELECT COUNT(*) FROM d.$1 WHERE id <= CAST(@x AS UUID)), (SELECT COUNT(*) FROM d.$1 WHERE id > CAST(@x AS UUID)),
             (SELECT COUNT(*) FROM d.$1 IGNORE INDEX (PRIMARY) WHERE id <= CAST(@x AS UUID)), (SELECT COUNT(*) FROM d.$1)"
}
checked=$(ask "CHECK TABLE d.hashes EXTENDED" | cut -f 4)
read -r below above scanned all <<<"$(counts hashes)"
read -r standard_below standard_above standard_scanned standard_all <<<"$(counts standard)"
printf '%s\n' "check:            $checked" "by the index:     <= x: $below, > x: $above, of $all rows" "without it:       <= x: $scanned" \
  "versions 1 to 7:  <= x: $standard_below, > x: $standard_above, of $standard_all rows; without the index $standard_scanned"
[ "$checked" = OK ]
[ $((below + above)) -ne "$all" ]
[ "$below" -ne "$scanned" ]
[ "$standard_below $standard_above $standard_scanned $standard_all" = "1000 1000 1000 2000" ]
