"""Which columns have an affinity, so that SQLite converts a value beside them.

https://sqlite.org/datatype3.html#determination_of_column_affinity
"""

from __future__ import annotations

import re

from bulkq.text.late_pattern import compile_late

AFFINITIES = """
SELECT x.name, x.type, (SELECT m.sql FROM sqlite_master AS m WHERE m.name = :name COLLATE NOCASE AND m.type = 'table')
FROM pragma_table_xinfo(:name) AS x WHERE x.hidden <> 1
"""
"""Name, declared type and the table's statement for each column of a table, a view or a table function.

Hidden columns of virtual tables (1) are arguments, not data. Generated columns (2, 3) are data.
https://sqlite.org/pragma.html#pragma_table_xinfo
"""

WORDS = compile_late("INT|CHAR|CLOB|TEXT|BLOB|REAL|FLOA|DOUB")
"""What SQLite looks for in a declared type; BLOB counts only where INT, CHAR, CLOB and TEXT are not found."""

STRICT = compile_late(r"\)[^)]*\bSTRICT\b[^)]*$", re.IGNORECASE)
"""At the end of CREATE TABLE: there `any` is a type without an affinity, elsewhere it is NUMERIC."""


def has_affinity(declared: str, table: str) -> bool:
    """Whether a column has one.

    Args:
        declared: its type, "" where there is none.
        table: the statement that made its table; "" of anything else.
    """
    kind = declared.upper()
    found = WORDS.findall(kind)
    if not kind or (kind == "ANY" and STRICT.search(table)):
        return False
    return "BLOB" not in found or any(word in found for word in ("INT", "CHAR", "CLOB", "TEXT"))
