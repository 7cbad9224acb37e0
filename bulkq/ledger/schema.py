"""The tables of a ledger.

In SQLite they are a file of their own; in PostgreSQL they stand in the schema `bulkq_ledger`, so that a ledger can live in
a database that has tables, and an `alembic_version`, of its own.

No parameter value is stored anywhere: sets are numbers, messages come through `redact_message`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

POSTGRES_SCHEMA = "bulkq_ledger"

metadata = MetaData()

RUNS = Table(
    "runs",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("mode", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("targets", Text, nullable=False),  # JSON array
    Column("request", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("started_at", String(40), nullable=False),
    Column("ended_at", String(40)),
    Column("exit_code", Integer),
    Column("retry_of", String(32)),
    Column("elapsed_s", Float, nullable=False),
    Column("ok", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("unknown", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("retried", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("unanswered", BigInteger, nullable=False),
    Column("heartbeat_s", Float, nullable=False),  # since 1970, by the clock of the ledger's server
    Column("shard", String(32)),  # `2/3`: ranges count its sets alone, failures those of the whole input
    Column("group", Text),
    Index("runs_started_at", "started_at"),
    Index("runs_group", "group"),
)

DONE = Table(
    "done_ranges",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

FAILURES = Table(
    "failures",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("sqlstate", String(64)),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    sqlite_with_rowid=False,
)

PARTS = Table(
    "parts",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("query", Text, nullable=False),  # "" until a failure has named it
    Column("target", Text, nullable=False),
    Column("source_n", BigInteger),
    Column("source_offset", BigInteger),
    Column("source_line", BigInteger),
    Column("source_digest", Text),
)

POSITIONS = Table(
    "positions",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, primary_key=True),
    Column("offset", BigInteger, nullable=False),
)

SPOOLS = Table(
    "spools",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("path", Text, nullable=False),
)

CHECKS = Table(
    "checks",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),  # in the order of the report
    Column("checked", Text, nullable=False),  # file and name: the same in every run
    Column("target", Text, nullable=False),
    Column("params", String(32), nullable=False),  # a digest; "" where there are none
    Column("at", String(40), nullable=False),  # when the run began
    Column("name", Text, nullable=False),
    Column("file", Text),
    Column("line", Integer, nullable=False),
    Column("verdict", String(8), nullable=False),
    Column("expected", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("value", Text),
    Column("rows", BigInteger),
    Column("sqlstate", String(64)),
    Column("description", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("tags", Text, nullable=False),  # JSON array
    Column("began_s", Float, nullable=False),
    Column("elapsed_s", Float, nullable=False),
    Column("lane", Integer, nullable=False),
    Index("checks_by_name", "checked", "at"),
)

EVENTS = Table(
    "events",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # ascending, over all processes of the run
    Column("at", String(40), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("made_by", Text, nullable=False),  # user@host; "" if the run did it by itself
    Column("text", Text, nullable=False),
    Column("data", Text),  # JSON object
)

COMMANDS = Table(
    "commands",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(40), nullable=False),
    Column("made_by", Text, nullable=False),  # user@host
    Column("request", Text, nullable=False),  # JSON object
    Column("answer", Text),  # JSON object; NULL until the run has carried it out
)
