"""Statements with values as literals."""

from __future__ import annotations

import pytest

from bulkq.dialects import dialect_for
from bulkq.lifecycle.literal_statement import is_explained, write_literals
from bulkq.query import inline

UPDATE = "update t set v = :v where id > :lo::bigint and name = :v"


@pytest.mark.parametrize(
    ("values", "v", "lo"),
    [(("it's", "5"), "E'it''s'", "E'5'"), ((None, "5"), "NULL", "E'5'"), ((), "NULL", "NULL")],
)
def test_values_are_literals(values: tuple[str | None, ...], v: str, lo: str) -> None:
    """Quoted, in every place of their name, with the type that the statement gives; without values all are NULL."""
    query = inline(UPDATE, "postgresql")
    text = write_literals(query, values, dialect_for("postgresql"))
    assert text == f"update t set v = {v} where id > {lo}::bigint and name = {v}"


@pytest.mark.parametrize(
    ("text", "known"), [(UPDATE, True), ("call f(:v)", False), ("-- @param v ident\nselect :{v} from t", False)]
)
def test_what_databases_explain(text: str, known: bool) -> None:
    """Statements that change or read rows, without placeholders for names."""
    assert is_explained(inline(text, "postgresql")) is known
