#!/usr/bin/env bash
# dbt: an incremental model inserts a row again in every run if a part of its unique_key is NULL: 4 rows after three runs of 2. `dbt test` (unique) passes.
#
# dbt-core 1.11.16, dbt-postgres 1.11.0 on PostgreSQL 15.x (Debian 12), dbt-duckdb 1.11.1 on DuckDB 2.0.1. A good guess: unique_key makes the run
# idempotent, NULL is one value of the key as in GROUP BY, and the test `unique` of that column guards it. The rows to replace are found with `=` (or
# `in`), which NULL never meets, so nothing is deleted and the row is inserted once more; sums grow with each run, exit 0. The test counts only rows whose
# value is not NULL. A key of two columns of which one is NULL does the same. `dbt test --select` of a name that does not exist passes too, with exit 0.
# For loads that are run again: coalesce() the key in the model, and test not_null beside unique.
#
# Output seen, a model of the rows (eu, 10) and (NULL, 5):
#   postgres  rows after run 1, 2, 3        2 3 4
#   postgres  sum after run 1, 2, 3         15 20 25
#   postgres  the same, key of 2 columns    2 3 4
#   postgres  unique test                   pass
#   postgres  test --select nosuch          success 0
#   duckdb    rows after run 1, 2, 3        2 3 4
#   duckdb    sum after run 1, 2, 3         15 20 25
#   duckdb    the same, key of 2 columns    2 3 4
#   duckdb    unique test                   pass
#   duckdb    test --select nosuch          success 0
# Exits with 1 if one of these changes. The server listens on a unix socket in a temporary folder only.
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
[ -x "$bin/initdb" ] || { echo "needs Debian's postgresql-15"; exit 2; }
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'dbt-core==1.11.16' 'dbt-postgres==1.11.0' 'dbt-duckdb==1.11.1' 'duckdb==2.0.1'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start >/dev/null
mkdir models
cat >dbt_project.yml <<'YAML'
name: shop
version: "1.0.0"
profile: shop
flags: {send_anonymous_usage_stats: false}
YAML
cat >profiles.yml <<YAML
shop:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: "$folder/shop.duckdb"}
    postgres: {type: postgres, host: "$folder", port: 5432, user: postgres, password: x, dbname: postgres, schema: public, threads: 1}
YAML
cat >models/one.sql <<'SQL'
{{ config(materialized='incremental', unique_key='region') }}
select 'eu' as region, 10 as amount union all select cast(null as text), 5
SQL
cat >models/two.sql <<'SQL'
{{ config(materialized='incremental', unique_key=['region', 'day']) }}
select 'eu' as region, 1 as day, 10 as amount union all select cast(null as text), 1, 5
SQL
cat >models/schema.yml <<'YAML'
models:
  - name: one
    columns: [{name: region, data_tests: [unique]}]
YAML
cat >runs.py <<'PY'
import os

import duckdb
import psycopg2
from dbt.cli.main import dbtRunner


def ask(target, query):
    if target == "duckdb":
        with duckdb.connect("shop.duckdb") as connection:
            return connection.execute(query).fetchone()
    connection = psycopg2.connect(host=os.getcwd(), user="postgres", dbname="postgres")
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    connection.close()
    return row


dbt = dbtRunner()
for target in "postgres", "duckdb":
    seen = []
    for _ in range(3):
        assert dbt.invoke(["-q", "run", "-t", target]).success
        seen.append((*ask(target, "select count(*), sum(amount) from one"), *ask(target, "select count(*) from two")))
    for title, numbers in zip(("rows after run 1, 2, 3", "sum after run 1, 2, 3", "the same, key of 2 columns"), zip(*seen)):
        print(f"{target:10}{title:29}", *numbers)
    print(f"{target:10}{'unique test':29}", *(str(each.status) for each in dbt.invoke(["-q", "test", "-t", target]).result))
    answer = dbt.invoke(["-q", "test", "-t", target, "--select", "nosuch"])
    print(f"{target:10}{'test --select nosuch':29}", "success" if answer.success else "failure", len(list(answer.result)))
PY
venv/bin/python runs.py 2>errors | tee seen
diff - seen <<'TEXT'
postgres  rows after run 1, 2, 3        2 3 4
postgres  sum after run 1, 2, 3         15 20 25
postgres  the same, key of 2 columns    2 3 4
postgres  unique test                   pass
postgres  test --select nosuch          success 0
duckdb    rows after run 1, 2, 3        2 3 4
duckdb    sum after run 1, 2, 3         15 20 25
duckdb    the same, key of 2 columns    2 3 4
duckdb    unique test                   pass
duckdb    test --select nosuch          success 0
TEXT
