"""Which file a URL of SQLite names."""

from __future__ import annotations

import pytest

from bulkq.drivers.sqlite.aiosqlite import open as open_sqlite
from bulkq.drivers.sqlite.driver import file_of
from bulkq.errors import UsageError


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///shop.db", "shop.db"),
        ("sqlite:////var/lib/shop.db", "/var/lib/shop.db"),
        ("sqlite:///my%20shop%3F.db", "my shop?.db"),
        ("sqlite:///a/b%23c.db", "a/b#c.db"),
        ("sqlite:///a/b#c.db", "a/b#c.db"),
    ],
)
def test_url_names_a_file(url: str, path: str) -> None:
    """Three slashes are relative, four absolute, and the rest is percent-encoded."""
    assert str(file_of(url)) == path
    assert open_sqlite(url, application_name="x", read_only=True).target == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:", "names no file"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite://:memory:", "in memory"),
        ("sqlite://shop.db", "sqlite:///shop.db"),
        ("sqlite:shop.db", "sqlite:///shop.db"),
        ("sqlite://host/shop.db", "three slashes"),
        ("sqlite:///shop%00.db", "null character"),
    ],
)
def test_url_without_a_file_is_a_usage_error(url: str, words: str) -> None:
    """What cannot be a file is refused before anything is opened, with the way to write it."""
    with pytest.raises(UsageError, match=words):
        file_of(url)
