#!/usr/bin/env bash
# datacompy: matches() is true for 9007199254740993 and 9007199254740992, and for decimals of 20 digits, though abs_tol and rel_tol are 0.
#
# datacompy 1.1.0, pandas 3.0.6, polars 1.44.2, Python 3.11. A good guess: with both tolerances at 0, their default, integers and decimals are compared as they
# are, and a text is no date. It takes every number through a double, also two int64 columns without a NULL, so long keys, amounts and numerics of
# PostgreSQL are "equal" behind the 16th digit. PandasCompare joins by such keys too, and a text that reads as the other side's timestamp is equal to
# it: 01/02/2026 is 2 January. PolarsCompare differs in these two.
# For comparing databases: compare texts (cast on the server), and count rows first.
#
# Output seen:
#   values                                                pandas   polars
#   bigint 9007199254740993 and 9007199254740992          True     True
#   bigint 3 and 2                                        False    False
#   decimal ...567.891 and ...567.892                     True     True
#   text 01/02/2026 and timestamp 2026-01-02              True     False
#   text 007 and integer 7                                False    False
#   keys 9007199254740993 and float 9007199254740992      True     SchemaError
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'datacompy==1.1.0' 'pandas==3.0.6' 'polars==1.44.2'
cd "$folder"
cat >compare.py <<'PY'
import logging
import warnings
from datetime import datetime
from decimal import Decimal

import datacompy
import pandas
import polars

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)


def look(title, one, other, key=(1, 1)):
    answers = []
    for frame, compare in (pandas.DataFrame, datacompy.PandasCompare), (polars.DataFrame, datacompy.PolarsCompare):
        try:
            answers.append(str(compare(frame({"id": [key[0]], "v": [one]}), frame({"id": [key[1]], "v": [other]}), join_columns="id").matches()))
        except Exception as error:
            answers.append(type(error).__name__)
    print(f"{title:54}{answers[0]:9}{answers[1]}")


look("bigint 9007199254740993 and 9007199254740992", 9007199254740993, 9007199254740992)
look("bigint 3 and 2", 3, 2)
look("decimal ...567.891 and ...567.892", Decimal("12345678901234567.891"), Decimal("12345678901234567.892"))
look("text 01/02/2026 and timestamp 2026-01-02", "01/02/2026", datetime(2026, 1, 2))
look("text 007 and integer 7", "007", 7)
look("keys 9007199254740993 and float 9007199254740992", 1, 1, (9007199254740993, 9007199254740992.0))
PY
venv/bin/python compare.py | tee seen
diff - seen <<'TEXT'
bigint 9007199254740993 and 9007199254740992          True     True
bigint 3 and 2                                        False    False
decimal ...567.891 and ...567.892                     True     True
text 01/02/2026 and timestamp 2026-01-02              True     False
text 007 and integer 7                                False    False
keys 9007199254740993 and float 9007199254740992      True     SchemaError
TEXT
