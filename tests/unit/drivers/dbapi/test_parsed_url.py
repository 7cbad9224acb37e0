"""The classes of a library, by PEP 249's names."""

from __future__ import annotations

from types import SimpleNamespace

from bulkq.drivers.dbapi import sqlalchemy_urls
from bulkq.drivers.dbapi.parsed_url import ParsedUrl


def test_classes_are_those_of_the_module_and_of_what_it_wraps() -> None:
    """Whichever of the names are there."""
    known = sqlalchemy_urls.ask_sqlalchemy("sqlite:///x")
    inner = SimpleNamespace(Connection=1, Cursor=2)
    wrapped = SimpleNamespace(connection=3, driver=inner)
    found = ParsedUrl("", known.url, known.dialect, is_async=False, adapter=known.adapter, module=wrapped)
    assert set(found.classes()) == {1, 2, 3}
