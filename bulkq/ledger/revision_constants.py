"""The identity and revision of a ledger. Imports nothing, so that reading a revision costs one query."""

from __future__ import annotations

HEAD = "0004"
"""The revision that this program writes; a test holds that it is the last of `migrations/versions`."""

READ_REVISION = "SELECT version_num FROM {schema}alembic_version"

APPLICATION_ID = 0x626C6B71
"""`PRAGMA application_id` of a ledger in SQLite: "blkq"; `file` and others tell formats by it."""

VERSION_TABLE = (
    "CREATE TABLE {schema}alembic_version "
    "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
"""As Alembic makes it."""
