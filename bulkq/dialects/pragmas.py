"""The pragmas of SQLite that do not only set something: https://sqlite.org/pragma.html ."""

from __future__ import annotations

import re

from bulkq.text.late_pattern import compile_late

CHECKPOINT = compile_late(r"\s*pragma\s+(?:\w+\s*\.\s*)?wal_checkpoint\b", re.IGNORECASE)
"""It cannot run inside a transaction."""

ACTING = frozenset({"incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint"})
"""They act without an argument."""

ANSWERING = frozenset(
    {
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    }
)
"""Their argument is a question. Every other argument is a change."""
