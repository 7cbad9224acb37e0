"""The corpus: what is a placeholder, and what a statement does, in four dialects."""

from __future__ import annotations

import pytest

from bulkq.query import render
from tests.support.corpus import CORPUS, Case, spelled


@pytest.mark.parametrize("case", CORPUS, ids=lambda c: f"{c.dialect}: {c.sql[:60]!a}")
def test_placeholders_and_class(case: Case) -> None:
    """Each statement has exactly the placeholders and the class that the corpus says, and keeps its text."""
    query = case.query()
    assert " ".join(spelled(p) for p in query.placeholders) == case.found
    assert query.statement is case.statement
    assert query.sql == case.sql.rstrip(";").removesuffix(" --").removesuffix(" /***/")


def test_corpus_is_large_enough() -> None:
    """At least 150 statements, and no statement twice."""
    assert len({(c.dialect, c.sql) for c in CORPUS}) == len(CORPUS) >= 150


def test_text_outside_placeholders_is_kept() -> None:
    """Rendering every placeholder as it was written gives the author's text, but for the backslashes of escapes."""
    for case in CORPUS:
        query = case.query()
        text = render(query, lambda p, sql=query.sql: sql[p.start : p.end]).text
        assert text == "".join(c for i, c in enumerate(query.sql) if i not in query.escapes)
