"""Simple statements are understood as the parser understands them; the others are left to it."""

from __future__ import annotations

import pytest
from sqlglot.dialects.dialect import Dialect

from bulkq.query import inline, simple_comparisons
from bulkq.query.comparison_operands import _all_parsed, _all_simple, _tree, find_tables

FORMS = (
    "select a, {} from t where b = :p",
    "select a from {} where b = :p and {} > :q",
    "update {} set a = :a, {} = :c where b = :p",
    "delete from t where a = :a and {} <> :p",
    "insert into {} (a, {}) values (:a, :b)",
)


def same(sql: str, columns: dict[str, dict[str, bool]]) -> bool | None:
    """Whether both ways give the same; None if the statement is not simple."""
    query = inline(sql, "sqlite")
    simple = simple_comparisons.find_simple_comparisons(query)
    if simple is None:
        return None
    parsed, found = _all_parsed(query, columns), _all_simple(simple, columns)
    kinds = [{name: [kind for kind, _ in met] for name, met in one.items()} for one in (parsed, found)]
    return kinds[0] == kinds[1] and find_tables(query) == {simple.table}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "columns", [{}, {"t": {"a": True, "b": False, "x": False}}, {"x": {"b": False, "c": True}}], ids=str
)
def test_both_ways_agree(form: str, columns: dict[str, dict[str, bool]]) -> None:
    """Whatever is known of the columns."""
    assert same(form.format("x", "c"), columns)
    assert same(form.format("X", "B_2").upper().replace(":", "\n :"), columns)


@pytest.mark.parametrize("form", FORMS)
def test_words_that_the_parser_takes_for_something_else(form: str) -> None:
    """They are not simple; all its other words are names there."""
    words = {word for word in Dialect.get_or_raise("sqlite").tokenizer_class.KEYWORDS if word.isidentifier()}
    assert [word for word in words - simple_comparisons.KEYWORDS if same(form.format(word, word), {}) is not True] == []
    assert [
        word
        for word in simple_comparisons.KEYWORDS
        if simple_comparisons.find_simple_comparisons(inline(form.format(word, word)))
    ] == []


@pytest.mark.parametrize(
    "sql",
    [
        "select max(a) from t where a = :a",
        "select a x from t where a = :a",
        "select a from t where a = :a or b = :b",
        "select a from t where a = :a and b = :a",
        "select a from t where a in (:a*)",
        "select a from t, u where a = :a",
        "select a from t where a = :a limit :n",
        "select a from t where a + 1 = :a",
        "update t set a = a + :a where b = :b",
    ],
)
def test_other_statements_are_parsed(sql: str) -> None:
    """Expressions, aliases, several tables, a parameter twice."""
    query = inline(sql, "sqlite")
    assert simple_comparisons.find_simple_comparisons(query) is None
    assert _tree(query) is not None
