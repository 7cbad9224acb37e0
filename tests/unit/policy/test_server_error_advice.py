"""The next step for errors about which the server says nothing."""

from __future__ import annotations

import pytest

from bulkq.policy.server_error_advice import advise_on_error
from bulkq.query import inline

SELECT = inline("select :n from t limit 1")
MARIADB = "You have an error in your SQL syntax; ... near ''1'' at line 1"


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
    assert "-- @transaction off" in (advise_on_error(message, state, SELECT) or "")


def test_bytes_that_are_not_utf8() -> None:
    """The way to read them is named; other encodings, and a NUL, are another matter."""
    advice = advise_on_error('invalid byte sequence for encoding "UTF8": 0xe9', "22021", SELECT)
    assert "convert_to(COLUMN, 'SQL_ASCII')" in (advice or "")
    assert advise_on_error('invalid byte sequence for encoding "EUC_JP": 0xe9', "22021", SELECT) is None


def test_no_advice_where_none_is_known() -> None:
    """Other errors have the server's words alone."""
    assert advise_on_error("division by zero", "22012", SELECT) is None


@pytest.mark.parametrize("sql", ["select 1 limit :n", "select 1 limit 1 offset :n", "select 1 limit 2, :n"])
def test_a_number_behind_limit(sql: str) -> None:
    """MariaDB takes no text there: the type is to be declared."""
    assert 'declare it, "-- name: sql(n: integer)"' in (advise_on_error(MARIADB, "42000", inline(sql)) or "")


def test_other_errors_of_syntax() -> None:
    """Where the type is declared, or the parameter stands elsewhere, it is something else."""
    assert advise_on_error(MARIADB, "42000", inline("-- name: q(n: integer)\nselect 1 limit :n")) is None
    assert advise_on_error(MARIADB, "42000", SELECT) is None
