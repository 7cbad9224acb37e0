#!/usr/bin/env bash
# sqlite3: `.import` of a file of which rows were refused exits with 0, also with -bail; a row that is too short or too long is stored changed.
#
# sqlite3 3.40.1 (Debian 12). A good guess: -bail stops at the first error and the exit code is 1, as it is for INSERT. The errors of .import are no
# errors in this sense: the rows that a constraint refuses are left out, those with too few fields get NULL, those with too many lose the rest, each
# with one line on stderr, and all else is committed. The exit code is 0.
# For loads in scripts: compare the count of rows with that of the file; the exit code says nothing.
#
# Output seen, for a file of six rows (keys 1, 2, 2, x, 3 without a name, 4 with a field too many):
#   insert, -bail:  exit 1
#   import:         exit 0, rows 1|a 2|b 3|NULL 4|e
#   import, -bail:  exit 0, rows 1|a 2|b 3|NULL 4|e
# Exits with 1 if one of these changes.
set -euo pipefail
command -v sqlite3 >/dev/null || { echo "install the Debian package sqlite3"; exit 2; }
sqlite3 --version | grep -q '^3\.40\.' || { echo "another version than 3.40:"; sqlite3 --version; exit 2; }
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
cd "$folder"
printf '%s\n' 1,a 2,b 2,c x,d 3 4,e,f >rows.csv
table="CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT) STRICT"

load() {
    local code=0
    rm -f app.db
    sqlite3 app.db "$table"
    sqlite3 "$@" -csv app.db '.import rows.csv t' 2>err || code=$?
    [ "$(wc -l <err)" = 4 ]
    echo "exit $code, rows $(sqlite3 -nullvalue NULL app.db 'SELECT * FROM t ORDER BY id' | paste -sd' ')"
}
code=0
sqlite3 -bail :memory: "$table; INSERT INTO t VALUES (1, 'a'), (1, 'b')" 2>/dev/null || code=$?
plain=$(load)
bail=$(load -bail)
printf '%s\n' "insert, -bail:  exit $code" "import:         $plain" "import, -bail:  $bail"
[ "$code" != 0 ]
[ "$plain" = "exit 0, rows 1|a 2|b 3|NULL 4|e" ]
[ "$bail" = "$plain" ]
