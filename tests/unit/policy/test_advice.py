"""The next step for errors about which the server says nothing."""

from __future__ import annotations

import pytest

from bulkq.policy.advice import advised


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ("VACUUM cannot run inside a transaction block", "25001"),
        ("invalid transaction termination", "2D000"),
        ("cannot VACUUM from within a transaction", None),
    ],
)
def test_a_statement_that_wants_no_transaction(message: str, state: str | None) -> None:
    """The line that sends it outside a transaction is named."""
    assert "-- @transaction off" in (advised(message, state) or "")


def test_bytes_that_are_not_utf8() -> None:
    """The way to read them is named; other encodings, and a NUL, are another matter."""
    advice = advised('invalid byte sequence for encoding "UTF8": 0xe9', "22021")
    assert "convert_to(COLUMN, 'SQL_ASCII')" in (advice or "")
    assert advised('invalid byte sequence for encoding "EUC_JP": 0xe9', "22021") is None


def test_no_advice_where_none_is_known() -> None:
    """Other errors have the server's words alone."""
    assert advised("division by zero", "22012") is None
