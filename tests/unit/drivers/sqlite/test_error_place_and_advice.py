"""How SQLite's messages are read."""

from __future__ import annotations

import pytest

from bulkq.drivers.sqlite import error_place_and_advice


@pytest.mark.parametrize(
    ("message", "text", "at"),
    [
        ('near "form": syntax error', "select * form t", 9),
        ("no such column: t.nam", "select t.nam from t", 7),
        ("no such column: nam", "select nam, nam from t", None),
        ("no such table: main.nope", "select 1 from nope", 14),
        ("no such function: f", "select if, f(1)", 11),
        ("table t has no column named z", "insert into t(z) values (1)", 14),
        ("wrong number of arguments to function abs()", "select abs()", 7),
        ('unrecognized token: "#"', "select #", 7),
        ("incomplete input", "select", 6),
        ("something else", "select", None),
    ],
)
def test_the_place_of_a_mistake(message: str, text: str, at: int | None) -> None:
    """The word that SQLite names is pointed at where it stands in the text once."""
    assert error_place_and_advice.find_culprit(message, text) == at
