#!/usr/bin/env bash
# pyarrow 26.0.1: array([1.5, None], int32()) is 1 without an error, and cast(safe=True) of a slice of lists fails for items outside the slice.
#
# A good guess: since an integer that is too large, a bool and a text are refused, and since cast(int32()) of a double 1.5 is an error, so
# is a fraction given to array(). And since a slice holds only its own rows, a safe cast of it looks at those rows only.
# For many queries: results of a loosely typed database that become integer columns have to be checked before, and the row with the
# nanoseconds cannot be found by casting slices; take() copies the row and is right.
#
# Output seen:
#   array([1.5, None], int32) = [1, None]
#   array([1.5]).cast(int32): ArrowInvalid
#   slice(0, 1) of [[1000], [2001]] as timestamp[ns]: ArrowInvalid; take([0]): 1 row
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'pyarrow==26.0.1'
"$folder/venv/bin/python" - <<'PY'
import sys

import pyarrow as pa


def attempt(make):
    try:
        return make()
    except pa.ArrowInvalid as error:
        return type(error).__name__


cut = pa.array([1.5, None], pa.int32()).to_pylist()
cast = attempt(lambda: pa.array([1.5]).cast(pa.int32()))
lists = pa.array([[1000], [2001]], pa.list_(pa.timestamp("ns")))
wanted = pa.list_(pa.timestamp("us"))
sliced = attempt(lambda: len(lists.slice(0, 1).cast(wanted)))
taken = attempt(lambda: len(lists.take(pa.array([0])).cast(wanted)))
print("array([1.5, None], int32) =", cut)
print("array([1.5]).cast(int32):", cast)
print(f"slice(0, 1) of [[1000], [2001]] as timestamp[ns]: {sliced}; take([0]): {taken} row")
sys.exit((cut, cast, sliced, taken) != ([1, None], "ArrowInvalid", "ArrowInvalid", 1))
PY
