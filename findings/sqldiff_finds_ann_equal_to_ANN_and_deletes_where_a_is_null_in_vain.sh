#!/usr/bin/env bash
# sqldiff: 'Ann' and 'ANN' are no difference in a NOCASE column, nor are views, triggers and user_version; its `DELETE ... WHERE a=NULL` deletes nothing. Exit 0.
#
# sqldiff 3.40.1 (Debian 12, package sqlite3-tools). A good guess: sqldiff compares what is stored, like `diff`, and exits with 1 if there is a difference; and
# its output, run on the first file, makes it equal to the second. It compares by IS with the collation of the column, so spellings differ unseen, and 1 and
# 1.0 are equal. Views, triggers and the header are not looked at, for indexes it has no option either. With --primarykey, rows of a text key that is NULL are
# deleted by `a=NULL`, which is never true, and then inserted once more. Whether there is a difference is only told by the output, never by the exit code.
# For checks of a copy or a migration: empty output does not say "equal". Compare `quote(column)`, and sqlite_schema.
#
# Output seen:
#   difference between the files          lines of output   exit code
#   'Ann' and 'ANN', column NOCASE        0                 0
#   key 'A' and 'a', column NOCASE        0                 0
#   1 and 1.0, column without a type      0                 0
#   another view                          0                 0
#   no trigger                            0                 0
#   user_version 4 and 0                  0                 0
#   5 and '5'                             1                 0
#   'Ann' and 'ANN', column BINARY        1                 0
#   rows after --primarykey was applied: 3, in the second file: 1
# Exits with 1 if one of these changes.
set -euo pipefail
command -v sqldiff >/dev/null || { echo "install the Debian package sqlite3-tools"; exit 2; }
sqlite3 --version | grep -q '^3\.40\.' || { echo "another version than 3.40:"; sqlite3 --version; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
compare() { # the name, the first file, the second file
    local code=0
    rm -f a.db b.db
    sqlite3 a.db "$2"
    sqlite3 b.db "$3"
    sqldiff a.db b.db >out || code=$?
    printf '%-38s%-18s%s\n' "$1" "$(wc -l <out)" "$code"
}
{
    t="create table t (id integer primary key, v collate nocase);"
    compare "'Ann' and 'ANN', column NOCASE" "$t insert into t values (1, 'Ann')" "$t insert into t values (1, 'ANN')"
    k="create table t (k text primary key collate nocase, v);"
    compare "key 'A' and 'a', column NOCASE" "$k insert into t values ('A', 1)" "$k insert into t values ('a', 1)"
    u="create table t (id integer primary key, v);"
    compare "1 and 1.0, column without a type" "$u insert into t values (1, 1)" "$u insert into t values (1, 1.0)"
    compare "another view" "$u create view w as select 1" "$u create view w as select 2"
    compare "no trigger" "$u create trigger g after insert on t begin select 1; end" "$u"
    compare "user_version 4 and 0" "$u pragma user_version = 4" "$u"
    compare "5 and '5'" "$u insert into t values (1, 5)" "$u insert into t values (1, '5')"
    compare "'Ann' and 'ANN', column BINARY" "$u insert into t values (1, 'Ann')" "$u insert into t values (1, 'ANN')"
    rm -f a.db b.db
    n="create table n (a text primary key, v);"
    sqlite3 a.db "$n insert into n values (null, 1), (null, 2)"
    sqlite3 b.db "$n insert into n values (null, 3)"
    sqldiff --primarykey a.db b.db | sqlite3 -bail a.db
    echo "rows after --primarykey was applied: $(sqlite3 a.db 'select count(*) from n'), in the second file: $(sqlite3 b.db 'select count(*) from n')"
} | tee seen
diff - seen <<'TEXT'
'Ann' and 'ANN', column NOCASE        0                 0
key 'A' and 'a', column NOCASE        0                 0
1 and 1.0, column without a type      0                 0
another view                          0                 0
no trigger                            0                 0
user_version 4 and 0                  0                 0
5 and '5'                             1                 0
'Ann' and 'ANN', column BINARY        1                 0
rows after --primarykey was applied: 3, in the second file: 1
TEXT
