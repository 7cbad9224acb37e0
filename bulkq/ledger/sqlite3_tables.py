"""The tables of a ledger file, as `bulkq.ledger.schema` makes them: a new file needs no SQLAlchemy; a test holds both equal."""

from __future__ import annotations

from bulkq.ledger.revision_constants import VERSION_TABLE

TABLES = (
    """\
CREATE TABLE checks (
    run VARCHAR(32) NOT NULL,
    place INTEGER NOT NULL,
    checked TEXT NOT NULL,
    target TEXT NOT NULL,
    params VARCHAR(32) NOT NULL,
    at VARCHAR(40) NOT NULL,
    name TEXT NOT NULL,
    file TEXT,
    line INTEGER NOT NULL,
    verdict VARCHAR(8) NOT NULL,
    expected TEXT NOT NULL,
    message TEXT NOT NULL,
    value TEXT,
    rows BIGINT,
    sqlstate VARCHAR(64),
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    tags TEXT NOT NULL,
    began_s FLOAT NOT NULL,
    elapsed_s FLOAT NOT NULL,
    lane INTEGER NOT NULL,
    PRIMARY KEY (run, place)
)""",
    "CREATE INDEX checks_by_name ON checks (checked, at)",
    """\
CREATE TABLE commands (
    run VARCHAR(32) NOT NULL,
    number BIGINT NOT NULL,
    at VARCHAR(40) NOT NULL,
    made_by TEXT NOT NULL,
    request TEXT NOT NULL,
    answer TEXT,
    PRIMARY KEY (run, number)
)""",
    """\
CREATE TABLE done_ranges (
    run VARCHAR(32) NOT NULL,
    part INTEGER NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (run, part, first)
) WITHOUT ROWID""",
    """\
CREATE TABLE events (
    run VARCHAR(32) NOT NULL,
    number BIGINT NOT NULL,
    at VARCHAR(40) NOT NULL,
    kind VARCHAR(32) NOT NULL,
    made_by TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT,
    PRIMARY KEY (run, number)
)""",
    """\
CREATE TABLE failures (
    run VARCHAR(32) NOT NULL,
    part INTEGER NOT NULL,
    n BIGINT NOT NULL,
    source TEXT NOT NULL,
    outcome VARCHAR(16) NOT NULL,
    sqlstate VARCHAR(64),
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (run, part, n)
) WITHOUT ROWID""",
    """\
CREATE TABLE parts (
    run VARCHAR(32) NOT NULL,
    part INTEGER NOT NULL,
    "query" TEXT NOT NULL,
    target TEXT NOT NULL,
    source_n BIGINT,
    source_offset BIGINT,
    source_line BIGINT,
    source_digest TEXT,
    PRIMARY KEY (run, part)
)""",
    """\
CREATE TABLE positions (
    run VARCHAR(32) NOT NULL,
    part INTEGER NOT NULL,
    path TEXT NOT NULL,
    "offset" BIGINT NOT NULL,
    PRIMARY KEY (run, part, path)
)""",
    """\
CREATE TABLE runs (
    run VARCHAR(32) NOT NULL,
    state VARCHAR(16) NOT NULL,
    mode VARCHAR(32) NOT NULL,
    name TEXT NOT NULL,
    targets TEXT NOT NULL,
    request TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    owner TEXT NOT NULL,
    started_at VARCHAR(40) NOT NULL,
    ended_at VARCHAR(40),
    exit_code INTEGER,
    retry_of VARCHAR(32),
    elapsed_s FLOAT NOT NULL,
    ok BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    retried BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    unanswered BIGINT NOT NULL,
    heartbeat_s FLOAT NOT NULL,
    shard VARCHAR(32),
    "group" TEXT,
    PRIMARY KEY (run)
)""",
    'CREATE INDEX runs_group ON runs ("group")',
    "CREATE INDEX runs_started_at ON runs (started_at)",
    """\
CREATE TABLE spools (
    run VARCHAR(32) NOT NULL,
    place INTEGER NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (run, place)
)""",
    VERSION_TABLE.format(schema=""),
)
"""Statements, in order."""
