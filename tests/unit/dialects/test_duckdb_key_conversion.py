"""Key columns of DuckDB as text. What the database makes of it is in `tests/integration/test_key_cutter.py`."""

from __future__ import annotations

from bulkq.dialects.duckdb_key_conversion import KEYS
from bulkq.model.key_range import KeyColumn, TableKey

NUMBER, TEXT = KeyColumn("a", "DECIMAL(20,5)"), KeyColumn("a", "VARCHAR")


def test_values_have_the_type_of_the_column() -> None:
    """With its length, which a decimal needs."""
    assert KEYS.text("a", NUMBER) == "CAST(a AS VARCHAR)"
    assert KEYS.value(":x", NUMBER) == "CAST(:x AS DECIMAL(20,5))"


def test_texts_are_compared_by_their_bytes() -> None:
    """Under a collation, texts that a unique index tells apart may be equal, and a range would skip one of them."""
    assert KEYS.reference("u.a", TEXT) == "u.a COLLATE C"
    assert KEYS.reference("u.a", NUMBER) == "u.a"
    assert KEYS.ordered("u1", TEXT, TableKey("t", (TEXT,))) == "CAST(u1 AS VARCHAR) COLLATE C"
