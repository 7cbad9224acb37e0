"""Values of secret parameters are taken out of messages."""

from __future__ import annotations

import pytest

from bulkq.policy.mask_values import hidden_names, without_secrets
from bulkq.query import inline

QUERY = inline("-- name: q(token: text, id: text)\n-- @param token text secret\nselect :token, :id")


@pytest.mark.parametrize(
    ("value", "message", "shown"),
    [
        ("hunter2", "Duplicate entry 'hunter2' for key 'k'", "Duplicate entry '***' for key 'k'"),
        ("Hunter2", 'relation "hunter2" does not exist', 'relation "***" does not exist'),
        ("o'b\\c", "near 'o''b\\\\c'", "near '***'"),
        ("s" * 40, f"value: '{'s' * 30}' for column", "value: '***' for column"),
        ("abcdefghijklmnopqrst", "abcdefghijklmnopqrst, and", "***, and"),
        (12345, "12345 is out of range", "*** is out of range"),
        ("", "nothing", "nothing"),
        (None, "None of it", "None of it"),
    ],
)
def test_a_secret_is_hidden(value: object, message: str, shown: str) -> None:
    """In any case, with doubled quotes, and where the server cut it; the public value stays."""
    assert without_secrets(f"{message} (7)", QUERY, [(value, "7")]) == f"{shown} (7)"


def test_sets_without_values() -> None:
    """A batch without values, and a query without secrets, leave the message as it is."""
    assert without_secrets("a b", QUERY, [()]) == "a b"
    assert without_secrets("a b", inline("select :a"), [("a",)]) == "a b"


def test_names_that_no_plan_shows() -> None:
    """Secret parameters and masked columns, in any case."""
    assert hidden_names(QUERY) == {"token"}
    assert hidden_names(inline("-- @mask Email, n\n-- @mask other\nselect :a")) == {"email", "n", "other"}
