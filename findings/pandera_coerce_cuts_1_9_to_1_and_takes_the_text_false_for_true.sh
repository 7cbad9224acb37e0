#!/usr/bin/env bash
# pandera: `Column(int, coerce=True)` makes 1 of 1.9, and `Column(bool, coerce=True)` True of the text "False". The data are valid, no error.
#
# pandera 0.35.0, pandas 3.1.1, polars 2.1.0, numpy 2.4.6, Python 3.11. A good guess: a validator coerces what keeps its value ("2", 2.0) and reports the rest as
# DATATYPE_COERCION, as it does for the text "1.9", for 300 as int8, and with pandas' own types "Int64" and "boolean". For numpy's types (int, bool,
# "int8") it is astype(): fractions are cut, a float that is too large wraps round, each text that is not empty is True, and so is None beside a number, also
# with nullable=False. Polars cuts fractions as well. Checks run on what was made, so `Check.ge(0)` passes for -0.5, and unique=True is about 1 and 2.
# For data checks in CI: the check is green because the check itself has changed the data. Without coerce=True all of these are refused.
#
# Output seen:
#   int, 1.9 -0.5 with ge(0)       pandas [1, 0]                   polars [1, 0]
#   int, "1.9"                     pandas SchemaErrors             polars SchemaError
#   int, "1_000"                   pandas [1000]                   polars SchemaError
#   int8, 300                      pandas SchemaErrors             polars SchemaError
#   int8, 300.0                    pandas [44]                     polars SchemaError
#   bool, "False" "0"              pandas [True, True]             polars SchemaError
#   bool, None 1.0                 pandas [True, True]             polars SchemaError
#   "Int64", 1.9                   pandas SchemaErrors
#   "boolean", "False"             pandas SchemaErrors
#   refused without coerce         all
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pandera==0.35.0' 'pandas==3.1.1' 'polars==2.1.0' 'numpy==2.4.6'
cd "$folder"

venv/bin/python -W ignore - <<'PY'
import pandas
import pandera.pandas
import pandera.polars
import polars
from pandera.errors import SchemaError, SchemaErrors

ERRORS = (SchemaError, SchemaErrors)


def by_pandas(kind, values, check, coerce=True):
    schema = pandera.pandas.DataFrameSchema({"a": pandera.pandas.Column(kind, check, coerce=coerce, nullable=False)})
    try:
        return schema.validate(pandas.DataFrame({"a": values})).a.tolist()
    except ERRORS as error:
        return type(error).__name__


def by_polars(kind, values, check):
    schema = pandera.polars.DataFrameSchema({"a": pandera.polars.Column(kind, check, coerce=True, nullable=False)})
    try:
        return schema.validate(polars.DataFrame({"a": values}))["a"].to_list()
    except ERRORS as error:
        return type(error).__name__


REFUSED = ("SchemaErrors", "SchemaError")
cases = (
    ("int, 1.9 -0.5 with ge(0)", int, polars.Int64, [1.9, -0.5], ([1, 0], [1, 0])),
    ('int, "1.9"', int, polars.Int64, ["1.9"], REFUSED),
    ('int, "1_000"', int, polars.Int64, ["1_000"], ([1000], "SchemaError")),
    ("int8, 300", "int8", polars.Int8, [300], REFUSED),
    ("int8, 300.0", "int8", polars.Int8, [300.0], ([44], "SchemaError")),
    ('bool, "False" "0"', bool, polars.Boolean, ["False", "0"], ([True, True], "SchemaError")),
    ("bool, None 1.0", bool, polars.Boolean, [None, 1.0], ([True, True], "SchemaError")),
)
changed, refused = [], []
for name, numpy_kind, polars_kind, values, wanted in cases:
    check = "ge(0)" in name
    found = (
        by_pandas(numpy_kind, values, pandera.pandas.Check.ge(0) if check else None),
        by_polars(polars_kind, values, pandera.polars.Check.ge(0) if check else None),
    )
    print(f"{name:29}  pandas {str(found[0]):24} polars {found[1]}")
    changed += [name] if found != wanted else []
    refused.append(by_pandas(numpy_kind, values, None, coerce=False) in REFUSED)
for name, kind, value in (('"Int64", 1.9', "Int64", 1.9), ('"boolean", "False"', "boolean", "False")):
    found = by_pandas(kind, [value], None)
    print(f"{name:29}  pandas {found}")
    changed += [name] if found != "SchemaErrors" else []
print(f"{'refused without coerce':29}  {'all' if all(refused) else refused}")
assert not changed and all(refused), (changed, refused)
PY
