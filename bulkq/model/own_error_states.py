"""bulkq's own states and codes, beside those of databases: each number means one thing and is never used again.

A state stands where a database's SQLSTATE does: in the ledger, in `--failures` and in reports. The same table is in
docs/reference/exit-codes.md.
"""

from __future__ import annotations

ROWS_UNEXPECTED = "BQ001"
RESULT_TOO_LARGE = "BQ002"
MAP_FAILED = "BQ003"
MARKER_EARLY = "BQ004"
STEP_UNEXPECTED = "BQ005"
ROWS_CHANGED = "BQ006"
UNTYPED_COMPARED = "BQ010"

MEANINGS = {
    ROWS_UNEXPECTED: "the set did not change the number of rows that `--expect-rows` requires",
    RESULT_TOO_LARGE: "the result of a check has more rows than `--max-rows` allows",
    MAP_FAILED: "the function of `--map` failed",
    MARKER_EARLY: "the statement ended the transaction of its batch by itself, so that the marker of its set proves nothing",
    STEP_UNEXPECTED: "a statement of bulkq in the transaction of a batch changed, or gave, another number of rows than it has to",
    ROWS_CHANGED: "rows of a range were changed by other sessions each time that the function of `--map` had computed them",
    UNTYPED_COMPARED: "warning: SQLite compares a parameter without a declared type with an expression, or with a column without affinity",
}
