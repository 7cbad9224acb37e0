#!/usr/bin/env bash
# chdb 4.4.0 with chdb-core 26.9.0, Python 3.11: `chdb.ChdbError`, the documented class, is not the class of the errors that are raised.
#
# There are two classes of that name. `chdb.ChdbError` is derived from Exception and is in `chdb.__all__`; the documentation of both says
# `except chdb.ChdbError`. A session raises `chdb._exceptions.ChdbError`, which is derived from RuntimeError, and `chdb.query` raises RuntimeError
# itself. So an error of a query is never caught under the name that the package exports.
#
# Seen:
#   session.query -> chdb._exceptions.ChdbError, a chdb.ChdbError: False
#   chdb.query    -> builtins.RuntimeError, a chdb.ChdbError: False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'chdb==4.4.0' 'chdb-core==26.9.0'
cd "$folder"
venv/bin/python - <<'PY'
import sys

import chdb
from chdb import session


def raised(name, ask):
    try:
        ask("select nosuch", "CSV")
    except Exception as error:
        kind = type(error)
        print(f"{name:13} -> {kind.__module__}.{kind.__qualname__}, a chdb.ChdbError: {isinstance(error, chdb.ChdbError)}")
        return f"{kind.__module__}.{kind.__qualname__}", isinstance(error, chdb.ChdbError)
    return None


found = [raised("session.query", session.Session("database").query), raised("chdb.query", chdb.query)]
sys.exit(0 if found == [("chdb._exceptions.ChdbError", False), ("builtins.RuntimeError", False)] else 1)
PY
