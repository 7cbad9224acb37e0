"""By which columns a table is cut, and the statement that is made for it."""

from __future__ import annotations

import pytest

from bulkq.errors import RefusedError, UsageError
from bulkq.lifecycle.backfill.prepare import _expanded, _stable, _statement
from bulkq.model.key_range import KeyColumn, RangeForm, TableFacts, TableKey
from bulkq.model.run import BackfillOptions
from bulkq.query import inline

COLUMNS = (KeyColumn("a", "integer"), KeyColumn("b", "integer"))
FACTS = TableFacts(TableKey('"public"."T"', COLUMNS), {"a": "integer", "b": "integer", "n": "integer"})
SET_B = BackfillOptions(over="T", assignments=("b = 2",))
QUERY = inline('update "T" set b = 2 where :range', "postgresql")


def test_columns_that_change_are_left_out_of_the_key() -> None:
    """A notice says so, for options and for written statements."""
    for options in (SET_B, BackfillOptions(over="T")):
        found = _stable(options, QUERY, FACTS, "postgresql")
        assert found.key.columns == COLUMNS[:1]
        assert found.notices == ("the statement changes columns of the key, so ranges are cut by (a) alone",)
    assert _stable(BackfillOptions(over="T", assignments=("n = 2",)), QUERY, FACTS, "postgresql") is FACTS


def test_a_row_that_has_to_be_found_again_keeps_its_key() -> None:
    """Its images and the rows of a function are found by the whole key."""
    capture = BackfillOptions(over="T", assignments=("b = 2",), capture=True)
    with pytest.raises(RefusedError, match='changes "b" of the key, by which --capture finds rows again'):
        _stable(capture, QUERY, FACTS, "postgresql")
    with pytest.raises(RefusedError, match="--select"):
        _stable(BackfillOptions(over="T", select="select 1"), QUERY, FACTS, "postgresql")
    with pytest.raises(UsageError, match='"a" is in the key'):
        _stable(BackfillOptions(over="T", assignments=("a = 2",)), QUERY, FACTS, "postgresql")


def test_statements_have_the_name_of_the_catalog() -> None:
    """And the condition of the form at the place of the range."""
    made = _statement(SET_B, QUERY, FACTS, "postgresql")
    assert made.sql == 'UPDATE "public"."T" SET b = 2 WHERE :range'
    delete = BackfillOptions(over="T", delete=True, where="n is null")
    assert _statement(delete, QUERY, FACTS, "postgresql").sql == (
        'DELETE FROM "public"."T" WHERE :range AND (n is null)'
    )
    assert _statement(BackfillOptions(over="T"), QUERY, FACTS, "postgresql").sql == QUERY.sql
    form = RangeForm(1, lower=True, upper=False)
    found = _expanded(made, FACTS.key, "postgresql", form)
    assert [parameter.name for parameter in found.parameters] == ["bulkq_1", "bulkq_lo"]
