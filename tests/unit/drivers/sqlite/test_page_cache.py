"""How much of a database file SQLite keeps in memory."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bulkq.drivers.sqlite.page_cache import (
    BUDGET,
    DEFAULT_BYTES,
    LARGEST_FILE_BYTES,
    MANY_SETS,
    PageCacheBudget,
    cache_pragma,
)
from bulkq.drivers.sqlite.transaction import Handle
from bulkq.drivers.sqlite.url_options import SqliteOptions

if TYPE_CHECKING:
    from pathlib import Path


def test_only_a_file_between_the_default_and_the_limit_is_kept() -> None:
    """A small file fits in SQLite's own cache, of a large one most pages would be read again, and all together are bounded."""
    budget = PageCacheBudget(LARGEST_FILE_BYTES + 5_000_000)
    assert [budget.take(size) for size in (0, DEFAULT_BYTES, LARGEST_FILE_BYTES + 1)] == [0, 0, 0]
    assert [budget.take(size) for size in (LARGEST_FILE_BYTES, 4_000_000, 4_000_000)] == [
        LARGEST_FILE_BYTES,
        4_000_000,
        0,
    ]
    budget.give_back(4_000_000)
    assert budget.take(4_000_000) == 4_000_000


def test_a_connection_keeps_its_file_and_the_url_has_the_last_word(tmp_path: Path) -> None:
    """From the first large batch on, unless the URL has a size; a closed connection keeps nothing."""
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as made:
        made.execute("create table t as select zeroblob(2500000) as b")
    made.close()
    size = path.stat().st_size
    before = BUDGET.__dict__["_free_bytes"]
    own = sqlite3.connect(path).execute("PRAGMA cache_size").fetchone()[0]
    for options, kept in (
        (SqliteOptions(), int(cache_pragma(size).split()[-1])),
        (SqliteOptions(("PRAGMA cache_size = 7",)), 7),
    ):
        handle = Handle(path, read_only=True, options=options)
        opened = handle.open()
        for sets, expected in ((MANY_SETS - 1, own if kept < 0 else 7), (MANY_SETS, kept), (MANY_SETS, kept)):
            handle.keep_file(sets)
            assert opened.execute("PRAGMA cache_size").fetchone() == (expected,)
        assert before - BUDGET.__dict__["_free_bytes"] == (size if kept < 0 else 0)
        opened.close()
        handle.forget_file()
        handle.forget_file()
        assert BUDGET.__dict__["_free_bytes"] == before
    handle = Handle(path, read_only=True)
    opened = handle.open()
    path.unlink()
    handle.keep_file(MANY_SETS)
    assert opened.execute("select count(*) from t").fetchone() == (1,)
    opened.close()
