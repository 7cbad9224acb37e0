"""Parameters as `$n`, and what the server says about them."""

from __future__ import annotations

import asyncpg
import pytest

from bulkq.drivers.asyncpg.numbered_query_text import NumberedText, author_names
from bulkq.errors import DatabaseError
from bulkq.query import inline


class OpenSession:
    """A session that is not closed."""

    def is_closed(self) -> bool:
        """Return False."""
        return False


def test_a_parameter_has_one_number() -> None:
    """It is numbered where it first stands; a name of the catalog stands for itself."""
    text = NumberedText(inline("-- @param t ident\nselect :a, :b, :a from :{t}"), {"t": '"T"'})
    assert text.rendered.text.endswith('select $1, $2, $1 from "T"')
    assert text.numbers == {"a": 1, "b": 2}


def test_an_error_has_the_name_of_the_author() -> None:
    """The server knows only the number of a parameter; without a type, the hint says how to declare one."""
    error = asyncpg.PostgresError("could not determine data type of parameter $1")
    error.sqlstate = "42P18"
    error.position = "8"
    text = NumberedText(inline("select :name"), {})
    with pytest.raises(DatabaseError, match=r"parameter :name$") as caught, author_names(OpenSession(), text):
        raise error
    assert caught.value.offset == 7
    assert "declare its type" in str(caught.value.hint)


def test_a_lost_session_is_not_the_text() -> None:
    """An administrator who ends the session says nothing about the text."""
    error = asyncpg.PostgresError("terminating connection")
    error.sqlstate = "57P01"
    with pytest.raises(asyncpg.PostgresError), author_names(OpenSession(), NumberedText(inline("select 1"), {})):
        raise error
