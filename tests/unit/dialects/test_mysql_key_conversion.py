"""Key columns of MySQL as text. What a server makes of it is in `tests/integration/test_key_cutter.py`."""

from __future__ import annotations

import pytest

from bulkq.dialects.mysql_key_conversion import KEYS
from bulkq.model.key_range import KeyColumn, TableKey


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (KeyColumn("a", "INT(11)"), "CAST(a AS CHAR)", "CAST(:x AS SIGNED)"),
        (KeyColumn("a", "bigint(20) unsigned"), "CAST(a AS CHAR)", "CAST(:x AS UNSIGNED)"),
        (KeyColumn("a", "decimal"), "CAST(a AS CHAR)", "CAST(:x AS DECIMAL(65,30))"),
        (KeyColumn("a", "decimal(65,0)"), "CAST(a AS CHAR)", "CAST(:x AS DECIMAL(65,0))"),
        (KeyColumn("a", "float"), "CAST(a + 0e0 AS CHAR)", "CAST(:x AS DOUBLE)"),
        (KeyColumn("a", "enum('b','a')"), "CAST(a + 0 AS CHAR)", "CAST(:x AS UNSIGNED)"),
        (KeyColumn("a", "varbinary(9)", "binary"), "HEX(a)", "UNHEX(:x)"),
        (
            KeyColumn("a", "varchar", "latin1_bin"),
            "CONVERT(a USING utf8mb4)",
            "CONVERT(:x USING latin1) COLLATE latin1_bin",
        ),
        (KeyColumn("a", "varchar"), "CONVERT(a USING utf8mb4)", ":x"),
        (KeyColumn("a", "geometry"), "CAST(a AS CHAR)", ":x"),
        (KeyColumn("a", ""), "CAST(a AS CHAR)", ":x"),
    ],
)
def test_text_and_value_have_the_type_of_the_column(column: KeyColumn, text: str, value: str) -> None:
    """Otherwise digits or bytes are lost, or the index is not used."""
    key = TableKey("t", (column,))
    assert (KEYS.text("a", column), KEYS.value(":x", column)) == (text, value)
    assert (KEYS.ordered(":x", column, key), KEYS.reference("u.a", column)) == (value, "u.a")


def test_the_index_of_the_key_is_named() -> None:
    """If it has a name."""
    assert KEYS.table(TableKey("`s`.`t`", (), "PRIMARY")) == "`s`.`t` FORCE INDEX (`PRIMARY`)"
    assert KEYS.table(TableKey("`t`", ())) == "`t`"


def test_uuids_that_are_not_in_one_order() -> None:
    """Every uuid column of a key is looked at; a key without one needs no question."""
    assert KEYS.misplaced(TableKey("t", (KeyColumn("a", "int"),))) == ""
    query = KEYS.misplaced(TableKey("t", (KeyColumn("a", "uuid"), KeyColumn("b", "int"), KeyColumn("c`", "uuid"))))
    assert query.startswith(
        "SELECT CONCAT_WS(', ', CAST(`a` AS CHAR), CAST(`c``` AS CHAR)) FROM t WHERE CAST(`a` AS CHAR) NOT REGEXP '"
    )
    assert " OR CAST(`c``` AS CHAR) NOT REGEXP '" in query
