"""Values of any type in SQLite become text that leads back to them."""

from __future__ import annotations

import math
import sqlite3

import pytest

from bulkq.dialects.sqlite_key_conversion import KEYS
from bulkq.model.key_range import KeyColumn, TableKey

ANY = KeyColumn("a", "TEXT", "NOCASE")
BLOB = KeyColumn("a", "")
HAS_UNHEX = sqlite3.sqlite_version_info >= (3, 41)


@pytest.mark.parametrize("value", [0, -(2**63), 1.5, -0.1, 1e300, math.inf, -math.inf, "", "i:5", "it's", "ä"])
def test_values_return(value: object) -> None:
    """With their type."""
    with sqlite3.connect(":memory:") as connection:
        (text,) = connection.execute(f"SELECT {KEYS.text(':v', ANY)}", {"v": value}).fetchone()
        (found,) = connection.execute(f"SELECT {KEYS.value(':v', ANY)}", {"v": text}).fetchone()
    assert isinstance(text, str)
    assert (type(found), found) == (type(value), value)


def test_only_columns_for_blobs_need_unhex() -> None:
    """Elsewhere a blob has no text, so a range cannot end there."""
    with sqlite3.connect(":memory:") as connection:
        assert connection.execute(f"SELECT {KEYS.text(':v', ANY)}", {"v": b"\x00'"}).fetchone() == (None,)
        assert connection.execute(f"SELECT {KEYS.text(':v', BLOB)}", {"v": b"\x00'"}).fetchone() == ("b:0027",)
        if HAS_UNHEX:
            found = connection.execute(f"SELECT {KEYS.value(':v', BLOB)}", {"v": "b:0027"}).fetchone()
            assert found == (b"\x00'",)


def test_texts_are_ordered_by_the_collation_of_the_key() -> None:
    """And numbers as numbers."""
    order = KEYS.ordered("u", ANY, TableKey("t", (ANY,)))
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE r (u text)")
        connection.executemany("INSERT INTO r VALUES (?)", [("t:B",), ("t:a",), ("i:10",), ("i:9",)])
        found = connection.execute(f"SELECT u FROM r ORDER BY {order}").fetchall()
    assert [row[0] for row in found] == ["i:9", "i:10", "t:a", "t:B"]
