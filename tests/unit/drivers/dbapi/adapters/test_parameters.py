"""Placeholders and values of DB-API libraries."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import make_url

from bulkq.drivers.dbapi.adapters.parameters import convert, doubles_percent, style_of, unfit


@pytest.mark.parametrize(
    ("scheme", "doubles"), [("mysql+pymysql", True), ("postgresql+psycopg2", True), ("mysql+mysqlconnector", False)]
)
def test_doubled_percent_signs(scheme: str, *, doubles: bool) -> None:
    """SQLAlchemy says which library leaves them."""
    assert doubles_percent(make_url(f"{scheme}://h/d").get_dialect()()) is doubles


@pytest.mark.parametrize(
    ("paramstyle", "marks", "percent"),
    [("qmark", ["?", "?"], False), ("format", ["%s", "%s"], True), ("numeric_dollar", ["$1", "$2"], False)],
)
def test_marks(paramstyle: str, marks: list[str], *, percent: bool) -> None:
    """By PEP 249's name, and SQLAlchemy's of PostgreSQL's own marks."""
    style = style_of(paramstyle, lambda value: value, "", text=False)
    assert (style.marks(2), style.percent) == (marks, percent)


def test_bytes_inside_a_list_have_no_text() -> None:
    """They are refused, and nothing is written for them; other values in a list are text."""
    assert unfit(convert([b"a"])) == "holds bytes inside a list or an object, which the database library does not take"
    assert unfit(convert({"a": [bytearray(b"b")]})) is not None
    assert convert([1, "é", None]) == '[1, "é", null]'
