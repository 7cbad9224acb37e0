"""The results of a run of checks in one book."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bulkq.model import Query
from bulkq.model.check_conditions import CheckRules, Condition, Measure
from bulkq.tasks.check.build_results import blank
from bulkq.tasks.check.result_book import Book, CheckPlace

PLACE = CheckPlace(3, "q.sql:q", Query("q", "select 1"), CheckRules(), "t", None, 10)


def test_a_later_result_of_a_set_replaces_the_earlier_one() -> None:
    """A result stands at the place of its check and the number of its set."""
    book = Book(started_s=0.0, today=date(2026, 11, 22))
    book.put(PLACE, 1, blank(PLACE), "digest")
    book.put(PLACE, 1, replace(blank(PLACE), message="later"), "digest")
    book.put(PLACE, 2, blank(PLACE))
    assert {key: (result.message, digest) for key, (result, digest) in book.results.items()} == {
        (3, 1): ("later", "digest"),
        (3, 2): ("not run", ""),
    }


def test_a_check_is_compared_if_a_condition_says_so() -> None:
    """`@expect same as NAME` needs the answer of another query."""
    same = Condition("same as other", Measure.SAME, other="other")
    assert not PLACE.compared
    assert replace(PLACE, rules=CheckRules(expect=(same,))).compared
