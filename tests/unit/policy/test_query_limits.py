"""Whose word counts: an option that was given, else the query file, else the default."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model.run import LimitOptions
from bulkq.policy.query_limits import QueryLimits, choose_limits
from bulkq.query import inline

PLAIN = inline("select 1", "postgres")
STRICT = replace(PLAIN, timeout_s=1.0, lock_timeout_s=0.5, retries=0, batch=7)


def test_defaults_count_where_the_file_is_silent() -> None:
    """Those of the options."""
    assert choose_limits(LimitOptions(), PLAIN) == QueryLimits(30.0, 2.0, 5, None)
    assert choose_limits(LimitOptions(batch=3), PLAIN).batch == 3


def test_the_file_outranks_a_default() -> None:
    """Each key of its own; `@timeout none` is no limit."""
    assert choose_limits(LimitOptions(), STRICT) == QueryLimits(1.0, 0.5, 0, 7)
    assert choose_limits(LimitOptions(), replace(PLAIN, no_timeout=True)).timeout_s is None


def test_an_option_that_was_given_outranks_the_file() -> None:
    """Also when it says what the default says."""
    given = LimitOptions(timeout_given=True, lock_timeout_given=True, retries_given=True, batch_given=True)
    assert choose_limits(given, STRICT) == QueryLimits(30.0, 2.0, 5, None)
