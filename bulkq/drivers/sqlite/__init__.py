"""SQLite through Python's own library: aiosqlite, and threads where it is not installed."""
