#!/usr/bin/env bash
# dlt: of the amounts 10, 2.75 and 3 the sum of the column is 13; in another order it is 15.75. Decimals keep nine digits, texts that look like a time move.
#
# dlt 1.31.0 with DuckDB 2.0.1. A good guess: a column of JSON numbers becomes a number that holds all of them, or the load fails. The first row chooses: 10
# makes a bigint, and later fractions go to a new column `amount__v_double` and are NULL in `amount`; a first 2.75 makes a double, and all go there. Decimal is
# decimal(38,9), to which longer ones are rounded. A text that begins like an ISO time with its first row is a timestamp in UTC, and others
# go to `__v_text`. All rows are there, so that counts agree; no warning, no failed job.
# For loads: round amounts early in a file make sums of all later loads too small. Give `columns=` with data_type and precision, or a schema contract
# (`data_type: freeze`).
#
# Output seen:
#   amounts 10, 2.75, 3                    10 None 3                      sum 13
#   amounts 2.75, 10, 3                    2.75 10.0 3.0                  sum 15.75
#   decimals 0.1234567899, 1               0.123456790 1.000000000
#   texts 2026-01-01T10:00:00+05:00, n/a   2026-01-01 05:00:00+00:00 None
#   columns                                amount amount__v_double moment moment__v_text price
#   with data_type freeze                  PipelineStepFailed
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'dlt==1.31.0' 'duckdb==2.0.1' 'pytz==2026.1.post1'
cd "$folder"
export RUNTIME__DLTHUB_TELEMETRY=false HOME=$folder TZ=UTC

venv/bin/python -W ignore - <<'PY'
from decimal import Decimal

import dlt
from dlt.pipeline.exceptions import PipelineStepFailed

number = 0
columns = set()


def load(values, key, contract=None):
    """Load the values into a table of their own and return those of its column `key`, by id."""
    global number
    number += 1
    line = dlt.pipeline(f"p{number}", destination=dlt.destinations.duckdb(f"d{number}.duckdb"), dataset_name="d", pipelines_dir="state")
    rows = [{"id": place, key: value} for place, value in enumerate(values)]
    info = line.run(rows, table_name="t", schema_contract=contract)
    assert not info.has_failed_jobs
    with line.sql_client() as client:
        columns.update(row[0] for row in client.execute_sql("select column_name from duckdb_columns() where table_name = 't'"))
        return [row[0] for row in client.execute_sql(f"select {key} from t order by id")]


def show(name, found, more=""):
    print(f"{name:<39}{' '.join(str(value) for value in found):<31}{more}".rstrip())


first, second = load([10, 2.75, 3], "amount"), load([2.75, 10, 3], "amount")
decimals = load([Decimal("0.1234567899"), Decimal(1)], "price")
texts = load(["2026-01-01T10:00:00+05:00", "n/a"], "moment")
show("amounts 10, 2.75, 3", first, f"sum {sum(filter(None, first))}")
show("amounts 2.75, 10, 3", second, f"sum {sum(filter(None, second))}")
show("decimals 0.1234567899, 1", decimals)
show("texts 2026-01-01T10:00:00+05:00, n/a", texts)
show("columns", sorted(column for column in columns if not column.startswith("_dlt") and column != "id"))
assert first == [10, None, 3] and second == [2.75, 10.0, 3.0], (first, second)
assert decimals == [Decimal("0.123456790"), Decimal(1)], decimals
assert str(texts[0]) == "2026-01-01 05:00:00+00:00" and texts[1] is None, texts
try:
    load([10, 2.75, 3], "amount", contract={"data_type": "freeze"})
except PipelineStepFailed as error:
    show("with data_type freeze", [type(error).__name__])
else:
    raise SystemExit(1)
PY
