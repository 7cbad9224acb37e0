"""The grammar of `--throttle`."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.model import Unit
from bulkq.policy.throttle_expressions import (
    ThrottleExpression,
    current_text,
    limit_text,
    parse_expression,
    path_of,
    quantity_text,
    replica_names,
)


@pytest.mark.parametrize(
    ("text", "signal", "limit", "unit", "argument"),
    [
        ("lag<2s", "lag", 2.0, Unit.SECONDS, ""),
        ("lag < 64 MB", "lag", 64 * 1024**2, Unit.BYTES, ""),
        ("lag(replica-2)<500ms", "lag", 0.5, Unit.SECONDS, "replica-2"),
        ("wal<20MB/s", "wal", 20 * 1024**2, Unit.RATE, ""),
        ("archive<50", "archive", 50.0, Unit.NUMBER, ""),
        ("slot<10GB", "slot", 10 * 1024**3, Unit.BYTES, ""),
        ("slot(cdc)<1.5kB", "slot", 1536.0, Unit.BYTES, "cdc"),
        ("waiters<1", "waiters", 1.0, Unit.NUMBER, ""),
        ("active<50", "active", 50.0, Unit.NUMBER, ""),
        ("oldest_xact<1h", "oldest_xact", 3600.0, Unit.SECONDS, ""),
        ("autovacuum", "autovacuum", None, None, ""),
        ("autovacuum(shop.orders)", "autovacuum", None, None, "shop.orders"),
        ("commit<200ms", "commit", 0.2, Unit.SECONDS, ""),
        ("sql:select 1", "sql", None, None, "select 1"),
        ("sql:wait.sql", "sql", None, None, "wait.sql"),
        ("http:http://host/check?a=b", "http", None, None, "http://host/check?a=b"),
        ("https://host/check", "http", None, None, "https://host/check"),
        ("http://host/check", "http", None, None, "http://host/check"),
        ("file:/run/hold", "file", None, None, "/run/hold"),
    ],
)
def test_expressions(text: str, signal: str, limit: float | None, unit: Unit | None, argument: str) -> None:
    """Each signal has one form, with its limit in bytes, seconds or as a number."""
    assert parse_expression(text) == ThrottleExpression(text, signal, limit, unit, argument)


ALL = (
    "lag<2s, wal<20MB/s, archive<50, slot<10GB, waiters<1, active<50, oldest_xact<1h, autovacuum, commit<200ms, "
    "sql:QUERY, http:URL, file:PATH"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lagg<2s", f'unknown signal "lagg" (did you mean "lag"?): use {ALL}'),
        ("fil:hold", f'unknown signal "fil" (did you mean "file"?): use {ALL}'),
        ("", f'unknown signal "": use {ALL}'),
        ("lag", "the limit is missing: use lag<2s or lag<64MB"),
        ("lag<", "the limit is missing: use lag<2s or lag<64MB"),
        ("lag<2", "the unit is missing: use lag<2s or lag<64MB"),
        ("lag<2parsec", 'unknown unit "parsec": use lag<2s or lag<64MB'),
        ("lag<2MB/m", 'unknown unit "MB/m": use lag<2s or lag<64MB'),
        ("lag<-2s", '"-2s" is not a limit: use lag<2s or lag<64MB'),
        ("lag>2s", "is not valid: use lag<2s or lag<64MB"),
        ("lag()<2s", "the name of a replica is missing in the parentheses"),
        ("lag<0s", "a limit of 0 never lets a batch start: use more than 0"),
        ("wal<20MB", 'wrong unit "MB": use wal<20MB/s'),
        ("archive<50s", 'wrong unit "s": use archive<50'),
        ("waiters(x)<1", "waiters takes no name in parentheses: use waiters<1"),
        ("autovacuum<3", "autovacuum has no limit: use autovacuum or autovacuum(TABLE)"),
        ("sql:", "the query is missing: use sql:QUERY or sql:FILE.sql"),
        ("sql", "the query is missing: use sql:QUERY or sql:FILE.sql"),
        ("file:a\0b", "the path is missing: use file:PATH"),
    ],
)
def test_bad_expressions(text: str, message: str) -> None:
    """An error is one line that quotes the expression and names the form."""
    with pytest.raises(UsageError) as raised:
        parse_expression(text)
    assert str(raised.value).partition('": ')[2] == message
    assert str(raised.value).startswith('--throttle "')


def test_the_option_is_named() -> None:
    """An error names the option that the expression belongs to."""
    with pytest.raises(UsageError, match='^--critical "lag"'):
        parse_expression("lag", "--critical")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, Unit.SECONDS, "0s"),
        (0.2, Unit.SECONDS, "200ms"),
        (2.0, Unit.SECONDS, "2s"),
        (4.13, Unit.SECONDS, "4.1s"),
        (3600.0, Unit.SECONDS, "1h"),
        (75.0, Unit.SECONDS, "1m15s"),
        (12.0, Unit.NUMBER, "12"),
        (100.0, Unit.BYTES, "100 B"),
        (1536.0, Unit.BYTES, "1.5 kB"),
        (64 * 1024.0**2, Unit.BYTES, "64 MB"),
        (20.5 * 1024**2, Unit.RATE, "20 MB/s"),
    ],
)
def test_quantities(value: float, unit: Unit, text: str) -> None:
    """A value has the unit that a person would choose."""
    assert quantity_text(value, unit) == text


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:/run/hold", "/run/hold"),
        ("sql:a/b.sql", "a/b.sql"),
        ("sql:select 'b.sql'", ""),
        ("lag<2s", ""),
        ("http:x", ""),
    ],
)
def test_paths(text: str, path: str) -> None:
    """Files, and queries in files, are named by a path."""
    assert path_of(text) == path


def test_names_of_replicas() -> None:
    """Those of `lag` alone, each once."""
    assert replica_names(["lag(r2)<2s", "lag<2s", "slot(cdc)<1GB", "lag(r2)<64MB", "lag(r1)<2s"]) == ("r2", "r1")


@pytest.mark.parametrize("text", ["lag<2s", "lag<64MB", "wal<20MB/s", "slot<1000B", "archive<50", "waiters<1"])
def test_a_limit_is_written_as_it_is_typed(text: str) -> None:
    """Without a loss."""
    parsed = parse_expression(text)
    assert parsed.limit is not None
    assert parsed.unit is not None
    assert f"{parsed.signal}<{limit_text(parsed.limit, parsed.unit)}" == text


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("commit < 33.33ms", 0.0333, "commit < 33.33ms"),
        ("commit < 20ms", 0.05, "commit<50ms"),
        ("lag(replica-2)<64MB", 128 * 1024**2, "lag(replica-2)<128MB"),
        ("lag<2s", None, "lag<2s"),
        ("sql:select 1<2", None, "sql:select 1<2"),
        ("autovacuum", 1.0, "autovacuum"),
        ("of a newer version<2", 3.0, "of a newer version<2"),
    ],
)
def test_an_expression_has_the_limit_of_now(text: str, limit: float | None, shown: str) -> None:
    """It stays as typed if the limit is the same, as far as a status has it."""
    assert current_text(text, limit) == shown
