"""How much of a database file SQLite keeps in memory."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bulkq.drivers.sqlite.page_cache import DEFAULT_BYTES, LARGEST_FILE_BYTES, choose_cache_pragmas
from bulkq.drivers.sqlite.transaction import Handle
from bulkq.drivers.sqlite.url_options import SqliteOptions

if TYPE_CHECKING:
    from pathlib import Path


def test_only_a_file_between_the_default_and_the_limit_is_kept() -> None:
    """A small file fits in SQLite's own cache, and of a large one most pages would be read again."""
    assert choose_cache_pragmas(0) == choose_cache_pragmas(DEFAULT_BYTES) == ()
    assert choose_cache_pragmas(LARGEST_FILE_BYTES + 1) == ()
    assert choose_cache_pragmas(4_096_000) == ("PRAGMA cache_size = -5000",)


def test_a_connection_keeps_its_file_and_the_url_has_the_last_word(tmp_path: Path) -> None:
    """The cache is as large as the file, unless the URL says otherwise."""
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as made:
        made.execute("create table t as select zeroblob(2500000) as b")
    made.close()
    kib = path.stat().st_size * 5 // 4 // 1024
    for options, expected in ((SqliteOptions(), -kib), (SqliteOptions(("PRAGMA cache_size = 7",)), 7)):
        opened = Handle(path, read_only=True, options=options).open()
        assert opened.execute("PRAGMA cache_size").fetchone() == (expected,)
        opened.close()
