#!/usr/bin/env bash
# DuckDB 2.0.1: after any error inside a transaction, even a misspelt word, COMMIT succeeds and keeps none of its rows.
#
# A good guess: a statement that was not even parsed changes nothing, so the transaction goes on, as in DuckDB 1.4.4 and in SQLite; or, where an
# error does end the transaction, COMMIT says so. From 2.0 on, errors of the parser and the binder end it too. Further statements fail with
# "Current transaction is aborted", but commit() and COMMIT raise nothing and give no tag, unlike PostgreSQL's ROLLBACK.
# For many queries: a program that goes on after a failed statement and commits believes that its rows are stored.
#
# Output seen; in a transaction: insert, the statement, COMMIT:
#   statement                1.4.4                    2.0.1
#   selec 1                  COMMIT ok, 1 row kept    COMMIT ok, 0 rows kept
#   select nothing           COMMIT ok, 1 row kept    COMMIT ok, 0 rows kept
#   select cast('x' as int)  COMMIT ok, 0 rows kept   COMMIT ok, 0 rows kept
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 1.4.4 2.0.1; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install -q --disable-pip-version-check "duckdb==$version"
done
cd "$folder"

cat >try.py <<'PY'
import duckdb

connection = duckdb.connect()
connection.execute("create table t (a int)")
for statement in ("selec 1", "select nothing", "select cast('x' as int)"):
    connection.execute("begin")
    connection.execute("insert into t values (1)")
    try:
        connection.execute(statement).fetchall()
        raise SystemExit("no error")
    except duckdb.Error:
        pass
    try:
        connection.execute("commit")
        answer = "ok"
    except duckdb.Error:
        answer = "fails"
    ((rows,),) = connection.execute("select count(*) from t").fetchall()
    connection.execute("delete from t")
    print(f"{statement:<24} COMMIT {answer}, {rows} row{'' if rows == 1 else 's'} kept")
PY
old=$(1.4.4/bin/python try.py)
new=$(2.0.1/bin/python try.py)
printf '1.4.4\n%s\n2.0.1\n%s\n' "$old" "$new"
[ "$old" = "selec 1                  COMMIT ok, 1 row kept
select nothing           COMMIT ok, 1 row kept
select cast('x' as int)  COMMIT ok, 0 rows kept" ]
[ "$new" = "selec 1                  COMMIT ok, 0 rows kept
select nothing           COMMIT ok, 0 rows kept
select cast('x' as int)  COMMIT ok, 0 rows kept" ]
