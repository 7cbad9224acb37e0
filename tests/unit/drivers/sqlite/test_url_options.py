"""What stands behind the `?` of an SQLite URL."""

from __future__ import annotations

import pytest

from bulkq.drivers.sqlite.url_options import SqliteOptions, options_of
from bulkq.errors import UsageError


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", SqliteOptions()),
        ("foreign_keys=on", SqliteOptions(("PRAGMA foreign_keys = 1",))),
        (
            "foreign_keys=False&cache_size=-8000",
            SqliteOptions(("PRAGMA foreign_keys = 0", "PRAGMA cache_size = -8000")),
        ),
        ("secure_delete=fast", SqliteOptions(("PRAGMA secure_delete = fast",))),
        (
            "synchronous=OFF&temp_store=memory",
            SqliteOptions(("PRAGMA synchronous = off", "PRAGMA temp_store = memory")),
        ),
        ("mode=ro&immutable=1", SqliteOptions(only_read=True, immutable=True)),
        ("mode=rw&immutable=0", SqliteOptions()),
    ],
)
def test_options(query: str, options: SqliteOptions) -> None:
    """Pragmas of the connection, and how the file is opened."""
    assert options_of("sqlite:///s.db", query) == options


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("foreign_key=on", 'unknown option "foreign_key": did you mean foreign_keys?'),
        ("vfs=unix", 'unknown option "vfs": known are cache_size'),
        ("foreign_keys=maybe", 'foreign_keys takes on or off, not "maybe"'),
        ("foreign_keys", 'foreign_keys takes on or off, not ""'),
        ("secure_delete=x", "secure_delete takes on, off or fast"),
        ("synchronous=1", "synchronous takes off, normal, full or extra"),
        ("cache_size=1;drop table t", "cache_size takes a number"),
        ("mode=rwc", "mode takes ro or rw"),
        ("immutable=x", "immutable takes"),
        ("busy_timeout=5", "use --lock-timeout"),
        ("journal_mode=wal", "changes the file for all its users"),
    ],
)
def test_other_options(query: str, words: str) -> None:
    """What is not known, or takes no such value, is named with what to write."""
    with pytest.raises(UsageError) as refused:
        options_of("sqlite:///s.db", query)
    assert words in str(refused.value)
